package producer

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks"
	"nightshift/producer/event"
	"nightshift/state"
)

// Times of the nightly routine.
const (
	leadTTL   = 30 * time.Second // how long a night waits for a producer that has died
	leadRenew = leadTTL / 3
	leadLook  = 5 * time.Second // how often one that does not lead looks how things stand
)

// The roster is seen to in parts of so many buckets, and of several parts at
// once. No more than those is seen to again after a crash.
const (
	bucketsAtOnce = 8
	partsAtOnce   = 6
)

// ErrEmptyRoster says that there is nobody to refresh: nobody was imported, or
// Redis has lost its memory. The night waits for the import.
var ErrEmptyRoster = errors.New("producer: the roster is empty")

// Routine is the daily routine of the guide (nightly-refresh): Flinks is asked
// which logins it will not refresh, and every other login that is eligible gets
// a job. All fields but Flinks, Before and Progress must be set.
type Routine struct {
	JS    jetstream.JetStream
	State *state.Store
	Log   *slog.Logger
	// Flinks is asked for the status of the nightly refresh. Nil: it is not.
	Flinks *flinks.Client
	// Name is this producer's name, unlike any other's.
	Name string

	Mode    event.Mode
	Options event.Options
	// Webhooks: Flinks brings the data, so that nobody needs to read it.
	Webhooks bool
	// MostWaiting bounds the jobs in the stream: the rest of the roster is
	// published as they are worked off.
	MostWaiting int
	// Before is called before a night's roster is walked, to bring it up to date.
	Before func(context.Context) error
	// Progress is called now and then with the share of the roster that was
	// seen to, and what became of its logins so far.
	Progress func(share float64, counts map[string]int)
}

// The counts of a night, beside those of the words of [Why].
const (
	CountQueued  = "queued"  // jobs published
	CountAlready = "already" // logins that have a job of an earlier cycle, or had this one
	CountEnded   = "ended"   // logins whose cycle has ended already
	CountTold    = "told"    // logins whose holders were told to act
	CountListed  = "listed"  // logins that Flinks lists as ineligible
)

// Counts are the names of a night's counts that are not words of [Why].
var Counts = []string{CountQueued, CountAlready, CountEnded, CountTold, CountListed}

// Run sees to every login of a night, and returns it with what became of them
// since it was begun, or begun again. Any
// number of producers may run the same night: one of them leads, the others
// wait for it to finish and take over where it was if it dies. A night that is
// complete is left as it is, unless it is to be run again.
func (r Routine) Run(ctx context.Context, night Night, again bool) (state.Night, error) {
	n, led, err := r.lead(ctx, night, again)
	if err != nil || !led {
		return n, err
	}
	work, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	go r.keepLead(work, night, lost)
	defer r.yield(ctx, night.Cycle)

	seen := maps.Clone(n.Counts)
	if !n.Done.IsZero() {
		if n, err = r.State.Reopen(ctx, night.Cycle, r.Name, night.Closes, CountQueued, CountTold); err != nil {
			return n, err
		}
		seen = map[string]int{}
	}
	err = r.publish(work, n, seen)
	if err != nil && work.Err() != nil && ctx.Err() == nil {
		err = context.Cause(work)
	}
	if err != nil {
		return n, err
	}
	n, err = r.State.Night(ctx, night.Cycle)
	n.Counts = seen
	return n, err
}

// lead waits for the lead of the night, or until another producer has completed
// it.
func (r Routine) lead(ctx context.Context, night Night, again bool) (n state.Night, led bool, err error) {
	for {
		led, wait, err := r.State.Lead(ctx, night.Cycle, r.Name, night.Closes, leadTTL)
		if err != nil {
			return n, false, err
		}
		if n, err = r.State.Night(ctx, night.Cycle); err != nil {
			return n, false, err
		}
		if led && (n.Done.IsZero() || again) {
			return n, true, r.State.NoteNight(ctx, night.Cycle)
		}
		if !n.Done.IsZero() && !again {
			if led {
				r.yield(ctx, night.Cycle)
			}
			return n, false, nil
		}
		if err := pause(ctx, min(wait, leadLook)); err != nil {
			return n, false, err
		}
	}
}

// keepLead renews the lead until ctx ends; when it is lost, the work ends.
func (r Routine) keepLead(ctx context.Context, night Night, lost context.CancelCauseFunc) {
	for pause(ctx, leadRenew) == nil {
		led, _, err := r.State.Lead(ctx, night.Cycle, r.Name, night.Closes, leadTTL)
		if err == nil && !led {
			lost(state.ErrLost)
			return
		}
	}
}

func (r Routine) yield(ctx context.Context, cycle string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := r.State.Yield(ctx, cycle, r.Name); err != nil {
		r.Log.Debug("lead not given back, it ends by itself (continuing)", "cycle", cycle, "err", err)
	}
}

// publish goes through the roster from where the night has come to, and adds to
// seen what becomes of the logins.
func (r Routine) publish(ctx context.Context, n state.Night, seen map[string]int) (err error) {
	if n.Next == 0 && r.Before != nil {
		if err := r.Before(ctx); err != nil {
			return err
		}
	}
	if !n.Listed && r.Flinks != nil {
		if err := r.askFlinks(ctx, n.Cycle); err != nil {
			return err
		}
		if n, err = r.State.Night(ctx, n.Cycle); err != nil {
			return err
		}
		seen[CountListed] = n.Counts[CountListed]
	}
	outcomes, err := r.JS.Stream(ctx, event.StreamOutcomes)
	if err != nil {
		return err
	}
	s := seeing{Routine: r, night: n, teller: teller{r.JS, outcomes}}
	buckets, err := r.State.Buckets(ctx)
	if err != nil {
		return err
	}
	if len(buckets) == 0 {
		return ErrEmptyRoster
	}
	done, _ := slices.BinarySearch(buckets, n.Next)
	err = s.walk(ctx, buckets[done:], func(p *part) error {
		if err := r.State.Advance(ctx, n.Cycle, r.Name, p.buckets[len(p.buckets)-1]+1, p.counts); err != nil {
			return err
		}
		done += len(p.buckets)
		for name, count := range p.counts {
			seen[name] += count
		}
		if r.Progress != nil {
			r.Progress(float64(done)/float64(len(buckets)), seen)
		}
		return nil
	})
	if err != nil {
		return err
	}
	now, err := r.State.Now(ctx)
	if err != nil {
		return err
	}
	return r.State.Complete(ctx, n.Cycle, r.Name, now)
}

// room waits until the stream holds fewer jobs than it may.
func (r Routine) room(ctx context.Context) error {
	for {
		var waiting uint64
		err := patiently(ctx, func(ctx context.Context) error {
			jobs, err := r.JS.Stream(ctx, event.StreamJobs)
			if err == nil {
				waiting = jobs.CachedInfo().State.Msgs
			}
			return err
		})
		if err != nil || waiting < uint64(r.MostWaiting) {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// lostLead reports whether another producer has taken a night over.
func lostLead(err error) bool { return errors.Is(err, state.ErrLost) }
