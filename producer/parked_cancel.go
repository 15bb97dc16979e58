package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Cancel ends the parked job with this sequence as failed, reason cancelled.
// The outcome is told first and the message deleted then, so that a call that
// is cut off is completed by the next one; a job that fires in between finds
// its outcome told, and ends there.
func (p *ParkedJobs) Cancel(ctx context.Context, seq uint64) (Fate, error) {
	raw, err := p.get(ctx, seq)
	if err != nil {
		return "", err
	}
	if raw == nil {
		return Gone, nil
	}
	parked := decodeParked(raw)
	if parked.Err != nil {
		return Unreadable, nil
	}
	told, ours, err := p.tell(ctx, cancelled(parked.Job, time.Now()), raw.Header.Get(event.HeaderTraceparent))
	if err != nil {
		return "", atSequence("cancel", seq, err)
	}
	removed, err := remove(ctx, p.js, p.jobs, seq)
	switch {
	case err != nil:
		return "", err
	case told.Type != event.Failed || told.Reason != event.Cancelled:
		return Ended, nil
	case !ours && !removed:
		return Gone, nil
	}
	return Cancelled, nil
}

// cancelled is the outcome of a job that an operator takes back.
func cancelled(j event.Job, now time.Time) event.Outcome {
	return event.Outcome{
		LoginID: j.LoginID, Cycle: j.Cycle, Lane: j.Lane,
		Type: event.Failed, Reason: event.Cancelled, FlinksCode: j.Spent.FlinksCode,
		Institution: j.Institution,
		Calls:       event.Calls{Cached: j.Spent.Cached, Live: j.Spent.Live},
		Timings:     event.Timings{Published: j.Published, Started: j.Spent.Started, Ended: now.UTC()},
		Job:         j.Asked(),
	}
}

// tell publishes the outcome, unless the job has one. It returns the one that
// counts, and whether it is ours; one that is too old to be found is zero.
func (p *ParkedJobs) tell(ctx context.Context, o event.Outcome, traceparent string) (told event.Outcome, ours bool, err error) {
	if told, ended, err := lastOutcome(ctx, p.outcomes, o.Job); err != nil || ended {
		return told, false, err
	}
	msg, err := outcomeMsg(o, traceparent)
	if err != nil {
		return o, false, err
	}
	ack, err := Publisher{JS: p.js}.publish(ctx, msg)
	if err != nil {
		return o, false, err
	}
	if ack != nil && !ack.Duplicate {
		return o, true, nil
	}
	told, _, err = lastOutcome(ctx, p.outcomes, o.Job)
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
	raw, err := outcomes.GetLastMsgForSubject(ctx, event.AnyOutcomeSubject(job.LoginID))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return event.Outcome{}, false, nil
	}
	if err == nil {
		o, err = event.DecodeOutcome(raw.Data)
	}
	if err != nil {
		return event.Outcome{}, false, fmt.Errorf("producer: look up last outcome of %s: %w", job.LoginID, err)
	}
	if o.Cycle != job.Cycle {
		return event.Outcome{}, false, nil
	}
	return o, true, nil
}

// atSequence says which message an operation went wrong with.
func atSequence(what string, seq uint64, err error) error {
	return fmt.Errorf("producer: %s sequence %d of stream %s: %w", what, seq, event.StreamJobs, err)
}
