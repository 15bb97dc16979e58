package producer

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// DeadLetter is a message that was no valid job, as a worker moved it away.
type DeadLetter struct {
	ID     uint64           // its sequence in [event.StreamDead]
	At     time.Time        // when it was moved away
	Reason event.DeadReason // what kind of fault it has
	Error  string           // what is wrong, in words

	Subject string // where it lay; empty: not told
	Seq     uint64 // its sequence in [event.StreamJobs]; 0: not told

	// Data is the message as it came. Workers keep its first 512 KiB.
	Data []byte
}

// decodeDead reads a message of the stream, whatever it holds.
func decodeDead(m *jetstream.RawStreamMsg) DeadLetter {
	seq, _ := strconv.ParseUint(m.Header.Get(event.HeaderDeadSequence), 10, 64) // 0 if it is none
	return DeadLetter{
		ID: m.Sequence, At: m.Time.UTC(),
		Reason:  event.DeadReason(strings.TrimPrefix(m.Subject, event.DeadSubject(""))),
		Error:   m.Header.Get(event.HeaderDeadError),
		Subject: m.Header.Get(event.HeaderDeadSubject), Seq: seq,
		Data: m.Data,
	}
}

// DeadFilter chooses among dead letters. A field that is not set chooses all.
type DeadFilter struct {
	Reason event.DeadReason
	Since  time.Time
}

// Match reports whether the letter is chosen.
func (f DeadFilter) Match(d DeadLetter) bool {
	return (f.Reason == "" || f.Reason == d.Reason) && !d.At.Before(f.Since)
}

// DeadLetters is the operator's hand on the messages that were no valid jobs.
type DeadLetters struct {
	js             jetstream.JetStream
	dead, outcomes jetstream.Stream
}

// OpenDead looks the streams up. They must have been set up.
func OpenDead(ctx context.Context, js jetstream.JetStream) (*DeadLetters, error) {
	d := &DeadLetters{js: js}
	var err error
	if d.dead, err = js.Stream(ctx, event.StreamDead); err != nil {
		return nil, fmt.Errorf("producer: stream %s: %w", event.StreamDead, err)
	}
	if d.outcomes, err = js.Stream(ctx, event.StreamOutcomes); err != nil {
		return nil, fmt.Errorf("producer: stream %s: %w", event.StreamOutcomes, err)
	}
	return d, nil
}

// List reads the letters that the filter chooses, the oldest first.
func (d *DeadLetters) List(ctx context.Context, f DeadFilter) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for m, err := range walk(ctx, d.js, event.StreamDead, event.SubjectsDead) {
			if err != nil {
				yield(DeadLetter{}, err)
				return
			}
			if one := decodeDead(m); f.Match(one) && !yield(one, nil) {
				return
			}
		}
	}
}

// Get reads one letter. ok is false when it is not there, or no longer.
func (d *DeadLetters) Get(ctx context.Context, id uint64) (letter DeadLetter, ok bool, err error) {
	m, err := getOne(ctx, d.js, event.StreamDead, id)
	if err != nil || m == nil {
		return DeadLetter{}, false, err
	}
	return decodeDead(m), true, nil
}

// Drop deletes one letter. It reports whether it was there.
func (d *DeadLetters) Drop(ctx context.Context, id uint64) (bool, error) {
	return remove(ctx, d.js, d.dead, id)
}
