package state

import (
	"context"
	"fmt"
	"time"
)

// Login is all that is remembered of a login: what its owner said of it, and
// how its refreshes went. The roster part is empty for a login that was only
// ever refreshed on demand.
type Login struct {
	LoginID string

	// Of the roster.
	Since       time.Time // imported, or reconnected after that; zero: it is not on the roster
	Scheduled   bool      // it takes part in the nights
	Institution string    // as Flinks names it, or the roster did; empty: not known

	// Of its refreshes. Times that are zero never were.
	Type      string    // of the last outcome
	Reason    string    // of the last outcome
	Cycle     string    // of the last outcome
	Code      string    // FlinksCode of the last outcome, verbatim
	Ended     time.Time // the last outcome
	Success   time.Time // the last refreshed
	Cached    time.Time // the data at Flinks was last read, as a cached call does
	RefusedAt time.Time // refused live, and the bank was not read since
	Waiting   time.Time // since when the account holder was told to act, and has not
}

// loginRecord is a login as Redis holds it.
type loginRecord struct {
	Since       int64  `redis:"since"`
	Scheduled   string `redis:"on"`
	Institution string `redis:"inst"`
	Type        string `redis:"type"`
	Reason      string `redis:"reason"`
	Cycle       string `redis:"cycle"`
	Code        string `redis:"code"`
	Ended       int64  `redis:"ended"`
	Success     int64  `redis:"success"`
	Cached      int64  `redis:"cached"`
	Refused     int64  `redis:"refused"`
	Waiting     int64  `redis:"waiting"`
}

func (r loginRecord) login(id string) Login {
	return Login{
		LoginID: id,
		Since:   fromMillis(r.Since), Scheduled: r.Scheduled == "1", Institution: r.Institution,
		Type: r.Type, Reason: r.Reason, Cycle: r.Cycle, Code: r.Code,
		Ended: fromMillis(r.Ended), Success: fromMillis(r.Success), Cached: fromMillis(r.Cached),
		RefusedAt: fromMillis(r.Refused), Waiting: fromMillis(r.Waiting),
	}
}

// Login reads a login's record. One without Since and Ended was never heard
// of.
func (s *Store) Login(ctx context.Context, loginID string) (Login, error) {
	var rec loginRecord
	if err := s.rdb.HGetAll(ctx, loginKey(loginID)).Scan(&rec); err != nil {
		return Login{}, fmt.Errorf("state: read login: %w", err)
	}
	return rec.login(loginID), nil
}
