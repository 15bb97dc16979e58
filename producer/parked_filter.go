package producer

import (
	"slices"
	"strings"
	"time"

	"nightshift/producer/event"
)

// ParkedFilter chooses among parked jobs. A field that is not set chooses all;
// several must all fit.
type ParkedFilter struct {
	Logins      []string
	Lane        event.Lane
	Reason      event.Reason
	Cycle       string
	Institution string    // whatever its capitals
	Code        string    // the last FlinksCode, whatever its capitals
	DueBefore   time.Time // those without a time fit no such filter
}

// Match reports whether the job is chosen. A message that is no parked job
// fits only where nothing is asked that a job would have to say.
func (f ParkedFilter) Match(p Parked) bool {
	switch {
	case len(f.Logins) > 0 && !slices.Contains(f.Logins, p.LoginID),
		f.Lane != "" && f.Lane != p.Lane:
		return false
	case p.Err != nil:
		return !f.asksTheJob()
	}
	return (f.Reason == "" || f.Reason == p.Reason) &&
		(f.Cycle == "" || f.Cycle == p.Job.Cycle) &&
		(f.Institution == "" || strings.EqualFold(f.Institution, p.Job.Institution)) &&
		(f.Code == "" || strings.EqualFold(f.Code, p.Job.Spent.FlinksCode)) &&
		(f.DueBefore.IsZero() || p.Due.Before(f.DueBefore))
}

// asksTheJob reports whether more is asked than a subject can answer.
func (f ParkedFilter) asksTheJob() bool {
	return f.Reason != "" || f.Cycle != "" || f.Institution != "" || f.Code != "" || !f.DueBefore.IsZero()
}

// subjects are those on which everything lies that may fit.
func (f ParkedFilter) subjects() []string {
	lane := f.Lane
	if lane == "" {
		lane = "*"
	}
	if len(f.Logins) == 0 {
		return []string{event.RetrySubject("*", lane)}
	}
	var all []string
	for _, id := range f.Logins {
		if s := event.RetrySubject(id, lane); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
