package consumer

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
	"nightshift/state"
)

// Short waits of a message that cannot be worked on now.
const (
	busyAtMost  = 30 * time.Second // another worker has the login
	busyAtHand  = 2 * time.Second  // the same, while somebody is waiting for the outcome
	redisDown   = 5 * time.Second  // no claim without Redis
	oursAtLeast = 30 * time.Second // the fault is ours
)

// stopped puts a job down that cannot go on here: the worker stops, the lease
// is lost, or Redis is gone. Redis may come back empty, so live calls that the
// job's message does not know of go on in a message of their own.
func (w *Worker) stopped(h *hold, job *event.Job, work *Work, err error) {
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
func (w *Worker) lost(work *Work) {
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
