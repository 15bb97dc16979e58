package consumer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/state"
)

// errUncertain is the cause of a job's context when Redis has not said in time
// that the login is still ours.
var errUncertain = errors.New("consumer: the lease has run out")

// hold is a job in hand: its message, its lease, and the heartbeat that keeps
// both. Its context ends when the lease is lost or has run out, or
// the worker's grace is over.
type hold struct {
	context.Context
	worker *Worker
	msg    jetstream.Msg
	lease  state.Lease

	cancel context.CancelCauseFunc
	skew   time.Duration // of Redis' clock against this machine's
	until  atomic.Int64  // the lease is certain up to here, Unix nanoseconds
	over   *time.Timer   // fires then
	live   atomic.Int64  // live calls of the cycle, as Redis was told
	asking atomic.Bool   // a live call is on its way

	seat  atomic.Pointer[string] // the institution at which a live session's place is taken
	probe string                 // the institution whose circuit the job's next live call probes

	mu      sync.Mutex
	next    *time.Timer    // of the next heartbeat, which most jobs end before
	beats   sync.WaitGroup // one while a heartbeat is due or under way
	dropped bool           // there is no further one
}

// hold starts the heartbeat of a claim that was asked for at the time asked.
func (w *Worker) hold(ctx context.Context, msg jetstream.Msg, lease state.Lease, asked time.Time, held state.Held) *hold {
	h := &hold{worker: w, msg: msg, lease: lease, skew: time.Until(held.Now)}
	h.Context, h.cancel = context.WithCancelCause(ctx)
	h.live.Store(int64(held.Live))
	until := asked.Add(leaseTTL)
	h.until.Store(until.UnixNano())
	h.over = time.AfterFunc(time.Until(until), h.expire)
	h.beats.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = time.AfterFunc(beatEvery, h.beat)
	return h
}

// now is the time by Redis' clock, which all workers share: one whose own clock
// is wrong neither closes the window early nor parks a job for hours.
func (h *hold) now() time.Time { return time.Now().Add(h.skew).UTC() }

// ours notes that Redis has said so at the time asked.
func (h *hold) ours(asked time.Time) {
	until := asked.Add(leaseTTL)
	h.until.Store(until.UnixNano())
	h.over.Reset(time.Until(until))
}

// isOver reports whether the lease may be somebody else's by now.
func (h *hold) isOver() bool { return time.Now().UnixNano() >= h.until.Load() }

// expire cuts the call in flight off when nobody has said in time that the
// lease is still ours: its request may be waiting in a dead connection, to
// reach Flinks in the middle of another one's session. A live call is let
// finish: it is made, and its answer is worth having.
func (h *hold) expire() {
	if h.isOver() && !h.asking.Load() {
		h.cancel(errUncertain)
	}
}

// drop ends the heartbeat.
func (h *hold) drop() {
	h.over.Stop()
	h.cancel(nil)
	h.mu.Lock()
	h.dropped = true
	if h.next.Stop() {
		h.beats.Done()
	}
	h.mu.Unlock()
	h.beats.Wait()
}

// beat keeps the message and the lease until the next time. Between two times
// there is no goroutine: thousands of jobs may be waiting.
func (h *hold) beat() {
	defer h.beats.Done()
	if h.Err() != nil {
		return
	}
	_ = h.msg.InProgress() // a lost one costs a repeat, which the claim answers
	if err := h.renew(); errors.Is(err, state.ErrLost) {
		h.cancel(err)
		return
	}
	h.keepSeat()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.dropped {
		h.beats.Add(1)
		h.next.Reset(beatEvery)
	}
}

// keepSeat keeps the place of a live session. A lost beat does no harm.
func (h *hold) keepSeat() {
	institution := h.seat.Load()
	if institution == nil {
		return
	}
	ctx, cancel := h.brief()
	defer cancel()
	if err := h.worker.State.KeepSession(ctx, *institution, h.lease.Owner, leaseTTL); err != nil {
		h.worker.Log.Debug("place among the live sessions not renewed (continuing)", "institution", *institution, "err", err)
	}
}

// brief is a context for one operation on Redis or JetStream, which is let
// finish even when the hold has ended: stopping is not failing.
func (h *hold) brief() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(h), storeTimeout)
}

// renew extends the lease. Without Redis it stays certain for the rest of its
// time only.
func (h *hold) renew() error {
	ctx, cancel := h.brief()
	defer cancel()
	asked := time.Now()
	err := h.worker.State.Renew(ctx, h.lease, leaseTTL, int(h.live.Load()), h.isOver())
	switch {
	case err == nil:
		h.ours(asked)
		h.worker.redis.open()
	case !errors.Is(err, state.ErrLost):
		h.worker.redis.close("redis does not answer", "err", err)
	}
	return err
}

// owned carries out what needs the lease. Redis may have forgotten it since the
// last heartbeat: where nobody else has it, it is taken again.
func (h *hold) owned(op func(context.Context) error) error {
	ctx, cancel := h.brief()
	defer cancel()
	err := op(ctx)
	if errors.Is(err, state.ErrLost) && h.renew() == nil {
		err = op(ctx)
	}
	return err
}

// certain makes sure, before a call to Flinks, that the login is still ours.
// After a pause of the process, or without Redis, it may not be.
func (h *hold) certain() error {
	if h.Err() != nil {
		return context.Cause(h)
	}
	if time.Now().Add(storeTimeout).UnixNano() < h.until.Load() {
		return nil
	}
	return h.renew()
}
