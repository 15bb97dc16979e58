package producer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Rescued says what became of an orphan.
type Rescued string

// What becomes of an orphan.
const (
	Requeued Rescued = "queued again" // the same job waits for a worker under a new message
	Removed  Rescued = "removed"      // the job has ended, or goes on under a later message: nothing was left to do
	Gone     Rescued = "gone"         // somebody else has taken the message away
)

// Rescue gives the orphan's job back to the workers: it is published again as
// it is, and then the orphan is deleted. A crash in between, or two rescues at
// once, lose nothing and double nothing: the server refuses a second
// publication, and a job that has ended or goes on elsewhere is not published.
func (o Orphan) Rescue(ctx context.Context, js jetstream.JetStream) (Rescued, error) {
	done, err := o.rescue(ctx, js)
	if err != nil {
		return "", fmt.Errorf("producer: rescue the job on %s, sequence %d: %w", o.Subject, o.Sequence, err)
	}
	return done, nil
}

func (o Orphan) rescue(ctx context.Context, js jetstream.JetStream) (Rescued, error) {
	stream, err := js.Stream(ctx, event.StreamJobs)
	if err != nil {
		return "", err
	}
	msg, err := stream.GetMsg(ctx, o.Sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Gone, nil
	}
	if err != nil {
		return "", err
	}
	done := Removed
	last, needed, err := o.needed(ctx, js, stream, msg)
	if err == nil && needed {
		done, err = Requeued, o.requeue(ctx, js, msg, last)
	}
	switch {
	case queued(err):
		return Gone, nil
	case err != nil:
		return "", err
	}
	return done, remove(ctx, stream, o.Sequence)
}

// needed reports whether the job still has to be done, and the sequence of its
// login's last message in the lane. What is no valid job is needed, too: a
// worker puts it where it can be seen.
func (o Orphan) needed(ctx context.Context, js jetstream.JetStream, stream jetstream.Stream, msg *jetstream.RawStreamMsg) (last uint64, needed bool, err error) {
	newest, err := stream.GetLastMsgForSubject(ctx, laneSubject(o.Subject))
	if err != nil {
		return 0, false, err
	}
	job, err := event.DecodeJob(o.Subject, msg.Data)
	if err != nil {
		return newest.Sequence, true, nil //nolint:nilerr // said above
	}
	if newest.Sequence != o.Sequence {
		later, err := event.DecodeJob(newest.Subject, newest.Data)
		if err == nil && later.Cycle == job.Cycle {
			return newest.Sequence, false, nil
		}
	}
	ended, err := hasEnded(ctx, js, job)
	return newest.Sequence, !ended, err
}

// hasEnded looks for the job's outcome among all that its login has had: the
// last one may be that of another cycle.
func hasEnded(ctx context.Context, js jetstream.JetStream, job event.Job) (bool, error) {
	outcomes, err := js.Stream(ctx, event.StreamOutcomes)
	if err != nil {
		return false, err
	}
	for next := uint64(1); ; {
		msg, err := outcomes.GetMsg(ctx, next, jetstream.WithGetMsgSubject(event.AnyOutcomeSubject(job.LoginID)))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if msg.Header.Get(event.HeaderID) == job.OutcomeID() {
			return true, nil
		}
		next = msg.Sequence + 1
	}
}

// laneSubject matches every message of the login in the lane.
func laneSubject(ready string) string { return strings.TrimSuffix(ready, "ready") + "*" }

// requeue publishes the job again. It has no Nats-Msg-Id, which the server may
// still know from the first time; that the orphan is the last message keeps
// the publication from being repeated.
func (o Orphan) requeue(ctx context.Context, js jetstream.JetStream, from *jetstream.RawStreamMsg, last uint64) error {
	msg := nats.NewMsg(o.Subject)
	msg.Data = from.Data
	if tp := from.Header.Get(event.HeaderTraceparent); tp != "" {
		msg.Header.Set(event.HeaderTraceparent, tp)
	}
	_, err := js.PublishMsg(ctx, msg, jetstream.WithExpectStream(event.StreamJobs),
		jetstream.WithExpectLastSequenceForSubject(last, laneSubject(o.Subject)))
	return err
}

// remove deletes a message that somebody else may have deleted meanwhile. The
// server's answer to that has no code of its own.
func remove(ctx context.Context, stream jetstream.Stream, sequence uint64) error {
	err := stream.DeleteMsg(ctx, sequence)
	if err == nil {
		return nil
	}
	if _, look := stream.GetMsg(ctx, sequence); errors.Is(look, jetstream.ErrMsgNotFound) {
		return nil
	}
	return err
}
