package producer

import (
	"context"
	"errors"
	"slices"
	"testing"

	"nightshift/producer/event"
)

// TestLedger: a part is settled once all of its jobs are stored, after those
// before it, whether it has any jobs or not.
func TestLedger(t *testing.T) {
	full := errors.New("full")
	for _, tt := range []struct {
		rule    string
		dues    []int // jobs of each part
		stored  int   // of all
		refused int   // the part that cannot be settled; 0: none
		want    []int // settled parts
	}{
		{"nothing is stored yet", []int{1, 0}, 0, 0, nil},
		{"parts without jobs need no answer", []int{0, 0, 2, 0}, 0, 0, []int{1, 2}},
		{"but wait for those before them", []int{0, 0, 2, 0}, 1, 0, []int{1, 2}},
		{"and follow them at once", []int{0, 0, 2, 0}, 2, 0, []int{1, 2, 3, 4}},
		{"a part in the middle of its jobs waits", []int{1, 2, 1}, 2, 0, []int{1}},
		{"all", []int{1, 2, 1}, 4, 0, []int{1, 2, 3}},
		{"nothing is settled behind a failure", []int{1, 0, 1}, 2, 2, []int{1}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			ctx, fail := context.WithCancelCause(t.Context())
			defer fail(nil)
			var settled []int
			l := &ledger{fail: fail, settle: func(p *part) error {
				if p.buckets[0] == tt.refused {
					return full
				}
				if n := p.counts[CountQueued] + p.counts[CountAlready]; n != len(p.due) {
					t.Errorf("part %d: %d jobs counted of %d", p.buckets[0], n, len(p.due))
				}
				settled = append(settled, p.buckets[0])
				return nil
			}}
			parts := make(chan *part, len(tt.dues))
			for i, due := range tt.dues {
				parts <- &part{buckets: []int{i + 1}, due: make([]event.Job, due), counts: map[string]int{}}
			}
			close(parts)
			var jobs int
			for range l.jobs(context.Background(), parts) {
				jobs++
			}
			for i := range min(tt.stored, jobs) {
				l.stored(Published{Already: i%2 == 0})
			}
			if !slices.Equal(settled, tt.want) {
				t.Errorf("settled %v, want %v", settled, tt.want)
			}
			if err := context.Cause(ctx); (err == full) != (tt.refused != 0) { //nolint:errorlint // the very one
				t.Errorf("cause %v", err)
			}
		})
	}
}
