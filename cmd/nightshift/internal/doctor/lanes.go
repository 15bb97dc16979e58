package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// busyAtMost is how long workers may be busy with what they have without
// taking or finishing a single job. A call takes up to four minutes.
const busyAtMost = 5 * time.Minute

// fewRepeats is how many jobs may be in hand for the second time before
// anybody has to look: a worker that ends leaves some.
const fewRepeats = 10

func laneNames() []string {
	var names []string
	for _, lane := range event.Lanes {
		names = append(names, laneName(lane))
	}
	return names
}

func laneName(lane event.Lane) string { return "jobs " + string(lane) }

// lanes looks whether the jobs of each lane get to workers.
func (v *visit) lanes(ctx context.Context) []Check {
	var checks []Check
	for _, lane := range event.Lanes {
		checks = append(checks, v.lane(ctx, lane))
	}
	return checks
}

func (v *visit) lane(ctx context.Context, lane event.Lane) Check {
	name := laneName(lane)
	f, err := laneFacts(ctx, v.JS, lane)
	if err == nil && f.idle() && pause(ctx) { // A worker may be between two pulls.
		f, err = laneFacts(ctx, v.JS, lane)
	}
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound):
		return skipped(name, "its consumer is missing")
	case err != nil:
		return broken(name, "it cannot be looked at: %s", said(err)).mend("look at the NATS server's log")
	}
	return f.judge(name, lane)
}

// facts are how a lane is at one moment.
type facts struct {
	ready            uint64 // Waiting for a worker.
	inHand, repeated int    // Delivered and not done; some of them before.
	pulls            int    // Requests of workers that wait for a job.
	paused           time.Duration
	active           time.Time // The last delivery, or the last job done.
	oldest           time.Time // When the first message that is there was stored; zero: none.
	now              time.Time // By the server's clock.
}

func laneFacts(ctx context.Context, js jetstream.JetStream, lane event.Lane) (facts, error) {
	stream, err := js.Stream(ctx, event.StreamJobs)
	if err != nil {
		return facts{}, err
	}
	cons, err := stream.Consumer(ctx, lane.Durable())
	if err != nil {
		return facts{}, err
	}
	info := cons.CachedInfo()
	f := facts{
		ready: info.NumPending, inHand: info.NumAckPending, repeated: info.NumRedelivered, pulls: info.NumWaiting,
		now: info.TimeStamp, active: info.Created,
	}
	if info.Paused {
		f.paused = info.PauseRemaining
	}
	for _, at := range []*time.Time{info.Delivered.Last, info.AckFloor.Last} {
		if at != nil && at.After(f.active) {
			f.active = *at
		}
	}
	msg, err := stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(lane.Filter()))
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return facts{}, err
	}
	if err == nil {
		f.oldest = msg.Time
	}
	return f, nil
}

// idle reports that jobs wait and nobody asks for one.
func (f facts) idle() bool { return f.ready > 0 && f.pulls == 0 && f.inHand == 0 }

func (f facts) judge(name string, lane event.Lane) Check {
	says := f.words()
	quiet := f.now.Sub(f.active)
	switch {
	case f.paused > 0:
		return warning(name, "%s; the consumer is paused for another %s", says, spanOf(f.paused)).
			mend(fmt.Sprintf("nats consumer resume %s %s", event.StreamJobs, lane.Durable()))
	case f.idle():
		return warning(name, "%s, and no worker is pulling", says).
			mend("nightshift consume", "or, if workers are running, look in their logs for why pulling is paused")
	case f.inHand > 0 && f.pulls == 0 && quiet > busyAtMost:
		return warning(name, "%s, but none was taken or finished for %s: the workers may be dead", says, spanOf(quiet)).
			mend("look in the workers' logs", "nightshift consume")
	case f.repeated >= fewRepeats && 2*f.repeated >= f.inHand:
		return warning(name, "%s, %d of them not for the first time: workers die, or hand jobs back", says, f.repeated).
			mend("look in the workers' logs for the reason")
	case f.ready == 0 && f.inHand == 0 && f.pulls == 0:
		return ok(name, "no job waits, and no worker is pulling")
	}
	return ok(name, "%s", says)
}

func (f facts) words() string {
	if f.ready == 0 && f.inHand == 0 {
		return "no job waits, workers are pulling"
	}
	says := jobsOf(f.ready, " ready") + fmt.Sprintf(", %d in hand", f.inHand)
	if !f.oldest.IsZero() {
		says += fmt.Sprintf(", the oldest queued %s ago", spanOf(max(0, f.now.Sub(f.oldest))))
	}
	return says
}
