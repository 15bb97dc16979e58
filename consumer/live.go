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

// writeLive stores how many live calls a cycle has used. The call is not made
// before it is stored.
func (w *Worker) writeLive(h *hold, l event.LiveCalls) error {
	data, err := l.Encode()
	if err != nil {
		return err
	}
	msg := &nats.Msg{Subject: event.LiveSubject(h.lease.LoginID), Data: data}
	return w.retry(h, "record live call", func(ctx context.Context) error {
		_, err := w.JS.PublishMsg(ctx, msg, jetstream.WithExpectStream(event.StreamLive))
		return err
	})
}

// recallLive brings the number of live calls back to a Redis that may have
// forgotten it. It reports whether the job can go on.
func (w *Worker) recallLive(h *hold, held *state.Held) bool {
	live, err := w.readLive(h)
	if err == nil && live > held.Live {
		held.Live = live
		h.live.Store(int64(live))
		err = h.owned(func(ctx context.Context) error { return w.State.RecordLive(ctx, h.lease, live) })
	}
	if err != nil {
		w.Log.Warn("cannot look the live calls up (continuing)", "login", h.lease.LoginID, "err", err)
		w.handBack(h, redisDown)
	}
	return err == nil
}

// readLive reads how many live calls the job's cycle has used.
func (w *Worker) readLive(h *hold) (int, error) {
	ctx, cancel := h.brief()
	defer cancel()
	raw, err := w.live.GetLastMsgForSubject(ctx, event.LiveSubject(h.lease.LoginID))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("consumer: look up live calls: %w", err)
	}
	l, err := event.DecodeLiveCalls(raw.Data)
	if err != nil || l.Cycle != h.lease.Cycle {
		return 0, err
	}
	return l.Live, nil
}
