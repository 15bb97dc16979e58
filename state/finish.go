package state

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Ending is what is kept of an outcome that has been told.
type Ending struct {
	Type        string
	Reason      string
	Ended       time.Time
	Refreshed   bool      // the data is fresh
	LastRefresh time.Time // when the bank was last read; zero: not told
	Refused     bool      // only the account holder can mend it: no live call until a refresh later than this
	Before      bool      // with Refused: it was refused before, and the time of that stands
}

// finishScript writes the ending down. The cycle's ending is kept whoever
// brings it, since it was told; the login's record only moves forward in
// time; the lease goes only if it is the owner's.
//
//	KEYS  lease, cycle, login
//	ARGV  owner, cycle TTL in ms, type, reason, cycle, ended ms, refreshed 0|1, refused 0|1, before 0|1, last refresh ms
//	->    1
var finishScript = redis.NewScript(`
redis.call('HSETNX', KEYS[2], 'ended', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local last = tonumber(redis.call('HGET', KEYS[3], 'ended') or 0)
if tonumber(ARGV[6]) >= last then
  redis.call('HSET', KEYS[3], 'type', ARGV[3], 'reason', ARGV[4], 'cycle', ARGV[5], 'ended', ARGV[6])
  if ARGV[7] == '1' then
    redis.call('HSET', KEYS[3], 'success', ARGV[6])
    local refused = redis.call('HGET', KEYS[3], 'refused')
    if refused and tonumber(ARGV[10]) > tonumber(refused) then redis.call('HDEL', KEYS[3], 'refused') end
  elseif ARGV[8] == '1' then
    redis.call(ARGV[9] == '1' and 'HSETNX' or 'HSET', KEYS[3], 'refused', ARGV[6])
  end
end
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`)

// Finish writes down how (login, cycle) ended, after the outcome was told, and
// gives the lease back. It can be repeated.
func (s *Store) Finish(ctx context.Context, l Lease, e Ending) error {
	keys := []string{leaseKey(l.LoginID), cycleKey(l.LoginID, l.Cycle), loginKey(l.LoginID)}
	return s.run(ctx, "finish", finishScript, keys, l.Owner, CycleTTL.Milliseconds(),
		e.Type, e.Reason, l.Cycle, millis(e.Ended), e.Refreshed, e.Refused, e.Before, millis(e.LastRefresh)).Err()
}

// Login is how a login's last refresh went.
type Login struct {
	Type      string
	Reason    string
	Cycle     string
	Ended     time.Time
	Success   time.Time // the last refreshed; zero: none is remembered
	RefusedAt time.Time // zero: not refused, or the bank was read since
}

// Login reads a login's record. The zero Login means that there is none.
func (s *Store) Login(ctx context.Context, loginID string) (Login, error) {
	var rec struct {
		Type    string `redis:"type"`
		Reason  string `redis:"reason"`
		Cycle   string `redis:"cycle"`
		Ended   int64  `redis:"ended"`
		Success int64  `redis:"success"`
		Refused int64  `redis:"refused"`
	}
	if err := s.rdb.HGetAll(ctx, loginKey(loginID)).Scan(&rec); err != nil {
		return Login{}, fmt.Errorf("state: read login: %w", err)
	}
	return Login{
		Type: rec.Type, Reason: rec.Reason, Cycle: rec.Cycle,
		Ended: fromMillis(rec.Ended), Success: fromMillis(rec.Success), RefusedAt: fromMillis(rec.Refused),
	}, nil
}
