package state_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"

	"nightshift/state"
)

func TestNight(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		const cycle = "2026-11-22"
		ctx, closes := t.Context(), imported.Add(4*time.Hour)
		lead := func(owner string) bool {
			t.Helper()
			led, wait, err := s.Lead(ctx, cycle, owner, closes, ttl)
			must(t, err)
			if !led && (wait <= 0 || wait > ttl) {
				t.Errorf("%s is to ask again in %v", owner, wait)
			}
			return led
		}
		want := func(want state.Night) {
			t.Helper()
			got, err := s.Night(ctx, cycle)
			must(t, err)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(state.Night{}, "Opened")); diff != "" {
				t.Errorf("night (-want +got):\n%s", diff)
			}
		}
		night := state.Night{Cycle: cycle, Counts: map[string]int{}}
		want(night)
		t.Run("one producer leads", func(t *testing.T) {
			if !lead("a") || lead("b") || !lead("a") {
				t.Error("want a to lead, and b not")
			}
			night.Closes = closes
			want(night)
		})
		t.Run("what it has done stays done", func(t *testing.T) {
			must(t, s.List(ctx, cycle, "a", map[string]string{"login-1": "x", "login-2": "y"}))
			must(t, s.Advance(ctx, cycle, "a", 32, map[string]int{"queued": 3, "waiting": 1}))
			must(t, s.Advance(ctx, cycle, "a", 64, map[string]int{"queued": 2}))
			night.Listed, night.Next, night.Counts = true, 64, map[string]int{"listed": 2, "queued": 5, "waiting": 1}
			want(night)
			got, err := s.Listed(ctx, cycle, []string{"login-2", "login-3"})
			must(t, err)
			if diff := cmp.Diff(map[string]string{"login-2": "y"}, got); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("another takes over when it yields or is gone", func(t *testing.T) {
			must(t, s.Yield(ctx, cycle, "b"))
			if lead("b") {
				t.Error("b yielded what was not its own")
			}
			must(t, s.Yield(ctx, cycle, "a"))
			if !lead("b") {
				t.Error("b does not lead")
			}
			if err := s.Advance(ctx, cycle, "a", 96, map[string]int{"queued": 9}); !errors.Is(err, state.ErrLost) {
				t.Errorf("a advances: %v, want ErrLost", err)
			}
			want(night)
		})
		t.Run("complete", func(t *testing.T) {
			must(t, s.Complete(ctx, cycle, "b", closes))
			night.Done = closes
			want(night)
		})
		t.Run("the last night is the latest", func(t *testing.T) {
			for _, c := range []string{"2026-11-21", cycle, "2026-11-20"} {
				must(t, s.NoteNight(ctx, c))
			}
			if last, err := s.LastNight(ctx); err != nil || last != cycle {
				t.Errorf("%q, %v", last, err)
			}
		})
	})
}
