package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
	"nightshift/state"
)

// sessionLife is how long a requestId can be used after the last call with it
// (Flinks: help 43000436113; resume-and-reconnect for challenges).
const sessionLife = 8 * time.Minute

// end settles a job: accounts, outcome, record, ack, in this order. Each step
// may be repeated, so a worker may die between any two.
func (w *Worker) end(h *hold, m Move, c *course) {
	o := outcomeOf(m, c, time.Now())
	if err := w.keepAccounts(h, &o, c); err != nil {
		w.unsettled(h, o, err)
		return
	}
	told, err := w.tell(h, o)
	if err != nil {
		w.unsettled(h, o, err)
		return
	}
	w.finish(h, told)
}

// unsettled leaves a job whose end could not be stored before the worker had
// to stop. Its message comes back, to another worker.
func (w *Worker) unsettled(h *hold, o event.Outcome, err error) {
	w.Log.Warn("outcome not stored before the end of the grace time; the job will be repeated",
		"job", o.ID(), "type", o.Type, "err", err)
	w.handBack(h, 0)
}

// outcomeOf words the ending.
func outcomeOf(m Move, c *course, now time.Time) event.Outcome {
	w := m.Work
	o := event.Outcome{
		LoginID: w.LoginID, Cycle: w.Cycle, Lane: w.Lane,
		Type: m.Type, Reason: m.Reason, FlinksCode: w.Spent.FlinksCode,
		Institution: w.Institution,
		LastRefresh: w.LastRefresh,
		Calls:       event.Calls{Cached: w.Spent.Cached, Live: w.Spent.Live},
		Timings:     event.Timings{Published: w.Published, Started: w.Spent.Started, Ended: now.UTC()},
		Job:         w.Asked(),
	}
	if w.RequestID != "" && !c.lastReply.IsZero() {
		o.RequestID, o.RequestIDExpires = w.RequestID, c.lastReply.Add(sessionLife).UTC()
	}
	if m.Type == event.Refreshed {
		o.Counts = c.counts
	}
	return o
}

// keepAccounts stores the data that a refresh brought, one object per login.
func (w *Worker) keepAccounts(h *hold, o *event.Outcome, c *course) error {
	if w.Accounts == nil || o.Type != event.Refreshed || c.detail == nil {
		return nil
	}
	return w.retry(h, "keep accounts", func(ctx context.Context) error {
		ref, err := w.Accounts.Put(ctx, o.LoginID, c.object(*o))
		if err == nil {
			o.Accounts = &ref
		}
		return err
	})
}

// tell publishes the outcome and returns the one that counts: if another
// worker has told one before, that one.
func (w *Worker) tell(h *hold, o event.Outcome) (event.Outcome, error) {
	if err := o.Check(); err != nil {
		return o, fmt.Errorf("consumer: outcome %s: %w", o.ID(), err)
	}
	msg, err := outcomeMsg(o, h.msg.Headers())
	if err != nil {
		return o, err
	}
	var repeat bool
	err = w.retry(h, "tell outcome", func(ctx context.Context) error {
		ack, err := w.JS.PublishMsg(ctx, msg, jetstream.WithMsgID(o.ID()), jetstream.WithExpectStream(event.StreamOutcomes))
		if err == nil {
			repeat = ack.Duplicate
		}
		return err
	})
	if err != nil {
		return o, err
	}
	if !repeat {
		w.Stats.Told.Add(1)
		w.Log.Debug("outcome", "job", o.ID(), "type", o.Type, "reason", o.Reason, "flinks_code", o.FlinksCode)
		if w.OnOutcome != nil {
			w.OnOutcome(o)
		}
		return o, nil
	}
	w.Stats.Repeated.Add(1)
	if told, err := w.told(h, o.Job); err == nil && told != nil {
		return *told, nil
	}
	return o, nil
}

// outcomeMsg is the outcome as a CloudEvent in binary mode.
func outcomeMsg(o event.Outcome, from nats.Header) (*nats.Msg, error) {
	data, err := o.Encode()
	if err != nil {
		return nil, err
	}
	msg := &nats.Msg{Subject: o.Subject(), Data: data, Header: nats.Header(o.Headers())}
	if tp := from.Get(event.HeaderTraceparent); tp != "" {
		msg.Header.Set(event.HeaderTraceparent, tp)
	}
	return msg, nil
}

