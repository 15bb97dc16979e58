package flinkstest

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Call is one call as the server saw it. It holds no credential, no token and
// no username.
type Call struct {
	Seq   uint64    `json:"seq"` // In order of arrival, from 1.
	Start time.Time `json:"start"`
	// End is when the reply was ready, the connection was cut, or the server
	// saw that the client had left.
	End        time.Time `json:"end"`
	Op         string    `json:"op"` // Empty for an unknown path.
	LoginID    string    `json:"loginId,omitempty"`
	Mode       string    `json:"mode,omitempty"` // cached, live or mfa, of an Authorize.
	RequestID  string    `json:"requestId,omitempty"`
	Status     int       `json:"status,omitempty"` // 0: there was no reply. With FaultLost: the one that was lost.
	FlinksCode string    `json:"flinksCode,omitempty"`
	Fault      string    `json:"fault,omitempty"`
	// Mistake is what no correct caller does; see the package's rule.
	Mistake string `json:"mistake,omitempty"`
	// Gone says that the client left before its reply.
	Gone bool `json:"gone,omitempty"`
}

// Stats are the counters of a server, kept even without a journal.
type Stats struct {
	Calls    map[string]int `json:"calls"`  // By operation.
	Codes    map[string]int `json:"codes"`  // By FlinksCode.
	Faults   map[string]int `json:"faults"` // By Fault word.
	Mistakes int            `json:"mistakes"`
	Gone     int            `json:"gone"`
}

// LoginStats counts the calls of one login. Live are the Authorize calls that
// reached the bank; Detail those that start a data operation, Polls those that
// ask for its end.
type LoginStats struct {
	Live       int `json:"live"`
	Cached     int `json:"cached"`
	Detail     int `json:"detail"`
	Polls      int `json:"polls"`
	Attributes int `json:"attributes"`
}

// journal is the list of calls in the order in which they ended.
type journal struct {
	mu    sync.Mutex
	off   bool
	calls []Call
	stats Stats
}

func (j *journal) add(c *call, rep reply) {
	one := Call{
		Seq: c.seq, Start: c.start, End: time.Now(), Op: c.op.name, LoginID: c.login, Mode: c.mode,
		RequestID: c.request, Status: rep.status, FlinksCode: rep.code, Fault: rep.fault,
		Mistake: c.mistake, Gone: c.gone,
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.count(one)
	if !j.off {
		j.calls = append(j.calls, one)
	}
}

func (st *Stats) count(c Call) {
	if st.Calls == nil {
		st.Calls, st.Codes, st.Faults = map[string]int{}, map[string]int{}, map[string]int{}
	}
	st.Calls[cmp.Or(c.Op, "unknown")]++
	if c.FlinksCode != "" {
		st.Codes[c.FlinksCode]++
	}
	if c.Fault != "" {
		st.Faults[c.Fault]++
	}
	if c.Mistake != "" {
		st.Mistakes++
	}
	if c.Gone {
		st.Gone++
	}
}

// Journal returns all calls that have ended, in order of arrival.
func (s *Server) Journal() []Call {
	s.journal.mu.Lock()
	calls := slices.Clone(s.journal.calls)
	s.journal.mu.Unlock()
	slices.SortFunc(calls, func(a, b Call) int { return cmp.Compare(a.Seq, b.Seq) })
	return calls
}

// Mistakes returns the calls that no correct caller makes.
func (s *Server) Mistakes() []Call {
	return slices.DeleteFunc(s.Journal(), func(c Call) bool { return c.Mistake == "" })
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	st := s.journal.stats
	st.Calls, st.Codes, st.Faults = maps.Clone(st.Calls), maps.Clone(st.Codes), maps.Clone(st.Faults)
	return st
}

// LoginStats returns the counters of every login that was called, by loginId.
func (s *Server) LoginStats() map[string]LoginStats {
	out := map[string]LoginStats{}
	for _, k := range s.cards.list() {
		k.mu.Lock()
		if k.stats != (LoginStats{}) {
			out[k.ID] = k.stats
		}
		k.mu.Unlock()
	}
	return out
}

// LiveCalls returns how many live Authorize calls of a login reached the bank.
func (s *Server) LiveCalls(loginID string) int {
	k := s.cards.find(loginID)
	if k == nil {
		return 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stats.Live
}
