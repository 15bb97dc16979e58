package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
	"nightshift/state"
)

// Short waits of a message that cannot be worked on now.
const (
	busyAtMost  = 30 * time.Second // another worker has the login
	redisDown   = 5 * time.Second  // no claim without Redis
	oursAtLeast = 30 * time.Second // the fault is ours
)

// handle works one message from its decoding to its ack.
func (w *Worker) handle(ctx context.Context, msg jetstream.Msg) {
	meta, err := msg.Metadata()
	if err != nil {
		w.Log.Error("message has no JetStream metadata (continuing)", "subject", msg.Subject(), "err", err)
		return
	}
	job, err := event.DecodeJob(msg.Subject(), msg.Data())
	if err != nil {
		w.bury(ctx, msg, meta, err)
		return
	}
	lease := state.Lease{
		LoginID: job.LoginID, Cycle: job.Cycle, Fence: meta.Sequence.Stream,
		Owner: fmt.Sprintf("%s/%d/%d", w.Name, meta.Sequence.Stream, meta.NumDelivered),
	}
	claimed := time.Now()
	held, err := w.claim(ctx, lease)
	if err != nil {
		w.redis.close("redis", "redis does not answer", "err", err)
		w.nak(msg, redisDown)
		return
	}
	w.redis.open("redis")
	switch held.Verdict {
	case state.Busy:
		w.nak(msg, min(held.BusyFor+time.Second, busyAtMost))
	case state.Done, state.Stale:
		w.Stats.Repeated.Add(1)
		w.ack(msg)
	case state.Claimed:
		h := w.hold(ctx, msg, lease, claimed)
		defer h.drop()
		if mayRepeat(job, meta, held) && w.settleTold(h, job) {
			return
		}
		w.work(h, job, held)
	}
}

func (w *Worker) claim(ctx context.Context, lease state.Lease) (state.Held, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return w.State.Claim(ctx, lease, leaseTTL)
}

// mayRepeat reports whether the job may have ended already without Redis
// knowing: the message was delivered before, the job is not at its first
// attempt, or Redis' memory does not reach back far enough. The time of
// publication alone does not tell: a producer may publish a night again after
// it has ended, and Redis may have forgotten it in between.
func mayRepeat(job event.Job, meta *jetstream.MsgMetadata, held state.Held) bool {
	return meta.NumDelivered > 1 || job.Attempt > 1 ||
		!held.Known && job.Published.Before(held.Epoch.Add(state.CycleTTL))
}

// settleTold asks the outcome stream whether the job's outcome was told, and
// if so brings Redis up to date. It reports whether nothing is left to do.
func (w *Worker) settleTold(h *hold, job event.Job) bool {
	told, err := w.told(h, job)
	if err != nil {
		w.Log.Warn("cannot look the last outcome up (continuing)", "job", job.OutcomeID(), "err", err)
		w.handBack(h, redisDown)
		return true
	}
	if told == nil {
		return false
	}
	w.Stats.Repeated.Add(1)
	w.finish(h, *told)
	return true
}

// work makes the moves, one after the other, until the job is put down or has
// ended.
func (w *Worker) work(h *hold, job event.Job, held state.Held) {
	c := &course{patience: w.shortBackoff()}
	first := Work{Job: job, RefusedAt: held.RefusedAt}
	first.Spent.Live = max(job.Spent.Live, held.Live)
	move := w.Policy.Begin(first, time.Now())
	for {
		switch move.Do {
		case End:
			w.end(h, move, c)
			return
		case Park:
			w.park(h, move.Work, move.After, move.Reason)
			return
		case Yield:
			w.ours.close(faultyOp(move.Reason, c), ourFault(move.Reason), "job", job.OutcomeID(), "op", c.op, "flinks_code", move.Work.Spent.FlinksCode)
			w.handBack(h, oursAtLeast)
			return
		case Wait:
			if !w.wait(h, move.After) {
				w.putDown(h, move.Work)
				return
			}
		}
		var err error
		if move, err = w.next(h, move.Work, c); err != nil {
			w.stopped(h, job, move.Work, err)
			return
		}
	}
}

