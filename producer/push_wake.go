package producer

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks"
	"nightshift/producer/event"
)

// pushAckWait is how long a notice stays with a process that has died.
const pushAckWait = 10 * time.Second

// pushDelay is when a notice looks again for a job that it has not found: after
// 1, 2, 4, 8, 16 and 32 s, a minute in all, by the number of looks so far. 0:
// no more. The push may overtake the parking of the job; after that the job's
// own polling finds the data.
func pushDelay(looks uint64) time.Duration {
	const most = 6
	if looks > most {
		return 0
	}
	return time.Second << (looks - 1)
}

// storesDown is when a notice is tried again that could not be worked off.
const storesDown = 5 * time.Second

// handle works one notice off. Each step may be repeated.
func (p *Pushes) handle(ctx context.Context, parked *ParkedJobs, msg jetstream.Msg) {
	n, again, err := p.work(ctx, parked, msg)
	if err != nil {
		p.Log.Warn("push not worked off, trying again (continuing)", "login", n.LoginID, "err", err)
	}
	if again > 0 {
		err = msg.NakWithDelay(again)
	} else {
		err = msg.Ack()
	}
	if err != nil {
		p.Log.Debug("answer about a push not sent, it comes back (continuing)", "login", n.LoginID, "err", err)
	}
}

// work wakes the job that the notice is for, and writes down that the bank was
// read. With a time the notice is to come back after it.
func (p *Pushes) work(ctx context.Context, parked *ParkedJobs, msg jetstream.Msg) (n event.Push, again time.Duration, err error) {
	n, err = event.DecodePush(msg.Data())
	if err != nil {
		p.Log.Warn("a message in the stream of pushes is none; left there (continuing)", "err", err)
		return n, 0, nil
	}
	if !flinks.IsAccountsDetail(n.ResponseType) {
		return n, 0, nil
	}
	meta, err := msg.Metadata()
	if err != nil {
		return n, storesDown, err
	}
	found, err := p.wake(ctx, parked, n) // first: somebody may be waiting
	if err == nil {
		err = p.note(ctx, n)
	}
	if err != nil {
		return n, storesDown, err
	}
	if !found {
		again = pushDelay(meta.NumDelivered)
	}
	return n, again, nil
}

// wake fires the job that waits for the push. done: it was fired, or the login
// has no job that might still come to wait.
func (p *Pushes) wake(ctx context.Context, parked *ParkedJobs, n event.Push) (done bool, err error) {
	// Asked first: a job that is parked between the two questions is seen by
	// one of them.
	atWork, err := parked.AtWork(ctx, n.LoginID)
	if err != nil {
		return false, err
	}
	for one, err := range parked.List(ctx, ParkedFilter{Logins: []string{n.LoginID}}) {
		if err != nil {
			return false, err
		}
		if one.Err != nil || !strings.EqualFold(one.Job.RequestID, n.RequestID) {
			continue
		}
		fate, err := parked.Now(ctx, one.Seq)
		if err == nil && fate == Fired {
			p.Stats.Woken.Add(1)
			p.Log.Debug("job woken by a push", "job", one.Job.OutcomeID())
		}
		return fate == Fired, err
	}
	return !atWork, nil
}

// note tells the login's record that the bank was read.
func (p *Pushes) note(ctx context.Context, n event.Push) error {
	if n.Status != http.StatusOK || n.FlinksCode != "" {
		return nil // whether a refusal is pushed, and how, Flinks does not say
	}
	read := n.LastRefresh
	if read.IsZero() {
		read = n.Received
	}
	return p.State.Pushed(ctx, n.LoginID, read)
}
