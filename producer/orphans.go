package producer

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Orphan is a job that no worker will ever get: its message lies in the work
// queue, behind the point up to which the lane's consumer holds everything for
// done. A server that was killed at the wrong moment may leave one behind. It
// keeps its login from getting any other job in the lane.
type Orphan struct {
	Lane     event.Lane
	Subject  string
	Sequence uint64 // of the message in [event.StreamJobs]
}

// maxOrphans bounds how many are looked up at once.
const maxOrphans = 1000

// Orphans finds messages that look like orphans, at most 1,000 of them. One
// that was acked this very moment may be among them: only what is found again
// some seconds later is an orphan. A lane without a consumer has none.
func Orphans(ctx context.Context, js jetstream.JetStream) ([]Orphan, error) {
	stream, err := js.Stream(ctx, event.StreamJobs)
	if err != nil {
		return nil, fmt.Errorf("producer: look for orphans: %w", err)
	}
	var all []Orphan
	for _, lane := range event.Lanes {
		floor, err := settledUpTo(ctx, stream, lane)
		if err != nil {
			return nil, fmt.Errorf("producer: look for orphans: %w", err)
		}
		for next := uint64(1); next <= floor && len(all) < maxOrphans; {
			msg, err := stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(lane.Filter()))
			if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && msg.Sequence > floor {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("producer: look for orphans: %w", err)
			}
			all = append(all, Orphan{Lane: lane, Subject: msg.Subject, Sequence: msg.Sequence})
			next = msg.Sequence + 1
		}
	}
	return all, nil
}

// settledUpTo is the sequence up to which the lane's consumer will deliver
// nothing any more. Beyond the ack floor, only the server knows which messages
// are in somebody's hands.
func settledUpTo(ctx context.Context, stream jetstream.Stream, lane event.Lane) (uint64, error) {
	cons, err := stream.Consumer(ctx, lane.Durable())
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	info := cons.CachedInfo()
	if info.NumAckPending == 0 {
		return max(info.AckFloor.Stream, info.Delivered.Stream), nil
	}
	return info.AckFloor.Stream, nil
}
