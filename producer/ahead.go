package producer

import (
	"context"
	"iter"
	"sync"
)

// ahead works on several items at once, at most so many, and settles them one
// at a time in their order: while one waits for a server, the next has already
// asked. After the first error nothing more is settled, and it returns when
// nobody works any longer.
func ahead[T, R any](ctx context.Context, items iter.Seq[T], most int,
	work func(context.Context, T) (R, error), settle func(T, R) error,
) error {
	type flight struct {
		item   T
		result R
		err    error
		landed chan struct{}
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	var flying []*flight
	land := func() error {
		f := flying[0]
		flying = flying[1:]
		<-f.landed
		if f.err != nil {
			return f.err
		}
		return settle(f.item, f.result)
	}
	for item := range items {
		f := &flight{item: item, landed: make(chan struct{})}
		flying = append(flying, f)
		all.Go(func() {
			defer close(f.landed)
			f.result, f.err = work(ctx, f.item)
		})
		if len(flying) < most {
			continue
		}
		if err := land(); err != nil {
			return err
		}
	}
	for len(flying) > 0 {
		if err := land(); err != nil {
			return err
		}
	}
	return nil
}
