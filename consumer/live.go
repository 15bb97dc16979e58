package consumer

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
	"nightshift/state"
)

// liveCalls is what the stream says of a login's live calls, and under which
// sequence. The sequence of none is 0.
type liveCalls struct {
	event.LiveCalls
	seq uint64
}

// of are the calls of a cycle.
func (l liveCalls) of(cycle string) int {
	if l.Cycle != cycle {
		return 0
	}
	return l.Live
}

// recordLive writes a live call down before it is made: in Redis, where the
// next worker looks, and in a stream, should Redis forget it.
func (w *Worker) recordLive(h *hold, work *Work, c *course) error {
	err := w.countLive(h, work.Spent.Live)
	if err != nil {
		work.Spent.Live-- // not made, not spent
		return err
	}
	c.recorded = work.Spent.Live
	return nil
}

// countLive counts the cycle's n-th live call. Where the stream has as many
// already, another worker has made a call meanwhile, which Redis had no memory
// to prevent: then the job is the other's.
func (w *Worker) countLive(h *hold, n int) error {
	var last liveCalls
	err := w.retry(h, "look the live calls up", func(context.Context) (err error) {
		last, err = w.readLive(h)
		return err
	})
	if err != nil {
		return err
	}
	if made := last.of(h.lease.Cycle); made >= n {
		if err := w.remindOfLive(h, made); err != nil {
			return err
		}
		return state.ErrLost
	}
	if err := w.remindOfLive(h, n); err != nil {
		return err
	}
	return w.writeLive(h, n, last)
}

// remindOfLive writes the number of live calls down in Redis.
func (w *Worker) remindOfLive(h *hold, n int) error {
	err := h.owned(func(ctx context.Context) error { return w.State.RecordLive(ctx, h.lease, n) })
	if err == nil {
		h.live.Store(int64(n))
	}
	return err
}

// writeLive stores the number of live calls on top of the last one that was
// read; somebody else's in between makes it [state.ErrLost].
func (w *Worker) writeLive(h *hold, n int, last liveCalls) error {
	l := event.LiveCalls{Cycle: h.lease.Cycle, Live: n, Owner: h.lease.Owner}
	data, err := l.Encode()
	if err != nil {
		return err
	}
	msg := &nats.Msg{Subject: event.LiveSubject(h.lease.LoginID), Data: data}
	overtaken := false
	err = w.retry(h, "record live call", func(ctx context.Context) error {
		_, err := w.JS.PublishMsg(ctx, msg, jetstream.WithExpectStream(event.StreamLive),
			jetstream.WithExpectLastSequencePerSubject(last.seq))
		if !wrongLast(err) {
			return err
		}
		now, err := w.readLive(h) // the refusal may be the answer to a repetition
		overtaken = now.LiveCalls != l
		return err
	})
	if err == nil && overtaken {
		return state.ErrLost
	}
	return err
}

// wrongLast reports whether the server has another last message than expected.
func wrongLast(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// unrecord takes a recorded live call back that never reached the bank. If
// that goes wrong, the job has one live call less to spend: the safe side.
func (w *Worker) unrecord(h *hold, n int) {
	ctx, cancel := h.brief()
	defer cancel()
	last, err := w.readLive(h)
	if err == nil && last.Owner == h.lease.Owner {
		err = w.writeLive(h, n, last)
	}
	if err == nil {
		err = w.State.RecordLive(ctx, h.lease, n)
	}
	if err != nil {
		w.Log.Debug("live call stays recorded (continuing)", "login", h.lease.LoginID, "err", err)
		return
	}
	h.live.Store(int64(n))
}

// recallLive brings the number of live calls back to a Redis that may have
// forgotten it. It reports whether the job can go on.
func (w *Worker) recallLive(h *hold, held *state.Held) bool {
	last, err := w.readLive(h)
	if made := last.of(h.lease.Cycle); err == nil && made > held.Live {
		held.Live = made
		err = w.remindOfLive(h, made)
	}
	if err != nil {
		w.Log.Warn("cannot look the live calls up (continuing)", "login", h.lease.LoginID, "err", err)
		w.handBack(h, redisDown)
	}
	return err == nil
}

// readLive reads the last message about the login's live calls.
func (w *Worker) readLive(h *hold) (liveCalls, error) {
	ctx, cancel := h.brief()
	defer cancel()
	raw, err := w.live.GetLastMsgForSubject(ctx, event.LiveSubject(h.lease.LoginID))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return liveCalls{}, nil
	}
	if err != nil {
		return liveCalls{}, fmt.Errorf("consumer: look up live calls: %w", err)
	}
	l, err := event.DecodeLiveCalls(raw.Data)
	return liveCalls{l, raw.Sequence}, err
}
