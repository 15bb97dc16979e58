package consumer

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// tell publishes the outcome, and makes it the one that counts: if another
// worker has told one before, that one.
func (w *Worker) tell(h *hold, o *event.Outcome) error {
	if err := o.Check(); err != nil {
		return fmt.Errorf("consumer: outcome %s: %w", o.ID(), err)
	}
	msg, err := outcomeMsg(o, h.msg.Headers())
	if err != nil {
		return err
	}
	var repeat bool
	err = w.retry(h, "tell outcome", func(ctx context.Context) error {
		ack, err := w.JS.PublishMsg(ctx, msg)
		if err == nil {
			repeat = ack.Duplicate
		}
		return err
	})
	if err != nil {
		return err
	}
	if !repeat {
		w.Stats.Told.Add(1)
		if w.Log.Enabled(h, slog.LevelDebug) {
			w.Log.Debug("outcome", "job", o.ID(), "type", o.Type, "reason", o.Reason, "flinks_code", o.FlinksCode)
		}
		if w.OnOutcome != nil {
			w.OnOutcome(*o)
		}
		return nil
	}
	w.Stats.Repeated.Add(1)
	if last, err := w.lastOutcome(h, event.AnyOutcomeSubject(o.LoginID)); err == nil && last != nil && last.Cycle == o.Cycle {
		*o = *last
	}
	return nil
}

// outcomesOnly is the stream that an outcome is meant for.
var outcomesOnly = []string{event.StreamOutcomes}

// outcomeMsg is the outcome as a CloudEvent in binary mode.
func outcomeMsg(o *event.Outcome, from nats.Header) (*nats.Msg, error) {
	data, err := o.Encode()
	if err != nil {
		return nil, err
	}
	msg := &nats.Msg{Subject: o.Subject(), Data: data, Header: nats.Header(o.Headers())}
	msg.Header[jetstream.MsgIDHeader] = msg.Header[event.HeaderID]
	msg.Header[jetstream.ExpectedStreamHeader] = outcomesOnly
	if tp := from.Get(event.HeaderTraceparent); tp != "" {
		msg.Header.Set(event.HeaderTraceparent, tp)
	}
	return msg, nil
}
