package consumer

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"

	"nightshift/producer/event"
	"nightshift/state"
)

// sessionLife is how long a requestId can be used after the last call with it
// (Flinks: help 43000436113; resume-and-reconnect for challenges).
const sessionLife = 8 * time.Minute

// end settles a job: accounts, outcome, record, ack, in this order. Each step
// may be repeated, so a worker may die between any two.
func (w *Worker) end(h *hold, m *Move, c *course) {
	o := outcomeOf(m, c, h.now())
	err := w.keepAccounts(h, o, c)
	if err != nil {
		w.unsettled(h, o, err)
		return
	}
	reached(accountsKept)
	if err = w.tell(h, o); err != nil {
		w.unsettled(h, o, err)
		return
	}
	reached(outcomeTold)
	w.finish(h, o)
}

// unsettled leaves a job whose end could not be stored, as a rule because the
// worker had to stop. Its message comes back, to another worker.
func (w *Worker) unsettled(h *hold, o *event.Outcome, err error) {
	var delay time.Duration
	if h.Err() == nil { // it cannot be stored here, nor at once elsewhere
		delay = oursAtLeast
	}
	w.Log.Warn("outcome not stored; the job will be repeated", "job", o.ID(), "type", o.Type, "err", err)
	w.handBack(h, delay)
}

// outcomeOf words the ending.
func outcomeOf(m *Move, c *course, now time.Time) *event.Outcome {
	w := &m.Work
	o := &event.Outcome{
		LoginID: w.LoginID, Cycle: w.Cycle, Lane: w.Lane,
		Type: m.Type, Reason: m.Reason, FlinksCode: w.Spent.FlinksCode,
		Institution: w.Institution,
		LastRefresh: w.LastRefresh,
		Calls:       event.Calls{Cached: w.Spent.Cached, Live: w.Spent.Live},
		Timings:     event.Timings{Published: w.Published, Started: w.Spent.Started, Ended: now},
		Job:         w.Asked(),
	}
	if w.RequestID != "" && !c.lastReply.IsZero() {
		o.RequestID, o.RequestIDExpires = w.RequestID, c.lastReply.Add(sessionLife).UTC()
	}
	if m.Type == event.MFARequired {
		o.AfterExpiry = event.AskRefresh
	}
	if m.Type == event.Refreshed {
		o.Counts = c.counts
	}
	return o
}

// keepAccounts stores the data that a refresh brought, in place of the login's last.
func (w *Worker) keepAccounts(h *hold, o *event.Outcome, c *course) error {
	if w.Accounts == nil || o.Type != event.Refreshed || c.detail == nil {
		return nil
	}
	return w.retry(h, "keep accounts", func(ctx context.Context) error {
		ref, err := w.Accounts.Put(ctx, o.LoginID, c.object(o))
		if err == nil {
			o.Accounts = &ref
		}
		return err
	})
}

// finish writes the ending down in Redis and acks. Without Redis the message
// comes back later: then the outcome is found in the stream, and only this is
// left to do.
func (w *Worker) finish(h *hold, o *event.Outcome) {
	ctx, cancel := h.brief()
	defer cancel()
	err := w.State.Finish(ctx, h.lease, state.Ending{
		Type: string(o.Type), Reason: string(o.Reason), Ended: o.Timings.Ended,
		Code: o.FlinksCode, Institution: o.Institution, Cached: o.Calls.Cached > 0 || o.Type == event.Refreshed,
		Refreshed: o.Type == event.Refreshed, LastRefresh: o.LastRefresh,
		Waiting: o.Type == event.ReconnectRequired || o.Type == event.MFARequired,
		Refused: o.Type == event.ReconnectRequired,
		Before:  o.Reason == event.RefusedBefore,
	})
	if err != nil {
		w.redis.close("redis does not answer", "err", err)
		w.nak(h.msg, redisDown)
		return
	}
	reached(endRecorded)
	w.ack(h.msg)
}

// retry repeats a step of the settlement until it is stored or the worker's
// grace is over. The heartbeat goes on meanwhile, so the job stays ours.
func (w *Worker) retry(h *hold, what string, op func(context.Context) error) error {
	once := func() error {
		ctx, cancel := h.brief()
		defer cancel()
		return op(ctx)
	}
	err := once()
	if err == nil {
		return nil
	}
	w.Log.Warn("cannot store, trying again (continuing)", "what", what, "login", h.lease.LoginID, "err", err)
	bo := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond),
		backoff.WithMaxInterval(5*time.Second),
		backoff.WithMaxElapsedTime(0),
	)
	if !sleep(h.Done(), bo.NextBackOff()) {
		return err
	}
	return backoff.Retry(once, backoff.WithContext(bo, h))
}
