package producer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Parked is a job that waits for its time, as a scheduled message. It comes
// from the stream, so nothing of it is certain but where it lies.
type Parked struct {
	Seq     uint64     // in [event.StreamJobs]
	LoginID string     // of the subject it lies on
	Lane    event.Lane // of the subject it lies on
	Since   time.Time  // when it was parked, by the server's clock

	Due    time.Time    // when it fires; zero: it has no time and never will
	Reason event.Reason // what stands in the way; empty: a worker that stopped handed it on
	Job    event.Job    // as it will go on

	// Err says why the message is no parked job; nil: it is one. What could
	// be read of it is set.
	Err error
}

// errNoSchedule is the fault of a message that will never fire.
var errNoSchedule = errors.New("it has no time to fire at")

// decodeParked reads a message of a retry subject, whatever it holds.
func decodeParked(m *jetstream.RawStreamMsg) Parked {
	p := Parked{Seq: m.Sequence, Since: m.Time.UTC(), Reason: event.Reason(m.Header.Get(event.HeaderParked))}
	if parts := strings.Split(m.Subject, "."); len(parts) == 5 { // as SubjectsJobs says
		p.LoginID, p.Lane = parts[2], event.Lane(parts[3])
	}
	p.Due, p.Err = decodeSchedule(m.Header.Get(jetstream.ScheduleHeader))
	job, err := event.DecodeJob(m.Subject, m.Data)
	if err != nil {
		p.Err = err
		return p
	}
	p.Job = job
	return p
}

// decodeSchedule reads the one form of schedule that a worker writes.
func decodeSchedule(text string) (time.Time, error) {
	at, ok := strings.CutPrefix(text, "@at ")
	if !ok {
		return time.Time{}, errNoSchedule
	}
	due, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return time.Time{}, errNoSchedule
	}
	return due.UTC(), nil
}

// ParkedJobs is the operator's hand on the jobs that wait for their time.
type ParkedJobs struct {
	js             jetstream.JetStream
	jobs, outcomes jetstream.Stream
}

// OpenParked looks the streams up. They must have been set up.
func OpenParked(ctx context.Context, js jetstream.JetStream) (*ParkedJobs, error) {
	p := &ParkedJobs{js: js}
	var err error
	if p.jobs, err = js.Stream(ctx, event.StreamJobs); err != nil {
		return nil, fmt.Errorf("producer: stream %s: %w", event.StreamJobs, err)
	}
	if p.outcomes, err = js.Stream(ctx, event.StreamOutcomes); err != nil {
		return nil, fmt.Errorf("producer: stream %s: %w", event.StreamOutcomes, err)
	}
	return p, nil
}

// List reads the parked jobs that the filter chooses, those parked first
// first. It reads only, and in batches, however many there are. A message that
// cannot be read is listed with its Err; an error ends the list.
func (p *ParkedJobs) List(ctx context.Context, f ParkedFilter) iter.Seq2[Parked, error] {
	return func(yield func(Parked, error) bool) {
		for _, subject := range f.subjects() {
			for m, err := range walk(ctx, p.js, event.StreamJobs, subject) {
				if err != nil {
					yield(Parked{}, err)
					return
				}
				if one := decodeParked(m); f.Match(one) && !yield(one, nil) {
					return
				}
			}
		}
	}
}

// AtWork reports whether the login has a job that waits for a worker, or that
// one has in hand.
func (p *ParkedJobs) AtWork(ctx context.Context, loginID string) (bool, error) {
	_, err := p.jobs.GetLastMsgForSubject(ctx, event.ReadySubject(loginID, "*"))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("producer: look up job of %s: %w", loginID, err)
	}
	return true, nil
}

// get reads one parked job and its message; nil: there is none with this
// sequence, or no longer.
func (p *ParkedJobs) get(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error) {
	m, err := getOne(ctx, p.js, event.StreamJobs, seq)
	if err != nil || m == nil || !strings.HasSuffix(m.Subject, retryToken) {
		return nil, err
	}
	return m, nil
}

// The last tokens of a job's two subjects.
const (
	readyToken = ".ready"
	retryToken = ".retry"
)
