package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"nightshift/cmd/nightshift/internal/ui"
)

const (
	bulkAtOnce   = 32              // messages that are changed at once: a server may be far away
	bulkProgress = 100             // from so many on, progress is shown
	bulkGrace    = 5 * time.Second // for those in hand when the operator stops
)

// bulk does the same to many messages, several at once, until one goes wrong or
// ctx ends. What was begun is let finish: stopping is not failing. do must be
// such that the same command, given again, does the rest.
func bulk(ctx context.Context, screen *ui.Screen, label string, ids []uint64, do func(context.Context, uint64) error) error {
	if len(ids) >= bulkProgress {
		screen.Start(label, len(ids))
		defer screen.Finish()
	}
	var done atomic.Int64
	g, begin := errgroup.WithContext(ctx)
	g.SetLimit(bulkAtOnce)
	for _, id := range ids {
		if begin.Err() != nil {
			break
		}
		g.Go(func() error {
			one, cancel := graced(ctx, bulkGrace)
			defer cancel()
			if err := do(one, id); err != nil {
				return err
			}
			screen.Progress(int(done.Add(1)), "")
			return nil
		})
	}
	err := g.Wait()
	left := len(ids) - int(done.Load())
	switch {
	case left == 0:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("stopped: %d of %d are left; the same command does the rest", left, len(ids))
	}
	return fmt.Errorf("%w (%d of %d are left; the same command does the rest)", err, left, len(ids))
}

// graced is a context that outlives ctx by the grace time.
func graced(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	one, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return one, func() { stop(); cancel() }
}
