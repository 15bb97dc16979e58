package producer

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks"
	"nightshift/producer/event"
	"nightshift/state"
)

// Pushes takes in what Flinks pushes, and wakes the jobs that wait for it. A
// push is a fact and a wake-up, never a source of data: a worker fetches the
// accounts itself, so that there is one way that they come. All fields must be
// set. Any number of processes may share the work.
type Pushes struct {
	JS    jetstream.JetStream
	State *state.Store
	Log   *slog.Logger

	// Stats may be read at any time.
	Stats PushStats
}

// PushStats counts what came of pushes.
type PushStats struct {
	Woken atomic.Int64 // jobs that were fired because of a push
}

// Notice is what is kept of a push that was received at that time. An error
// says that it is about no login or no session: nothing can come of it. It
// repeats nothing of the push.
func Notice(p flinks.Push, received time.Time) (event.Push, error) {
	n := event.Push{
		LoginID: p.LoginID, RequestID: p.RequestID, ResponseType: p.ResponseType,
		Status: p.Status, FlinksCode: brief(p.FlinksCode), Institution: brief(p.Institution),
		Received: received.UTC(),
	}
	if p.LastRefresh.After(time.Unix(0, 0)) && !p.LastRefresh.After(received) {
		n.LastRefresh = p.LastRefresh
	}
	if err := n.Check(); err != nil {
		return event.Push{}, fmt.Errorf("producer: push: %w", err)
	}
	return n, nil
}

// brief leaves out a text that is too long for a name.
func brief(text string) string {
	const most = 200
	if len(text) > most {
		return ""
	}
	return text
}

// Store keeps a notice in [event.StreamPushes]. It returns when the notice is
// safe there; with an error nobody knows whether it is, and Flinks should send
// it again. Of a push that is stored already, repeat is true.
func (p *Pushes) Store(ctx context.Context, n event.Push) (repeat bool, err error) {
	data, err := n.Encode()
	if err != nil {
		return false, err
	}
	msg := nats.NewMsg(event.PushSubject(n.LoginID))
	msg.Data = data
	msg.Header.Set(jetstream.MsgIDHeader, n.MsgID())
	msg.Header.Set(jetstream.ExpectedStreamHeader, event.StreamPushes)
	ack, err := Publisher{JS: p.JS}.publish(ctx, msg)
	if err != nil {
		return false, fmt.Errorf("producer: store push: %w", err)
	}
	return ack != nil && ack.Duplicate, nil
}
