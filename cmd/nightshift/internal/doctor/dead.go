package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// dead counts the messages that were no valid jobs.
func (v *visit) dead(ctx context.Context) []Check {
	const name = "dead letters"
	stream, err := v.JS.Stream(ctx, event.StreamDead)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return []Check{skipped(name, "their stream is missing")}
	case err != nil:
		return []Check{broken(name, "they cannot be counted: %s", said(err)).mend("look at the NATS server's log")}
	}
	says := "1 message was no valid job, and was put aside"
	switch n := stream.CachedInfo().State.Msgs; n {
	case 0:
		return []Check{ok(name, "none")}
	case 1:
	default:
		says = fmt.Sprintf("%d messages were no valid jobs, and were put aside", n)
	}
	return []Check{warning(name, "%s", says).mend("nightshift dead list")}
}
