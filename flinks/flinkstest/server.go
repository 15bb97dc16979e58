package flinkstest

import (
	"cmp"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// The credentials of a server made with the zero Options. The customer id is
// the one Flinks publishes for its shared sandbox.
const (
	DefaultCustomerID = "43387ca6-0391-4c82-857d-70d95f087ecb"
	DefaultSecretKey  = "sandbox-secret"
	DefaultAPIKey     = "sandbox-key"
)

// Options is how a Server is set up. The zero value is the documented sandbox:
// no latency, no faults.
type Options struct {
	// CustomerID is the id in every path; empty means DefaultCustomerID.
	CustomerID string
	// SecretKey mints authorize tokens and opens GetNightlyRefreshStatus;
	// empty means DefaultSecretKey.
	SecretKey string
	// APIKey is the x-api-key of the data endpoints; empty means DefaultAPIKey.
	APIKey string
	// NoAPIKey lets the data endpoints answer without an x-api-key. It is a
	// feature that Flinks has to switch on for a customer.
	NoAPIKey bool
	// Seed decides ids, latencies and faults. One seed and one order of calls
	// give one course of events.
	Seed uint64
	// Latency is how long calls take.
	Latency Latency
	// Faults are the troubles to inject from the start; see SetFaults.
	Faults Faults
	// NoJournal keeps no journal, and so finds no overlaps. It is for runs of
	// many millions of calls; the counters are kept.
	NoJournal bool
}

// Server is the simulator. It is safe for concurrent use.
type Server struct {
	opts     Options
	born     uint64 // Makes the ids of one process differ from the next one's.
	calls    atomic.Uint64
	ids      atomic.Uint64
	faults   atomic.Pointer[Faults]
	refused  atomic.Bool
	rate     rateWindow
	tokens   tokens
	cards    cards
	sessions sessions
	journal  journal
	pipes    pipes
}

// New returns a server that holds the documented FlinksCapital test users.
func New(opts Options) *Server {
	opts.CustomerID = cmp.Or(opts.CustomerID, DefaultCustomerID)
	opts.SecretKey = cmp.Or(opts.SecretKey, DefaultSecretKey)
	opts.APIKey = cmp.Or(opts.APIKey, DefaultAPIKey)
	s := &Server{opts: opts, born: mix64(opts.Seed ^ mix64(uint64(time.Now().UnixNano())))}
	s.journal.off = opts.NoJournal
	s.SetFaults(opts.Faults)
	for _, u := range testUsers() {
		s.cards.add(u.login, u.language)
	}
	return s
}

// Add puts logins on the server. One with the id of an earlier one replaces it.
func (s *Server) Add(logins ...Login) {
	for _, l := range logins {
		s.cards.add(l, "en")
	}
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, adminRoot); ok {
		s.admin(w, r, path)
		return
	}
	c := s.begin(w, r)
	rep := s.befall(c, s.answer(c))
	// The journal comes first: who has the reply in hand finds it written.
	s.journal.add(c, rep)
	rep.write(w)
}

// answer routes a call, lets the injected faults have their turn, checks the
// credentials and hands it to its operation.
func (s *Server) answer(c *call) reply {
	if rep, stop := s.route(c); stop {
		return rep
	}
	fault := s.drawFault(c)
	if fault != "" && fault != FaultLost {
		return reply{fault: fault}
	}
	rep, stop := s.admit(c)
	if !stop {
		rep = c.op.handle(s, c)
	}
	if fault == FaultLost {
		rep.fault = fault
	}
	return rep
}

// newID returns a GUID-shaped id that this server has not given before.
func (s *Server) newID() string {
	n := s.ids.Add(1)
	return guid(mix64(s.born+n), mix64(s.born^mix64(n)))
}
