package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Refresh asks for one login to be refreshed now, on demand. If such a job is
// waiting already, that one is returned and already is true: a second tap on
// the button costs nothing.
func (p Publisher) Refresh(ctx context.Context, loginID string, mode event.Mode, opts event.Options) (job event.Job, already bool, err error) {
	plan := Plan{Cycle: OnDemandCycle(), Lane: event.OnDemand, Mode: mode, Options: opts}
	job = plan.Job(Entry{LoginID: loginID}, time.Now())
	msg, err := JobMsg(job)
	if err != nil {
		return event.Job{}, false, err
	}
	for range 3 { // the job in the way may end between the refusal and the look
		already, err = p.publish(ctx, msg)
		if err != nil {
			return event.Job{}, false, fmt.Errorf("producer: publish job %s: %w", job.OutcomeID(), err)
		}
		if !already {
			return job, false, nil
		}
		waiting, err := p.waiting(ctx, loginID, event.OnDemand)
		if err != nil {
			return event.Job{}, false, err
		}
		if waiting != nil {
			return *waiting, true, nil
		}
	}
	return event.Job{}, false, fmt.Errorf("producer: jobs of %s come and go; try again", loginID)
}

// waiting is the job that a login has in a lane, ready or parked; nil: none.
func (p Publisher) waiting(ctx context.Context, loginID string, lane event.Lane) (*event.Job, error) {
	jobs, err := p.JS.Stream(ctx, event.StreamJobs)
	if err != nil {
		return nil, fmt.Errorf("producer: stream %s: %w", event.StreamJobs, err)
	}
	raw, err := jobs.GetLastMsgForSubject(ctx, event.AnyJobSubject(loginID, lane))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("producer: look up job of %s: %w", loginID, err)
	}
	job, err := event.DecodeJob(raw.Subject, raw.Data)
	if err != nil {
		return nil, fmt.Errorf("producer: waiting job of %s: %w", loginID, err)
	}
	return &job, nil
}

// Await waits for the outcome of a job, told already or still to come.
func (p Publisher) Await(ctx context.Context, job event.Job) (event.Outcome, error) {
	cons, err := p.JS.OrderedConsumer(ctx, event.StreamOutcomes, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{event.AnyOutcomeSubject(job.LoginID)},
		DeliverPolicy:  jetstream.DeliverLastPerSubjectPolicy,
	})
	if err != nil {
		return event.Outcome{}, fmt.Errorf("producer: await outcome: %w", err)
	}
	msgs, err := cons.Messages()
	if err != nil {
		return event.Outcome{}, fmt.Errorf("producer: await outcome: %w", err)
	}
	defer msgs.Stop()
	for {
		msg, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			return event.Outcome{}, fmt.Errorf("producer: await outcome: %w", err)
		}
		if o, err := event.DecodeOutcome(msg.Data()); err == nil && o.Cycle == job.Cycle {
			return o, nil
		}
	}
}
