package producer

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Fate is what became of a parked job that an operator wanted changed.
type Fate string

// The fates.
const (
	Fired      Fate = "fired"      // it goes to a worker now
	Cancelled  Fate = "cancelled"  // it ended as failed, and nothing of it is left
	Ended      Fate = "ended"      // it had ended in another way before; what was left of it is cleared away
	Gone       Fate = "gone"       // it is not parked as it was: it fired, was parked anew, or somebody else was faster
	Unreadable Fate = "unreadable" // the message is no job; it is left alone
)

// Now lets the parked job with this sequence fire at once, as it stands. Its
// schedule is replaced by one that is past; at any moment either the old one or
// the new one is in the stream, and a job that went on meanwhile is left alone.
// A message that is no job fires too: a worker moves it to the dead letters.
func (p *ParkedJobs) Now(ctx context.Context, seq uint64) (Fate, error) {
	raw, err := p.get(ctx, seq)
	if err != nil {
		return "", err
	}
	if raw == nil {
		return Gone, nil
	}
	if !decodeParked(raw).Lane.Valid() { // No worker would ever take it.
		return Unreadable, nil
	}
	ack, err := Publisher{JS: p.js}.publish(ctx, firing(raw))
	switch {
	case err != nil:
		return "", atSequence("fire", seq, err)
	case ack == nil:
		return Gone, nil
	}
	return Fired, nil
}

// firing is the same message, due when it was parked: by the server's own
// clock that is past, whatever the clock here says. It has no Nats-Msg-Id: the
// job's was used for parking it, and would be taken for a repeat.
func firing(raw *jetstream.RawStreamMsg) *nats.Msg {
	msg := nats.NewMsg(raw.Subject)
	msg.Data = raw.Data
	for name, values := range raw.Header {
		if !strings.HasPrefix(name, "Nats-") {
			msg.Header[name] = values
		}
	}
	msg.Header.Set(jetstream.ScheduleHeader, "@at "+raw.Time.UTC().Format(time.RFC3339Nano))
	msg.Header.Set(jetstream.ScheduleTargetHeader, strings.TrimSuffix(raw.Subject, retryToken)+readyToken)
	msg.Header.Set(jetstream.ExpectedStreamHeader, event.StreamJobs)
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(raw.Sequence, 10))
	return msg
}
