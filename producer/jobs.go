package producer

import (
	"errors"
	"iter"
	"time"

	"github.com/oklog/ulid/v2"

	"nightshift/producer/event"
)

// Plan is what the jobs of one run have in common.
type Plan struct {
	Cycle    string
	Lane     event.Lane
	Mode     event.Mode
	NotAfter time.Time // end of the window; zero: none
	Options  event.Options
}

// NightlyCycle names the night that t lies in: its date in UTC.
func NightlyCycle(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// OnDemandCycle names a run of its own for one refresh on demand.
func OnDemandCycle() string { return "od-" + ulid.Make().String() }

// Job asks for the refresh of one login.
func (p Plan) Job(e Entry, now time.Time) event.Job {
	return event.Job{
		Version: event.JobVersion,
		LoginID: e.LoginID, Institution: e.Institution,
		Cycle: p.Cycle, Lane: p.Lane, Mode: p.Mode,
		Attempt:  1,
		NotAfter: p.NotAfter,
		Options:  p.Options, Published: now.UTC(),
	}
}

// Jobs asks for the refresh of every login of a roster. Broken lines go to
// bad, and the rest goes on.
func (p Plan) Jobs(roster iter.Seq2[Entry, error], bad func(*LineError)) iter.Seq2[event.Job, error] {
	return func(yield func(event.Job, error) bool) {
		for e, err := range roster {
			if le, ok := errors.AsType[*LineError](err); ok {
				bad(le)
				continue
			}
			if !yield(p.Job(e, time.Now()), err) {
				return
			}
		}
	}
}
