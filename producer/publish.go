package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Answers of the server to a publication that the client has no name for.
const errCodeDuplicateInProcess jetstream.ErrorCode = 10158

// window bounds the publications that wait for the server's answer. It stays
// below the client's own limit of 4000, so that a publication never stalls.
const window = 1024

// answerTimeout is how long an asynchronous publication is waited for.
const answerTimeout = 10 * time.Second

// Publisher writes jobs to [event.StreamJobs].
type Publisher struct {
	JS jetstream.JetStream
}

// Tally counts what became of the jobs that were to be published.
type Tally struct {
	Queued  int // stored by this call
	Already int // the login has a job in this lane already, or had this very one
}

// Published says what became of one job.
type Published struct {
	Job     event.Job
	Already bool
}

// Publish writes jobs until the list ends. A job whose login has one in the
// lane already is no error. report, if not nil, is called for each job in
// order. An error ends the publication; it can be repeated as a whole.
func (p Publisher) Publish(ctx context.Context, jobs iter.Seq2[event.Job, error], report func(Published)) (Tally, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sent := make(chan sending, window)
	var tally Tally
	done := make(chan error, 1)
	go func() { done <- p.collect(ctx, sent, &tally, report) }()

	err := p.send(ctx, jobs, sent)
	close(sent)
	if err != nil {
		cancel(err)
	}
	return tally, errors.Join(err, <-done)
}

// sending is a job on its way.
type sending struct {
	job    event.Job
	msg    *nats.Msg
	future jetstream.PubAckFuture
}

func (p Publisher) send(ctx context.Context, jobs iter.Seq2[event.Job, error], sent chan<- sending) error {
	for job, err := range jobs {
		if err != nil {
			return err
		}
		msg, err := JobMsg(job)
		if err != nil {
			return err
		}
		s := sending{job: job, msg: msg}
		// An error here is like one in the answer: collect tries again.
		s.future, _ = p.JS.PublishMsgAsync(msg)
		select {
		case sent <- s:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// collect waits for the answers, in the order of the jobs.
func (p Publisher) collect(ctx context.Context, sent <-chan sending, tally *Tally, report func(Published)) error {
	timeout := time.NewTimer(answerTimeout)
	defer timeout.Stop()
	for s := range sent {
		already, err := s.answer(ctx, timeout)
		if err != nil {
			already, err = p.publish(ctx, s.msg)
		}
		if err != nil {
			for range sent { //nolint:revive // the sender must not block
			}
			return fmt.Errorf("producer: publish job %s: %w", s.job.OutcomeID(), err)
		}
		if already {
			tally.Already++
		} else {
			tally.Queued++
		}
		if report != nil {
			report(Published{s.job, already})
		}
	}
	return nil
}

var errNoAnswer = errors.New("no answer in time")

// answer waits for the asynchronous publication. An error means that nobody
// knows whether the job is stored.
func (s sending) answer(ctx context.Context, timeout *time.Timer) (already bool, err error) {
	if s.future == nil {
		return false, errNoAnswer
	}
	timeout.Reset(answerTimeout)
	select {
	case ack := <-s.future.Ok():
		return ack.Duplicate, nil
	case err := <-s.future.Err():
		if queued(err) {
			return true, nil
		}
		return false, err
	case <-timeout.C:
		return false, errNoAnswer
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// publish stores one job and waits for it, trying again as long as nobody
// knows whether it is stored: repeated, the publication answers "already".
func (p Publisher) publish(ctx context.Context, msg *nats.Msg) (already bool, err error) {
	bo := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(time.Minute),
	)
	return backoff.RetryWithData(func() (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		ack, err := p.JS.PublishMsg(ctx, msg)
		switch {
		case err == nil:
			return ack.Duplicate, nil
		case queued(err):
			return true, nil
		case permanent(err):
			return false, backoff.Permanent(err)
		}
		return false, err
	}, backoff.WithContext(bo, ctx))
}

// queued reports whether the server refused the job because the login has one.
func queued(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// permanent reports whether the server has answered, so that asking again
// would bring the same.
func permanent(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && api.ErrorCode != errCodeDuplicateInProcess && api.Code < 500
}

// JobMsg is the job as a message that expects its login to have no other job
// in the lane.
func JobMsg(job event.Job) (*nats.Msg, error) {
	if err := job.Check(); err != nil {
		return nil, fmt.Errorf("producer: job of %s: %w", job.LoginID, err)
	}
	data, err := json.Marshal(job)
	if err != nil {
		return nil, fmt.Errorf("producer: encode job: %w", err)
	}
	msg := nats.NewMsg(job.Subject())
	msg.Data = data
	msg.Header.Set(jetstream.MsgIDHeader, job.MsgID())
	msg.Header.Set(jetstream.ExpectedStreamHeader, event.StreamJobs)
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, "0")
	msg.Header.Set(jetstream.ExpectedLastSubjSeqSubjHeader, event.AnyJobSubject(job.LoginID, job.Lane))
	return msg, nil
}
