package consumer

import (
	"sync"
	"time"
)

// The pauses after a throttled answer: doubled by each further one, forgotten
// when Flinks has answered well for as long as the last pause.
const (
	paceFirst = time.Second
	paceMost  = time.Minute
)

// pace slows every call of the process down after Flinks asked for it.
type pace struct {
	mu    sync.Mutex
	until time.Time // no call begins before
	pause time.Duration
}

// slow begins a pause of at least atLeast. Answers that come in during a pause
// belong to calls made before it and do not lengthen it.
func (p *pace) slow(now time.Time, atLeast time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.until) {
		return
	}
	if now.Sub(p.until) > p.pause {
		p.pause = 0
	}
	p.pause = min(max(2*p.pause, paceFirst, atLeast), paceMost)
	p.until = now.Add(p.pause)
}

// wait is how long a call has to be put off.
func (p *pace) wait(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.until.Sub(now))
}

// rows counts, per operation, the different logins in a row that were answered
// in the same suspicious way: one such login is its own matter, several are
// most likely our fault.
type rows struct {
	mu     sync.Mutex
	logins map[string]map[string]bool
}

// rowMost bounds the memory; no policy asks for more.
const rowMost = 64

// suspect notes a suspicious answer and returns how many logins are in the row.
func (r *rows) suspect(op, loginID string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logins == nil {
		r.logins = map[string]map[string]bool{}
	}
	row := r.logins[op]
	if row == nil {
		row = map[string]bool{}
		r.logins[op] = row
	}
	if len(row) < rowMost {
		row[loginID] = true
	}
	return len(row)
}

// good ends the operation's row.
func (r *rows) good(op string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.logins, op)
}
