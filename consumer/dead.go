package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

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
	w.Log.Error("message is no valid job; moved away", "to", event.StreamDead, "subject", msg.Subject(), "reason", reason, "err", why)
	w.ack(msg)
}

// headerSafe keeps a text to one line of printable characters.
func headerSafe(s string) string {
	clean := slices.DeleteFunc([]rune(s), func(r rune) bool { return r < ' ' || r == 0x7f })
	return string(clean[:min(len(clean), 500)])
}
