package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
	"nightshift/state"
)

// park puts a job down for a long wait: it is published as a scheduled message
// that carries its own checkpoint, Redis is told that the job goes on under
// that message, and the one in hand is acked. A parked job costs no memory and
// no place among the unacknowledged, and survives everything.
func (w *Worker) park(h *hold, work *Work, after time.Duration, why event.Reason) {
	next := &work.Job
	next.Attempt++
	msg, err := parkedMsg(next, why, h.now().Add(after), h.msg.Headers())
	if err != nil {
		w.Log.Error("cannot encode a job (continuing)", "job", next.OutcomeID(), "err", err)
		w.handBack(h, redisDown)
		return
	}
	var seq uint64
	err = w.retry(h, "park job", func(ctx context.Context) error {
		ack, err := w.JS.PublishMsg(ctx, msg, jetstream.WithMsgID(next.MsgID()), jetstream.WithExpectStream(event.StreamJobs))
		if err == nil {
			seq = ack.Sequence
		}
		return err
	})
	if err != nil {
		w.Log.Warn("job not parked before the end of the grace time; it will be repeated", "job", next.OutcomeID(), "err", err)
		w.handBack(h, 0)
		return
	}
	reached(jobParked)
	w.Stats.Parked.Add(1)
	w.Log.Debug("parked", "job", next.OutcomeID(), "attempt", next.Attempt, "after", after, "reason", why)

	err = h.owned(func(ctx context.Context) error {
		return w.State.Park(ctx, h.lease, seq, next.Spent.Live)
	})
	switch {
	case errors.Is(err, state.ErrLost):
		return // the message in hand is somebody else's now
	case err != nil:
		w.Log.Warn("job is parked, but redis was not told (continuing)", "job", next.OutcomeID(), "err", err)
	}
	reached(parkRecorded)
	w.ack(h.msg)
}

// putDown hands a job on at once, with all that it has learnt, because this
// worker stops.
func (w *Worker) putDown(h *hold, work *Work) {
	if errors.Is(context.Cause(h), state.ErrLost) {
		w.lost(work)
		return
	}
	w.park(h, work, 0, "")
}

// parkedMsg is the job as a scheduled message. The due time keeps its fraction
// of a second: rounded down, the job would come back early.
func parkedMsg(next *event.Job, why event.Reason, due time.Time, from nats.Header) (*nats.Msg, error) {
	data, err := next.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("consumer: encode job: %w", err)
	}
	msg := nats.NewMsg(event.RetrySubject(next.LoginID, next.Lane))
	msg.Data = data
	msg.Header.Set(jetstream.ScheduleHeader, "@at "+due.UTC().Format(time.RFC3339Nano))
	msg.Header.Set(jetstream.ScheduleTargetHeader, next.Subject())
	if why != "" {
		msg.Header.Set(event.HeaderParked, string(why))
	}
	if tp := from.Get(event.HeaderTraceparent); tp != "" {
		msg.Header.Set(event.HeaderTraceparent, tp)
	}
	return msg, nil
}
