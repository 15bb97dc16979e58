package doctor

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// overdue is how late a parked job may be. A server that fires 300,000 at once
// takes some seconds for it.
const overdue = 2 * time.Minute

// parked counts the jobs that wait for their time, and looks at the one that
// was parked first. They are counted as what is neither ready nor in hand:
// to list them would take memory for each.
func (v *visit) parked(ctx context.Context) []Check {
	const name = "jobs parked"
	stream, err := v.JS.Stream(ctx, event.StreamJobs)
	if err != nil {
		return []Check{skipped(name, "the stream of the jobs cannot be asked")}
	}
	info := stream.CachedInfo()
	rest := int64(info.State.Msgs) - int64(v.orphaned)
	for _, lane := range event.Lanes {
		cons, err := stream.Consumer(ctx, lane.Durable())
		if err != nil {
			return []Check{skipped(name, "a consumer cannot be asked")}
		}
		rest -= int64(cons.CachedInfo().NumPending) + int64(cons.CachedInfo().NumAckPending)
	}
	first, err := stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(event.RetrySubject("*", "*")))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return []Check{ok(name, "none")}
	}
	if err != nil {
		return []Check{broken(name, "they cannot be looked at: %s", said(err)).mend("look at the NATS server's log")}
	}
	return []Check{judgeParked(name, uint64(max(rest, 1)), first.Header.Get(jetstream.ScheduleHeader), info.TimeStamp)}
}

// judgeParked wants the first parked job not to be long overdue.
func judgeParked(name string, parked uint64, schedule string, now time.Time) Check {
	says := jobsOf(parked, "")
	due, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(schedule, "@at "))
	if late := now.Sub(due); err == nil && late > overdue {
		return warning(name, "%s, one of them overdue for %s: the NATS server does not fire scheduled messages", says, spanOf(late)).
			mend("restart the NATS server; in a cluster: nats stream cluster step-down " + event.StreamJobs)
	}
	return ok(name, "%s", says)
}
