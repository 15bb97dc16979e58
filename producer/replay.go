package producer

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/time/rate"

	"nightshift/producer/event"
)

// Replay asks again for refreshes that have ended. The outcome of a login in a
// cycle is replayed in [event.NextReplay] of that cycle; so a replay that was
// interrupted, is repeated, or runs twice at once brings one outcome more for
// each login, and not two.
type Replay struct {
	// Selection chooses the outcomes. It does not mean those that ended
	// refreshed unless its type or reason asks for them; nor those of replays,
	// unless its cycle does: else a replay that is repeated would replay what
	// came of its first half.
	Selection Selection
	// Live asks the bank, however the refresh was asked for the first time.
	Live bool
}

// Again is one outcome that is replayed.
type Again struct {
	Type   event.Type
	Reason event.Reason
	Job    event.Job // what is to be published; Published is set when it is
}

// LeftOut counts the outcomes that the selection chooses and that are not
// replayed, by the reason why.
type LeftOut struct {
	Refreshed        int `json:"refreshed"`        // it ended refreshed, and the selection did not ask for these
	OfReplay         int `json:"ofReplay"`         // it came of a replay, and the selection did not ask for that cycle
	Replayed         int `json:"replayed"`         // its replay has an outcome already
	Superseded       int `json:"superseded"`       // the login has a newer outcome in the selection
	RefreshedSince   int `json:"refreshedSince"`   // the login was refreshed later
	HolderAskedSince int `json:"holderAskedSince"` // the account holder was asked for something later
	Unfit            int `json:"unfit"`            // it carries no job that this version can ask for
}

// Replays is what a replay comes to.
type Replays struct {
	Again   []Again // one per login, in the order in which their outcomes were told
	Matched int     // outcomes that the selection chooses
	LeftOut LeftOut
	// Cycles are those of all outcomes that were read, on demand excepted, the
	// latest told last.
	Cycles []string
}

// Read finds in the stream what is to be replayed.
func (r Replay) Read(ctx context.Context, js jetstream.JetStream) (Replays, error) {
	// Whatever was told later counts, until now and of any type.
	wide := Selection{LoginIDs: r.Selection.LoginIDs, Since: r.Selection.Since}
	return r.Pick(wide.Read(ctx, js, false))
}

// job is the outcome's job in its next cycle. It has no window, as the night
// may be over, and waits behind nobody who is waiting: on the nightly lane.
func (r Replay) job(o event.Outcome) (event.Job, error) {
	j := o.Job.Asked()
	if j.Version != event.JobVersion || j.LoginID != o.LoginID {
		return event.Job{}, fmt.Errorf("producer: outcome %s carries no job of version %d", o.ID(), event.JobVersion)
	}
	j.Cycle, j.Lane, j.NotAfter = event.NextReplay(o.Cycle), event.Nightly, time.Time{}
	j.Institution = cmp.Or(j.Institution, o.Institution)
	if r.Live {
		j.Mode = event.Live
	}
	return j, j.Check()
}

// Jobs are the jobs to publish, at most perSecond of them a second. When ctx
// ends, so does the list, without an error: what it has brought can still be
// published.
func (r Replays) Jobs(ctx context.Context, perSecond int) iter.Seq2[event.Job, error] {
	return func(yield func(event.Job, error) bool) {
		pace := rate.NewLimiter(rate.Limit(perSecond), 1)
		for _, a := range r.Again {
			if pace.Wait(ctx) != nil {
				return
			}
			a.Job.Published = time.Now().UTC()
			if !yield(a.Job, nil) {
				return
			}
		}
	}
}
