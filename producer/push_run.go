package producer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// pushesAtOnce bounds the notices that one process has in hand.
const pushesAtOnce = 32

// A pull waits this long for notices; the heartbeat finds out within twice its
// time when the consumer's leader has gone.
const (
	pushWait      = 2 * time.Second
	pushHeartbeat = 500 * time.Millisecond
)

// pushTimeout bounds the work on one notice.
const pushTimeout = 5 * time.Second

// Run wakes jobs until ctx ends; the notices in hand are worked off then. A
// process that is killed leaves them to another one. It returns an error only
// when the streams cannot be used at all.
func (p *Pushes) Run(ctx context.Context) error {
	var parked *ParkedJobs
	var cons jetstream.Consumer
	err := patiently(ctx, func(ctx context.Context) (err error) {
		if parked, err = OpenParked(ctx, p.JS); err == nil {
			cons, err = p.JS.Consumer(ctx, event.StreamPushes, event.DurablePushes)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("producer: consumer %s: %w", event.DurablePushes, err)
	}
	var hands sync.WaitGroup
	defer hands.Wait()
	free := make(chan struct{}, pushesAtOnce)
	for ctx.Err() == nil {
		err := p.pull(ctx, cons, func(msg jetstream.Msg) {
			free <- struct{}{}
			hands.Go(func() {
				defer func() { <-free }()
				brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushTimeout)
				defer cancel()
				p.handle(brief, parked, msg)
			})
		})
		if err != nil && ctx.Err() == nil {
			p.Log.Warn("cannot pull pushes (continuing)", "err", err)
			_ = pause(ctx, time.Second)
		}
	}
	return nil
}

// pull takes notices for a while.
func (p *Pushes) pull(ctx context.Context, cons jetstream.Consumer, take func(jetstream.Msg)) error {
	batch, err := cons.Fetch(pushesAtOnce, jetstream.FetchMaxWait(pushWait), jetstream.FetchHeartbeat(pushHeartbeat))
	if err != nil {
		return err
	}
	for msg := range batch.Messages() {
		if ctx.Err() != nil {
			_ = msg.Nak() // another process takes it at once
			continue
		}
		take(msg)
	}
	if err := batch.Error(); !errors.Is(err, jetstream.ErrNoMessages) {
		return err
	}
	return nil
}
