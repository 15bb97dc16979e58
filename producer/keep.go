package producer

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"

	"nightshift/state"
)

// Keep runs every night at its time, until ctx ends. A night that was begun is
// always completed, by whichever producer is there; one that was missed as a
// whole, because none was, is left out, or with catchUp run as soon as there is
// one, for as long as its window would have lasted.
func (r Routine) Keep(ctx context.Context, w Window, catchUp bool) error {
	bo := backoff.NewExponentialBackOff(backoff.WithMaxInterval(30*time.Second), backoff.WithMaxElapsedTime(0))
	left := "" // out, and told of
	for {
		night, wait, missed, err := r.due(ctx, w, catchUp)
		if missed && left != night.Cycle {
			left = night.Cycle
			r.Log.Warn("a night was missed and is left out: no producer was there (continuing)", "cycle", night.Cycle)
		}
		if err == nil && wait == 0 {
			r.Log.Info("the night is on", "cycle", night.Cycle, "closes", night.Closes)
			var n state.Night
			if n, err = r.Run(ctx, night, false); err == nil {
				r.Log.Info("every login was seen to", "cycle", n.Cycle, "counts", n.Counts)
			}
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case lostLead(err):
			r.Log.Warn("another producer goes on with the night (continuing)", "cycle", night.Cycle)
		case err != nil:
			r.Log.Error("the night does not go on; trying again", "err", err)
			wait = bo.NextBackOff()
		default:
			bo.Reset()
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// sleepMost bounds a sleep: a clock may be put right meanwhile.
const sleepMost = 10 * time.Minute

// due is the night that is to be run now, or how long to wait before asking
// again. missed says of the last night that it never was begun.
func (r Routine) due(ctx context.Context, w Window, catchUp bool) (night Night, wait time.Duration, missed bool, err error) {
	now, err := r.State.Now(ctx)
	if err != nil {
		return night, 0, false, err
	}
	later := min(w.Next(now).Opens.Sub(now), sleepMost)
	night, on := w.Current(now)
	n, err := r.State.Night(ctx, night.Cycle)
	switch {
	case err != nil:
		return night, 0, false, err
	case !n.Done.IsZero():
		return night, later, false, nil
	case on, !n.Opened.IsZero(): // one that was begun keeps its end
		return night, 0, false, nil
	}
	last, err := r.State.LastNight(ctx)
	switch {
	case err != nil:
		return night, 0, false, err
	case last == "" || last >= night.Cycle: // there were no nights yet
		return night, later, false, nil
	case !catchUp:
		return night, later, true, nil
	}
	night.Closes = now.Add(night.Closes.Sub(night.Opens))
	return night, 0, false, nil
}
