package event_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// A service has lost what it was told since a moment, and reads it again. It
// makes a durable consumer beside its usual one, which begins at that moment,
// acks what it has done, and is deleted at the end. Restarted in between, the
// service does the same and goes on with what it has not acked. The ce-id of an
// event is the same as the first time, so that nothing need be done twice.
func Example_rereadFromTime() {
	ctx := context.Background()
	js, stop := exampleStream("ann", "bob")
	defer stop()
	since := time.Now() // such as time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	tellExample(js, "cid", "dan")

	cons, err := js.CreateOrUpdateConsumer(ctx, event.StreamOutcomes, jetstream.ConsumerConfig{
		Durable:       "ledger-again-2026-11-22", // a name of its own: where a durable begins is settled for good
		FilterSubject: event.OutcomeSubject("*", event.Refreshed),
		DeliverPolicy: jetstream.DeliverByStartTimePolicy,
		OptStartTime:  &since,
		AckPolicy:     jetstream.AckExplicitPolicy,
	})
	if err != nil {
		log.Fatal(err)
	}
	readToTheEnd(ctx, cons, func(id string, o event.Outcome) { fmt.Println(id, o.Type) })
	if err := js.DeleteConsumer(ctx, event.StreamOutcomes, "ledger-again-2026-11-22"); err != nil {
		log.Fatal(err)
	}
	// Output:
	// cid:2026-11-22 refreshed
	// dan:2026-11-22 refreshed
}

// A service that keeps the sequence of the last event it has done beside its
// own data begins after it, to the event. The rest is as from a time.
func Example_rereadFromSequence() {
	ctx := context.Background()
	js, stop := exampleStream("ann", "bob", "cid", "dan")
	defer stop()
	const done = 3 // meta.Sequence.Stream of the last event that the service has stored

	cons, err := js.CreateOrUpdateConsumer(ctx, event.StreamOutcomes, jetstream.ConsumerConfig{
		Durable:       "ledger-again-after-3",
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   done + 1,
		AckPolicy:     jetstream.AckExplicitPolicy,
	})
	if err != nil {
		log.Fatal(err)
	}
	readToTheEnd(ctx, cons, func(id string, o event.Outcome) { fmt.Println(id, o.Type) })
	// Output:
	// dan:2026-11-22 refreshed
}

// readToTheEnd does each event and acks it, until none is left: neither one to
// come nor one that an earlier life of the service had in its hands.
func readToTheEnd(ctx context.Context, cons jetstream.Consumer, do func(id string, o event.Outcome)) {
	for {
		info, err := cons.Info(ctx)
		if err != nil {
			log.Fatal(err)
		}
		left := int(info.NumPending) + info.NumAckPending
		if left == 0 {
			return
		}
		batch, err := cons.Fetch(min(left, 100), jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			log.Fatal(err)
		}
		for msg := range batch.Messages() {
			outcome, err := event.DecodeOutcome(msg.Data())
			if err != nil {
				log.Fatal(err)
			}
			do(msg.Headers().Get(event.HeaderID), outcome)
			if err := msg.DoubleAck(ctx); err != nil {
				log.Fatal(err)
			}
		}
	}
}
