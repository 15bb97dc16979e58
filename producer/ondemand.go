package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
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
		ack, err := p.publish(ctx, msg)
		if err != nil {
			return event.Job{}, false, fmt.Errorf("producer: publish job %s: %w", job.OutcomeID(), err)
		}
		if ack != nil { // A duplicate, too, is this job: its cycle is new.
			return job, false, nil
		}
		waiting, err := p.waiting(ctx, loginID, event.OnDemand)
		if err != nil {
			return event.Job{}, false, err
		}
		if waiting != nil {
			return *waiting, waiting.Cycle != job.Cycle, nil
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

// Await waits for the outcome of a job, told already or still to come. It
// outlives restarts of the server; ctx bounds it.
func (p Publisher) Await(ctx context.Context, job event.Job) (event.Outcome, error) {
	bo := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(0),
	)
	o, err := backoff.RetryWithData(func() (event.Outcome, error) {
		o, err := p.await(ctx, job)
		if err != nil && permanent(err) {
			err = backoff.Permanent(err)
		}
		return o, err
	}, backoff.WithContext(bo, ctx))
	if err != nil {
		return event.Outcome{}, fmt.Errorf("producer: await outcome %s: %w", job.OutcomeID(), err)
	}
	return o, nil
}

// clockSkew is how far the producer's clock may be ahead of the server's.
const clockSkew = time.Hour

// await reads the login's outcomes since the job was published. After an error
// one begins anew with another consumer: what this one sent down a connection
// that broke, it would not send again.
func (p Publisher) await(ctx context.Context, job event.Job) (event.Outcome, error) {
	since := job.Published.Add(-clockSkew)
	brief, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	cons, err := p.JS.CreateConsumer(brief, event.StreamOutcomes, jetstream.ConsumerConfig{
		FilterSubject:     event.AnyOutcomeSubject(job.LoginID),
		DeliverPolicy:     jetstream.DeliverByStartTimePolicy,
		OptStartTime:      &since,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: 10 * time.Second, // The server clears it away.
	})
	if err != nil {
		return event.Outcome{}, err
	}
	for {
		msg, err := cons.Next(jetstream.FetchContext(ctx))
		if err != nil {
			return event.Outcome{}, err
		}
		if o, err := event.DecodeOutcome(msg.Data()); err == nil && o.Cycle == job.Cycle {
			return o, nil
		}
	}
}
