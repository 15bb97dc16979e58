package producer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Answers of the server that the client has no name for.
const (
	errCodeUnavailable        jetstream.ErrorCode = 10008 // the cluster has no leader
	errCodeDuplicateInProcess jetstream.ErrorCode = 10158 // the same publication is being stored
)

// window bounds the publications that wait for the server's answer. It stays
// below the client's own limit of 4000, so that a publication never stalls.
const window = 3500

// answerTimeout is how long an asynchronous publication is waited for.
const answerTimeout = 10 * time.Second

// Publisher writes jobs to [event.StreamJobs].
type Publisher struct {
	JS jetstream.JetStream
}

// Tally counts what became of the jobs that were to be published. A job that
// was stored just when the server went away counts as Already: asked again, it
// is found in its own way.
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
// order, from a goroutine other than the one that runs through jobs.
//
// An error in the list ends the publication when the jobs before it are
// stored. A job that cannot be stored, and the end of ctx, end it at once. It
// can be repeated as a whole.
func (p Publisher) Publish(ctx context.Context, jobs iter.Seq2[event.Job, error], report func(Published)) (Tally, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sent := make(chan sending, window)
	var tally Tally
	done := make(chan error, 1)
	go func() {
		err := p.collect(ctx, sent, &tally, report)
		cancel(err) // The list may be without end, and stops here.
		for range sent {
			continue // The sender must not block.
		}
		done <- err
	}()

	err := p.send(ctx, jobs, sent)
	close(sent)
	lost := <-done
	if err == nil || errors.Is(lost, err) {
		return tally, lost
	}
	return tally, errors.Join(err, lost)
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
		ack, err := s.answer(ctx, timeout)
		if err != nil {
			ack, err = p.publish(ctx, s.msg)
		}
		if err != nil {
			return fmt.Errorf("producer: publish job %s: %w", s.job.OutcomeID(), err)
		}
		already := ack == nil || ack.Duplicate
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

// answer waits for the asynchronous publication. No ack and no error: the
// login has a job already. An error means that nobody knows whether this one
// is stored.
func (s sending) answer(ctx context.Context, timeout *time.Timer) (*jetstream.PubAck, error) {
	if s.future == nil {
		return nil, errNoAnswer
	}
	timeout.Reset(answerTimeout)
	select {
	case ack := <-s.future.Ok():
		return ack, nil
	case err := <-s.future.Err():
		if queued(err) {
			return nil, nil
		}
		return nil, err
	case <-timeout.C:
		return nil, errNoAnswer
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// publish stores one message, which names the stream it expects, and waits for
// it, trying again as long as nobody knows whether it is stored: repeated, the
// publication is refused or answered as a duplicate. No ack and no error: the
// login has another job than the message expects.
func (p Publisher) publish(ctx context.Context, msg *nats.Msg) (*jetstream.PubAck, error) {
	bo := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(time.Minute),
	)
	return backoff.RetryWithData(func() (*jetstream.PubAck, error) {
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		ack, err := p.JS.PublishMsg(ctx, msg)
		if errors.Is(err, jetstream.ErrNoStreamResponse) { // The stream has no leader, or there is none.
			stream := msg.Header.Get(jetstream.ExpectedStreamHeader)
			if _, look := p.JS.Stream(ctx, stream); errors.Is(look, jetstream.ErrStreamNotFound) {
				return nil, backoff.Permanent(fmt.Errorf("stream %s: %w", stream, look))
			}
		}
		switch {
		case err == nil:
			return ack, nil
		case queued(err):
			return nil, nil
		case permanent(err):
			return nil, backoff.Permanent(err)
		}
		return nil, err
	}, backoff.WithContext(bo, ctx))
}

// queued reports whether the server refused the job because the login has one.
func queued(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// permanent reports whether asking again would bring the same: the server has
// answered, or the client can no longer ask.
func permanent(err error) bool {
	for _, p := range []error{nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrMaxPayload} {
		if errors.Is(err, p) {
			return true
		}
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && api.ErrorCode != errCodeDuplicateInProcess && api.Code < 500
}

// JobMsg is the job as a message that expects its login to have no other job
// in the lane.
func JobMsg(job event.Job) (*nats.Msg, error) {
	if err := job.Check(); err != nil {
		return nil, fmt.Errorf("producer: job of %s: %w", job.LoginID, err)
	}
	data, err := job.MarshalJSON() // json.Marshal would check its own output once more
	if err != nil {
		return nil, fmt.Errorf("producer: encode job: %w", err)
	}
	return &nats.Msg{Subject: job.Subject(), Data: data, Header: nats.Header{
		jetstream.MsgIDHeader:                   {job.MsgID()},
		jetstream.ExpectedStreamHeader:          {event.StreamJobs},
		jetstream.ExpectedLastSubjSeqHeader:     {"0"},
		jetstream.ExpectedLastSubjSeqSubjHeader: {event.AnyJobSubject(job.LoginID, job.Lane)},
	}}, nil
}
