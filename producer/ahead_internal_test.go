package producer

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Work on several parts goes on at once, and what is settled is without gaps,
// whichever ends first.
func TestAhead(t *testing.T) {
	items := []int{5, 1, 4, 2, 3, 0}
	t.Run("in order, at most three at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var now, most atomic.Int32
			var settled []int
			err := ahead(t.Context(), slices.Values(items), 3, func(_ context.Context, n int) (int, error) {
				if c := now.Add(1); c > most.Load() {
					most.Store(c)
				}
				time.Sleep(time.Duration(n) * time.Second)
				now.Add(-1)
				return 10 * n, nil
			}, func(n, ten int) error {
				if ten != 10*n {
					t.Errorf("%d with the result of another", n)
				}
				settled = append(settled, n)
				return nil
			})
			if err != nil || !slices.Equal(settled, items) || most.Load() != 3 {
				t.Errorf("settled %v, %d at once: %v", settled, most.Load(), err)
			}
		})
	})
	t.Run("an error ends it: nothing behind it is settled, and nobody works on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			broken := errors.New("broken")
			var working atomic.Int32
			var settled []int
			err := ahead(t.Context(), slices.Values(items), 3, func(ctx context.Context, n int) (int, error) {
				working.Add(1)
				defer working.Add(-1)
				if n == 1 {
					return 0, broken
				}
				select {
				case <-ctx.Done():
					return 0, ctx.Err()
				case <-time.After(time.Duration(n) * time.Second):
					return n, nil
				}
			}, func(n, _ int) error { settled = append(settled, n); return nil })
			if !errors.Is(err, broken) || !slices.Equal(settled, []int{5}) || working.Load() != 0 {
				t.Errorf("settled %v, %d at work: %v", settled, working.Load(), err)
			}
		})
	})
	t.Run("what cannot be settled ends it too", func(t *testing.T) {
		lost := errors.New("lost")
		err := ahead(t.Context(), slices.Values(items), 3, func(context.Context, int) (int, error) { return 0, nil },
			func(n, _ int) error {
				if n == 4 {
					return lost
				}
				return nil
			})
		if !errors.Is(err, lost) {
			t.Error(err)
		}
	})
}
