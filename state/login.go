package state

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
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

// loginFields are what Redis holds of a login, in the order that decodeLogin
// reads.
var loginFields = []string{
	"since", "on", "inst", "type", "reason", "cycle", "code", "ended", "success", "cached", "refused", "waiting",
}

// decodeLogin reads the answer to an HMGET of [loginFields].
func decodeLogin(id string, got *redis.SliceCmd) (Login, error) {
	values, err := got.Result()
	if err != nil || len(values) != len(loginFields) {
		return Login{}, fmt.Errorf("state: read login %s: %d fields: %w", id, len(values), err)
	}
	text := func(i int) string { s, _ := values[i].(string); return s }
	moment := func(i int) (t time.Time) {
		if s := text(i); s != "" {
			ms, failed := strconv.ParseInt(s, 10, 64)
			if failed != nil {
				err = fmt.Errorf("state: read login %s: %s is no time: %w", id, loginFields[i], failed)
			}
			t = fromMillis(ms)
		}
		return t
	}
	l := Login{
		LoginID: id,
		Since:   moment(0), Scheduled: text(1) == "1", Institution: text(2),
		Type: text(3), Reason: text(4), Cycle: text(5), Code: text(6),
		Ended: moment(7), Success: moment(8), Cached: moment(9), RefusedAt: moment(10), Waiting: moment(11),
	}
	return l, err
}

// Login reads a login's record. One without Since and Ended was never heard
// of.
func (s *Store) Login(ctx context.Context, loginID string) (Login, error) {
	return decodeLogin(loginID, s.rdb.HMGet(ctx, loginKey(loginID), loginFields...))
}
