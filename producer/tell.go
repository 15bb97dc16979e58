package producer

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// teller tells outcomes of jobs that no worker works on.
type teller struct {
	js       jetstream.JetStream
	outcomes jetstream.Stream
}

// tell publishes the outcome, unless the job has one. It returns the one that
// counts, and whether it is ours; one that is too old to be found is zero.
func (t teller) tell(ctx context.Context, o event.Outcome, traceparent string) (told event.Outcome, ours bool, err error) {
	if told, ended, err := lastOutcome(ctx, t.outcomes, o.Job); err != nil || ended {
		return told, false, err
	}
	msg, err := outcomeMsg(o, traceparent)
	if err != nil {
		return o, false, err
	}
	ack, err := Publisher{JS: t.js}.publish(ctx, msg)
	if err != nil {
		return o, false, err
	}
	if ack != nil && !ack.Duplicate {
		return o, true, nil
	}
	told, _, err = lastOutcome(ctx, t.outcomes, o.Job)
	return told, false, err
}

// outcomeMsg is the outcome as workers tell it: a CloudEvent in binary mode,
// which the stream takes once.
func outcomeMsg(o event.Outcome, traceparent string) (*nats.Msg, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("producer: outcome %s: %w", o.ID(), err)
	}
	data, err := o.Encode()
	if err != nil {
		return nil, err
	}
	msg := &nats.Msg{Subject: o.Subject(), Data: data, Header: nats.Header(o.Headers())}
	msg.Header.Set(jetstream.MsgIDHeader, o.ID())
	msg.Header.Set(jetstream.ExpectedStreamHeader, event.StreamOutcomes)
	if traceparent != "" {
		msg.Header.Set(event.HeaderTraceparent, traceparent)
	}
	return msg, nil
}

// lastOutcome is how the job ended, if the login's last outcome is the job's.
func lastOutcome(ctx context.Context, outcomes jetstream.Stream, job event.Job) (o event.Outcome, ended bool, err error) {
	o, found, err := teller{outcomes: outcomes}.last(ctx, job.LoginID)
	if err != nil || !found || o.Cycle != job.Cycle {
		return event.Outcome{}, false, err
	}
	return o, true, nil
}

// last is the login's last outcome.
func (t teller) last(ctx context.Context, loginID string) (o event.Outcome, found bool, err error) {
	raw, err := t.outcomes.GetLastMsgForSubject(ctx, event.AnyOutcomeSubject(loginID))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return event.Outcome{}, false, nil
	}
	if err == nil {
		o, err = event.DecodeOutcome(raw.Data)
	}
	if err != nil {
		return event.Outcome{}, false, fmt.Errorf("producer: look up last outcome of %s: %w", loginID, err)
	}
	return o, true, nil
}
