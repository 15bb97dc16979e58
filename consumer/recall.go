package consumer

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
	"nightshift/state"
)

// recall asks the outcome stream for what Redis does not remember: whether the
// job's outcome was told, and whether the bank has refused the login. With
// settled the job has ended, and nothing is left to do.
func (w *Worker) recall(h *hold, job *event.Job, held *state.Held) (settled bool) {
	last, err := w.lastOutcome(h, event.AnyOutcomeSubject(job.LoginID))
	if err == nil && last != nil && last.Cycle == job.Cycle {
		w.Stats.Repeated.Add(1)
		w.finish(h, last)
		return true
	}
	if err == nil && last != nil && !held.KnownLogin {
		err = w.recallRefusal(h, job.LoginID, held)
	}
	if err != nil {
		w.Log.Warn("cannot look the last outcome up (continuing)", "job", job.OutcomeID(), "err", err)
		w.handBack(h, redisDown)
		return true
	}
	return false
}

// recallRefusal finds out when the bank last refused the login. Whether it was
// reconnected since, Flinks' date of the last refresh will tell.
func (w *Worker) recallRefusal(h *hold, loginID string, held *state.Held) error {
	refused, err := w.lastOutcome(h, event.OutcomeSubject(loginID, event.ReconnectRequired))
	if err == nil && refused != nil {
		held.RefusedAt = refused.Timings.Ended
	}
	return err
}

// lastOutcome reads the last outcome that was told on a login's subject; nil:
// there is none. The stream is the truth about what has ended.
func (w *Worker) lastOutcome(h *hold, subject string) (*event.Outcome, error) {
	ctx, cancel := h.brief()
	defer cancel()
	raw, err := w.outcomes.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consumer: look up last outcome: %w", err)
	}
	o, err := event.DecodeOutcome(raw.Data)
	if err != nil {
		return nil, err
	}
	return &o, nil
}
