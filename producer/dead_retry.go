package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Retried is what became of a dead letter that is a valid job now.
type Retried struct {
	Job event.Job
	// Ended tells that the job had its outcome already, so that it was not
	// published; only the letter was left to clear away.
	Ended bool
}

// ErrOtherJob says that the login has another job in the lane.
var ErrOtherJob = errors.New("another job of the login is in the way")

// DecodeDead reads a job from the bytes of a dead letter, or from what they
// were mended to: by the rules of all jobs, on the subject that the job itself
// names. Its error is an [*event.JobError].
func DecodeDead(data []byte) (event.Job, error) {
	var named event.Job
	_ = json.Unmarshal(data, &named) // what is wrong is told below
	return event.DecodeJob(named.Subject(), data)
}

// Retry publishes a job in place of the letter with this ID, and deletes the
// letter then: cut off in between, the next call completes it. A login that has
// another job in the lane is an error ([ErrOtherJob]), and the letter stays.
func (d *DeadLetters) Retry(ctx context.Context, id uint64, job event.Job) (Retried, error) {
	_, ended, err := lastOutcome(ctx, d.outcomes, job)
	if err == nil && !ended {
		err = d.publish(ctx, id, job)
	}
	if err == nil {
		_, err = d.Drop(ctx, id) // if it is gone, somebody else has done the same
	}
	if err != nil {
		return Retried{}, err
	}
	return Retried{Job: job, Ended: ended}, nil
}

// publish makes sure that the job waits in its lane. Its Nats-Msg-Id is one of
// the letter: by the job's own, the server may know the message that was moved
// away, and would take this one for a repeat.
func (d *DeadLetters) publish(ctx context.Context, id uint64, job event.Job) error {
	msg, err := JobMsg(job)
	if err != nil {
		return err
	}
	msg.Header.Set(jetstream.MsgIDHeader, job.MsgID()+":dead:"+strconv.FormatUint(id, 10))
	p := Publisher{JS: d.js}
	for range 3 { // the job in the way may end between the refusal and the look
		ack, err := p.publish(ctx, msg)
		if err != nil {
			return fmt.Errorf("producer: publish job %s: %w", job.OutcomeID(), err)
		}
		if ack != nil {
			return nil
		}
		waiting, err := p.waiting(ctx, job.LoginID, job.Lane)
		switch {
		case err != nil:
			return err
		case waiting == nil:
			continue
		case waiting.Cycle == job.Cycle:
			return nil
		}
		return fmt.Errorf("producer: %w: that of cycle %s waits in lane %s", ErrOtherJob, waiting.Cycle, job.Lane)
	}
	return fmt.Errorf("producer: jobs of %s come and go; try again", job.LoginID)
}
