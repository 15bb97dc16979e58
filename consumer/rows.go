package consumer

import "sync"

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
