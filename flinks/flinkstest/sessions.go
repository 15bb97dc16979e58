package flinkstest

import (
	"strings"
	"sync"
	"time"
)

// How long a RequestId lives.
const (
	idleLife       = 8 * time.Minute  // Between two steps that the caller takes.
	processingLife = 30 * time.Minute // From the first data call to its end.
)

// stage is how far a session has come.
type stage int

const (
	opening    stage = iota // The bank is being driven.
	challenged              // Waits for the answers to the bank's questions.
	authorized              // Open for data calls.
	working                 // A data call was made and is not done.
	done                    // The data is there: attributes may be asked for.
	refused                 // Authorize ended with a code.
	expired                 // Died of age.
	ended                   // Died otherwise.
)

// session is one RequestId. The card's mutex guards it.
type session struct {
	id          string // The id, the card and the birth never change.
	card        *card
	born        time.Time
	stage       stage
	mode        string
	tag         string
	code        string    // Why it was refused.
	save        bool      // Its outcome is stored.
	lastRefresh time.Time // When its data is from.
	used        time.Time // The caller's last step.
	begun       time.Time // The first data call.
	script      Answer    // Its questions, then the end of its data calls.
	polls       int       // 202s still to give.
}

// open reports why the session cannot serve a data call that came at the given
// time, as a FlinksCode, or "".
func (x *session) open(at time.Time) string {
	switch {
	case x.stage == opening, x.stage == challenged, x.stage == refused:
		// A data endpoint was called before Authorize had succeeded.
		return "UNAUTHORIZED"
	case x.stage == working && at.Sub(x.begun) > processingLife,
		(x.stage == authorized || x.stage == done) && at.Sub(x.used) > idleLife:
		x.stage = expired
	}
	switch x.stage {
	case expired:
		return "SESSION_EXPIRED"
	case ended:
		return "SESSION_NONEXISTENT"
	}
	return ""
}

// sessions are all RequestIds of the last while. A dead one is remembered for
// as long as the longest life, so that it is told from one that never was.
type sessions struct {
	mu   sync.Mutex
	byID map[string]*session
	room int
}

func (ss *sessions) add(x *session, now time.Time) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.byID == nil {
		ss.byID = map[string]*session{}
	}
	if len(ss.byID) >= max(ss.room, 4096) {
		ss.sweep(now)
		ss.room = 2 * len(ss.byID)
	}
	ss.byID[x.id] = x
}

// sweep forgets the sessions that are older than any life: 8 minutes to the
// first data call, 30 to the data, 8 to the last Attributes call and a while
// for its repeats.
func (ss *sessions) sweep(now time.Time) {
	for id, x := range ss.byID {
		if now.Sub(x.born) > 2*processingLife {
			delete(ss.byID, id)
		}
	}
}

func (ss *sessions) find(id string) *session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.byID[strings.ToLower(id)]
}

// openSession starts a session of a card. The caller holds the card's mutex.
func (s *Server) openSession(k *card, mode string, at stage, now time.Time) *session {
	x := &session{id: s.newID(), card: k, mode: mode, stage: at, born: now, used: now}
	s.sessions.add(x, now)
	return x
}
