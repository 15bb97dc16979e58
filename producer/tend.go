package producer

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Times of the care for orphans.
const (
	tendEvery = time.Minute
	tendSure  = 10 * time.Second // what is found again after this long is an orphan
)

// Tend looks for orphans every minute, until ctx ends, and gives their jobs
// back to the workers: a server that was killed leaves some behind now and
// then, and their logins would get no job any more. Any number of processes may
// do it at once.
func Tend(ctx context.Context, js jetstream.JetStream, log *slog.Logger) {
	for pause(ctx, tendEvery) == nil {
		became, err := RescueAll(ctx, js, tendSure)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			log.Debug("cannot look for orphaned jobs (continuing)", "err", err)
		case len(became) > 0:
			log.Warn("orphaned jobs were found; a NATS server was killed, it seems (continuing)",
				"queued_again", became[Requeued], "removed", became[Removed])
		}
	}
}

// RescueAll rescues every orphan that is found twice, the given time apart, and
// counts what became of them.
func RescueAll(ctx context.Context, js jetstream.JetStream, sure time.Duration) (map[Rescued]int, error) {
	found, err := Orphans(ctx, js)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if err := pause(ctx, sure); err != nil {
		return nil, err
	}
	again, err := Orphans(ctx, js)
	if err != nil {
		return nil, err
	}
	became := map[Rescued]int{}
	for _, o := range found {
		if !slices.Contains(again, o) {
			continue
		}
		did, err := o.Rescue(ctx, js)
		if err != nil {
			return became, err
		}
		became[did]++
	}
	return became, nil
}
