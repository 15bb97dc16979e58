package producer

import (
	"context"
	"fmt"
	"time"

	"nightshift/producer/event"
)

// Cancel ends the parked job with this sequence as failed, reason cancelled.
// The outcome is told first and the message deleted then, so that a call that
// is cut off is completed by the next one; a job that fires in between finds
// its outcome told, and ends there.
func (p *ParkedJobs) Cancel(ctx context.Context, seq uint64) (Fate, error) {
	raw, err := p.get(ctx, seq)
	if err != nil {
		return "", err
	}
	if raw == nil {
		return Gone, nil
	}
	parked := decodeParked(raw)
	if parked.Err != nil {
		return Unreadable, nil
	}
	told, ours, err := teller{p.js, p.outcomes}.tell(ctx, cancelled(parked.Job, time.Now()), raw.Header.Get(event.HeaderTraceparent))
	if err != nil {
		return "", atSequence("cancel", seq, err)
	}
	removed, err := remove(ctx, p.js, p.jobs, seq)
	switch {
	case err != nil:
		return "", err
	case told.Type != event.Failed || told.Reason != event.Cancelled:
		return Ended, nil
	case !ours && !removed:
		return Gone, nil
	}
	return Cancelled, nil
}

// cancelled is the outcome of a job that an operator takes back.
func cancelled(j event.Job, now time.Time) event.Outcome {
	return event.Outcome{
		LoginID: j.LoginID, Cycle: j.Cycle, Lane: j.Lane,
		Type: event.Failed, Reason: event.Cancelled, FlinksCode: j.Spent.FlinksCode,
		Institution: j.Institution,
		Calls:       event.Calls{Cached: j.Spent.Cached, Live: j.Spent.Live},
		Timings:     event.Timings{Published: j.Published, Started: j.Spent.Started, Ended: now.UTC()},
		Job:         j.Asked(),
	}
}

// atSequence says which message an operation went wrong with.
func atSequence(what string, seq uint64, err error) error {
	return fmt.Errorf("producer: %s sequence %d of stream %s: %w", what, seq, event.StreamJobs, err)
}