// told reads the job's outcome from the stream; nil: it has none yet. The
// stream is the truth about what has ended.
func (w *Worker) told(h *hold, job event.Job) (*event.Outcome, error) {
	ctx, cancel := h.brief()
	defer cancel()
	raw, err := w.outcomes.GetLastMsgForSubject(ctx, event.AnyOutcomeSubject(job.LoginID))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consumer: look up last outcome: %w", err)
	}
	o, err := event.DecodeOutcome(raw.Data)
	if err != nil || o.Cycle != job.Cycle {
		return nil, err
	}
	return &o, nil
}

// finish writes the ending down in Redis and acks. Without Redis the message
// comes back later: then the outcome is found in the stream, and only this is
// left to do.
func (w *Worker) finish(h *hold, o event.Outcome) {
	ctx, cancel := h.brief()
	defer cancel()
	err := w.State.Finish(ctx, h.lease, state.Ending{
		Type: string(o.Type), Reason: string(o.Reason), Ended: o.Timings.Ended,
		Refreshed: o.Type == event.Refreshed,
		Refused:   o.Type == event.ReconnectRequired && o.Reason != event.RefusedBefore,
	})
	if err != nil {
		w.redis.close("redis", "redis does not answer", "err", err)
		w.nak(h.msg, redisDown)
		return
	}
	w.ack(h.msg)
}

// mostDead is how much of a message is buried, in bytes. With its headers, one
// of the largest size would be too large for the server.
const mostDead = 512 << 10

// bury moves a message that is no valid job where an operator can look at it.
func (w *Worker) bury(ctx context.Context, msg jetstream.Msg, meta *jetstream.MsgMetadata, why error) {
	reason := event.DeadMalformed
	if je, ok := errors.AsType[*event.JobError](why); ok {
		reason = je.Reason
	}
	dead := &nats.Msg{Subject: event.DeadSubject(reason), Data: msg.Data()[:min(len(msg.Data()), mostDead)], Header: nats.Header{
		event.HeaderDeadError:    {headerSafe(why.Error())},
		event.HeaderDeadSubject:  {msg.Subject()},
		event.HeaderDeadSequence: {fmt.Sprint(meta.Sequence.Stream)},
	}}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	id := fmt.Sprintf("dead:%d", meta.Sequence.Stream)
	if _, err := w.JS.PublishMsg(ctx, dead, jetstream.WithMsgID(id), jetstream.WithExpectStream(event.StreamDead)); err != nil {
		w.Log.Warn("cannot bury a message that is no valid job (continuing)", "subject", msg.Subject(), "err", err)
		w.nak(msg, redisDown)
		return
	}
	w.Stats.Dead.Add(1)
	w.Log.Error("message is no valid job; moved to "+event.StreamDead, "subject", msg.Subject(), "reason", reason, "err", why)
	w.ack(msg)
}

// headerSafe keeps a text to one line of printable characters.
func headerSafe(s string) string {
	clean := slices.DeleteFunc([]rune(s), func(r rune) bool { return r < ' ' || r == 0x7f })
	return string(clean[:min(len(clean), 500)])
}

// retry repeats a step of the settlement until it is stored or the worker's
// grace is over. The heartbeat goes on meanwhile, so the job stays ours.
func (w *Worker) retry(h *hold, what string, op func(context.Context) error) error {
	bo := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond),
		backoff.WithMaxInterval(5*time.Second),
		backoff.WithMaxElapsedTime(0),
	)
	told := false
	return backoff.RetryNotify(func() error {
		ctx, cancel := h.brief()
		defer cancel()
		return op(ctx)
	}, backoff.WithContext(bo, h), func(err error, _ time.Duration) {
		if !told {
			told = true
			w.Log.Warn("cannot "+what+", trying again (continuing)", "login", h.lease.LoginID, "err", err)
		}
	})
}