// next makes one call and decides what follows. With an error the call was not
// made, or its answer does not count; the move's work is the job as it stands.
func (w *Worker) next(h *hold, work Work, c *course) (Move, error) {
	if !w.wait(h, w.pace.turn(time.Now())) || work.Phase == event.PhaseLive && w.isStopping() {
		return Move{Work: work}, errStopped // a live call that is cut off would be spent in vain
	}
	if err := h.certain(); err != nil {
		return Move{Work: work}, err
	}
	before := work
	reply, err := w.call(h, &work, c)
	if err == nil && h.Err() != nil {
		err = context.Cause(h) // the answer to a call that was cut off says nothing
		if reply.Unsent {
			work.Spent = before.Spent
		}
	}
	if err != nil {
		return Move{Work: work}, err
	}
	move := w.Policy.Step(work, reply, time.Now())
	if move.Work.Spent.Live < work.Spent.Live && c.recorded > before.Spent.Live {
		w.unrecord(h, move.Work.Spent.Live)
	}
	return move, nil
}

// unrecord takes a recorded live call back that never reached the bank. If
// that goes wrong, the job has one live call less to spend: the safe side.
func (w *Worker) unrecord(h *hold, live int) {
	ctx, cancel := h.brief()
	defer cancel()
	if err := w.State.RecordLive(ctx, h.lease, live); err != nil {
		w.Log.Debug("live call stays recorded (continuing)", "login", h.lease.LoginID, "err", err)
	}
}

// stopped puts a job down that cannot go on here: the worker stops, the lease
// is lost, or Redis is gone. Redis may come back empty, so live calls that the
// job's message does not know of go on in a message of their own.
func (w *Worker) stopped(h *hold, job event.Job, work Work, err error) {
	switch {
	case errors.Is(err, errStopped):
		w.putDown(h, work)
	case errors.Is(err, state.ErrLost):
		w.lost(work)
	case work.Spent.Live > job.Spent.Live:
		w.park(h, work, redisDown, "")
	default:
		w.handBack(h, redisDown)
	}
}

// lost leaves a job to whoever has taken it; the message is theirs to ack.
func (w *Worker) lost(work Work) {
	w.Log.Warn("lease lost, job left to its new owner (continuing)", "login", work.LoginID, "cycle", work.Cycle)
}

// wait waits in the process; it reports false when the worker stops or the
// hold ends first.
func (w *Worker) wait(h *hold, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-w.stopping:
	case <-h.Done():
	}
	return false
}

// isStopping reports whether Run was told to stop.
func (w *Worker) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// shortBackoff measures the waits in the process after a hiccup. It stops when
// they have lasted as long as the policy's patience.
func (w *Worker) shortBackoff() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(500*time.Millisecond),
		backoff.WithMultiplier(2),
		backoff.WithMaxInterval(15*time.Second),
		backoff.WithMaxElapsedTime(w.Policy.Patience),
	)
}

// handBack gives the login and the message back as they came.
func (w *Worker) handBack(h *hold, delay time.Duration) {
	ctx, cancel := h.brief()
	defer cancel()
	if err := w.State.Release(ctx, h.lease); err != nil && !errors.Is(err, state.ErrLost) {
		w.Log.Debug("lease not released, it ends by itself (continuing)", "login", h.lease.LoginID, "err", err)
	}
	w.nak(h.msg, delay)
}

// nak asks for the message again after delay. A lost nak comes back after the
// AckWait.
func (w *Worker) nak(msg jetstream.Msg, delay time.Duration) {
	if err := msg.NakWithDelay(delay); err != nil {
		w.Log.Debug("nak not sent (continuing)", "subject", msg.Subject(), "err", err)
	}
}

// ack takes the message off the stream. A lost ack means a repeat, which the
// claim answers.
func (w *Worker) ack(msg jetstream.Msg) {
	if err := msg.Ack(); err != nil {
		w.Log.Debug("ack not sent (continuing)", "subject", msg.Subject(), "err", err)
	}
}

// faultyOp is whose success will show that the fault is mended.
func faultyOp(why event.Reason, c *course) string {
	if why == event.FlinksUnreachable {
		return host
	}
	return c.op
}

// ourFault words why pulling stops, and what to do about it.
func ourFault(why event.Reason) string {
	switch why {
	case event.FlinksUnreachable:
		return "Flinks cannot be reached: check --flinks-url and the network"
	case event.InvalidRequest:
		return "Flinks calls the requests of several logins invalid: check --flinks-url, --flinks-customer-id and the options"
	}
	return "Flinks refuses our credentials: check --flinks-secret-key, --flinks-api-key and --flinks-customer-id"
}
