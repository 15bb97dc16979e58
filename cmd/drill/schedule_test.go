package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSchedule(t *testing.T) {
	const span = 8 * time.Minute
	all := schedule(7, span, 3)
	t.Run("one seed, one schedule", func(t *testing.T) {
		if d := cmp.Diff(all, schedule(7, span, 3)); d != "" {
			t.Error(d)
		}
		if cmp.Equal(all, schedule(8, span, 3)) {
			t.Error("another seed has the same schedule")
		}
	})
	t.Run("every kind comes, and every step of a job's life", func(t *testing.T) {
		came := map[string]bool{}
		for _, f := range all {
			came[string(f.Kind)] = true
			came[f.Step] = true
		}
		for _, k := range slices.Concat(ofReplicas, ofServers) {
			if !came[string(k)] {
				t.Errorf("no %s in %s", k, span)
			}
		}
		for _, s := range steps {
			if !came[s] {
				t.Errorf("no crash at %s", s)
			}
		}
	})
	t.Run("all is over in time, and in a row one fault is over before the next", func(t *testing.T) {
		for _, kinds := range [][]kind{ofReplicas, ofServers} {
			var end time.Duration
			for _, f := range all {
				if !slices.Contains(kinds, f.Kind) {
					continue
				}
				if f.At < end {
					t.Errorf("%v at %v: the one before lasts until %v", f, f.At, end)
				}
				if end = f.At + f.For; end > span {
					t.Errorf("%v ends after %v", f, span)
				}
			}
		}
	})
}
