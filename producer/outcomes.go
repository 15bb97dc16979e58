package producer

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks"
	"nightshift/producer/event"
)

// Selection chooses among the outcomes that were told. Its zero value chooses
// all of them; every field that is set leaves some out.
type Selection struct {
	LoginIDs    []string // any of these
	Cycle       string
	Type        event.Type
	Reason      event.Reason
	Code        flinks.Code // in its normal form, as the outcome's is compared
	Institution string      // in capitals or not
	Since       time.Time   // told then or later
	Until       time.Time   // told earlier
}

// Told is an outcome as it lies in the stream.
type Told struct {
	event.Outcome
	At   time.Time // when the stream took it in
	Data []byte    // the event's data, as it was told
}

// Match reports whether the selection chooses the outcome.
func (s Selection) Match(t Told) bool {
	return (len(s.LoginIDs) == 0 || slices.Contains(s.LoginIDs, t.LoginID)) &&
		(s.Cycle == "" || t.Cycle == s.Cycle) &&
		(s.Type == "" || t.Type == s.Type) &&
		(s.Reason == "" || t.Reason == s.Reason) &&
		(s.Code == "" || flinks.Normalize(t.FlinksCode) == s.Code) &&
		(s.Institution == "" || strings.EqualFold(t.Institution, s.Institution)) &&
		!t.At.Before(s.Since) &&
		(s.Until.IsZero() || t.At.Before(s.Until))
}

// Read yields the outcomes that the selection chooses, in the order in which
// they were told. Without follow it ends with the last one that there is now.
// It reads only: nobody else misses an event because of it.
func (s Selection) Read(ctx context.Context, js jetstream.JetStream, follow bool) iter.Seq2[Told, error] {
	return func(yield func(Told, error) bool) {
		err := s.read(ctx, js, follow, func(t Told) bool { return yield(t, nil) })
		if err != nil {
			yield(Told{}, fmt.Errorf("producer: read outcomes: %w", err))
		}
	}
}

// read calls each until it returns false.
func (s Selection) read(ctx context.Context, js jetstream.JetStream, follow bool, each func(Told) bool) error {
	stream, err := js.Stream(ctx, event.StreamOutcomes)
	if err != nil {
		return fmt.Errorf("stream %s: %w", event.StreamOutcomes, err)
	}
	last := stream.CachedInfo().State.LastSeq
	cons, err := stream.OrderedConsumer(ctx, s.consumer())
	if err != nil {
		return err
	}
	if cons.CachedInfo().NumPending == 0 && !follow {
		return nil
	}
	msgs, err := cons.Messages()
	if err != nil {
		return err
	}
	defer msgs.Stop()
	for {
		msg, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if !follow && meta.Sequence.Stream > last {
			return nil
		}
		// What cannot be read as an outcome is none.
		if o, err := event.DecodeOutcome(msg.Data()); err == nil {
			t := Told{Outcome: o, At: meta.Timestamp.UTC(), Data: msg.Data()}
			if s.Match(t) && !each(t) {
				return nil
			}
		}
		if !follow && meta.NumPending == 0 {
			return nil
		}
	}
}

// mostFilters bounds the subjects that one consumer is asked to filter by: the
// server compares each with each.
const mostFilters = 256

// consumer lets the server leave out what it can tell by subject and time.
func (s Selection) consumer() jetstream.OrderedConsumerConfig {
	logins := slices.Compact(slices.Sorted(slices.Values(s.LoginIDs)))
	if len(logins) == 0 || len(logins) > mostFilters {
		logins = []string{"*"}
	}
	c := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
	for _, id := range logins {
		c.FilterSubjects = append(c.FilterSubjects, event.OutcomeSubject(id, cmp.Or(s.Type, "*")))
	}
	if !s.Since.IsZero() {
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &s.Since
	}
	return c
}
