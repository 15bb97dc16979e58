package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

// publications is how many jobs one measurement of publishing publishes.
const publications = 200_000

// publish measures the producer against publications that nobody looks at.
func (b *bench) publish() error {
	var plain, ours samples
	for i := range b.Repeat {
		rate, err := b.publishPlain(i)
		if err != nil {
			return err
		}
		plain = append(plain, rate)
		if rate, err = b.publishJobs(i); err != nil {
			return err
		}
		ours = append(ours, rate)
	}
	b.add(figure{Name: "bare asynchronous publications", Unit: "jobs/s", Samples: plain})
	b.add(figure{Name: "producer", Unit: "jobs/s", Samples: ours, Reference: "bare asynchronous publications", Target: "80,000 jobs/s"})
	return nil
}

// publishJobs publishes jobs of logins that have none.
func (b *bench) publishJobs(i int) (rate float64, err error) {
	ctx := context.Background()
	if err := b.purge(); err != nil {
		return 0, err
	}
	plan := producer.Plan{Cycle: cycle(i), Lane: event.Nightly, Mode: event.Cached}
	began := time.Now()
	tally, err := producer.Publisher{JS: b.js}.Publish(ctx, func(yield func(event.Job, error) bool) {
		for n := range publications {
			if !yield(plan.Job(producer.Entry{LoginID: login(n)}, began), nil) {
				return
			}
		}
	}, nil)
	if err == nil && tally.Queued != publications {
		err = fmt.Errorf("queued %d of %d", tally.Queued, publications)
	}
	return publications / time.Since(began).Seconds(), err
}

func login(n int) string { return fmt.Sprintf("5e115eac-1209-4f19-641c-%012d", n) }

// publishPlain publishes the same bytes into a stream of no rules, as fast as
// the client can.
func (b *bench) publishPlain(i int) (rate float64, err error) {
	ctx := context.Background()
	name := fmt.Sprintf("PLAIN_%d", i)
	if _, err := b.js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{"plain.>"}}); err != nil {
		return 0, err
	}
	defer b.js.DeleteStream(ctx, name)
	data, err := json.Marshal(producer.Plan{Cycle: cycle(0), Lane: event.Nightly, Mode: event.Cached}.Job(producer.Entry{LoginID: login(0)}, time.Now()))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for n := range publications {
		id := login(n)
		msg := &nats.Msg{Subject: "plain." + id, Data: data, Header: nats.Header{nats.MsgIdHdr: {id + ":" + name}}}
		if _, err := b.js.PublishMsgAsync(msg, jetstream.WithStallWait(10*time.Second)); err != nil {
			return 0, err
		}
	}
	<-b.js.PublishAsyncComplete()
	return publications / time.Since(began).Seconds(), nil
}

// purge takes all jobs away.
func (b *bench) purge() error {
	s, err := b.js.Stream(context.Background(), event.StreamJobs)
	if err != nil {
		return err
	}
	return s.Purge(context.Background())
}
