package flinkstest

import (
	"cmp"
	"slices"
	"time"
)

// goneGrace is how much later than its client the server may notice that a
// call was abandoned. A session whose last call was may seem to reach that far
// into the next one.
const goneGrace = 250 * time.Millisecond

// Session is one session of a login as its client sees it: an Authorize and
// every later call with the RequestId that it returned.
type Session struct {
	RequestID string    `json:"requestId,omitempty"`
	Mode      string    `json:"mode"` // Of its Authorize: cached or live.
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Calls     int       `json:"calls"`

	gone bool // The call that ended last was abandoned.
}

// Overlap is two sessions of one login that ran at the same time, which no
// client may let happen.
type Overlap struct {
	LoginID string  `json:"loginId"`
	A       Session `json:"a"`
	B       Session `json:"b"`
}

// Overlaps finds in the journal the sessions that overlapped.
func (s *Server) Overlaps() []Overlap { return overlaps(s.Journal()) }

// overlaps takes calls in order of arrival. Of the sessions that one overlaps,
// it names the one that lasts longest.
func overlaps(calls []Call) []Overlap {
	var found []Overlap
	for login, list := range sessionsOf(calls) {
		slices.SortFunc(list, func(a, b *Session) int { return a.Start.Compare(b.Start) })
		last := list[0]
		for _, x := range list[1:] {
			end := last.End
			if last.gone {
				end = end.Add(-goneGrace)
			}
			if x.Start.Before(end) {
				found = append(found, Overlap{login, *last, *x})
			}
			if x.End.After(last.End) {
				last = x
			}
		}
	}
	slices.SortFunc(found, func(a, b Overlap) int {
		return cmp.Or(a.B.Start.Compare(b.B.Start), cmp.Compare(a.LoginID, b.LoginID))
	})
	return found
}

// sessionsOf groups calls by login and session.
func sessionsOf(calls []Call) map[string][]*Session {
	byLogin := map[string][]*Session{}
	byRequest := map[string]*Session{}
	for _, c := range calls {
		if c.LoginID == "" {
			continue
		}
		x := byRequest[c.RequestID]
		if c.Mode == "cached" || c.Mode == "live" {
			x = &Session{RequestID: c.RequestID, Mode: c.Mode, Start: c.Start}
			byLogin[c.LoginID] = append(byLogin[c.LoginID], x)
			if c.RequestID != "" {
				byRequest[c.RequestID] = x
			}
		}
		if x == nil {
			// No call of a session: a schedule, or a RequestId from before.
			continue
		}
		x.Calls++
		if !c.End.Before(x.End) {
			x.End, x.gone = c.End, c.Gone
		}
	}
	return byLogin
}
