package state

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Ending is what is kept of an outcome that has been told.
type Ending struct {
	Type        string
	Reason      string
	Code        string // of the last refusal, verbatim; empty: none
	Institution string // as Flinks names it; empty: not told
	Ended       time.Time
	Cached      bool      // the data at Flinks was read, as a cached call does
	Refreshed   bool      // the data is fresh
	LastRefresh time.Time // when the bank was last read; zero: not told
	Waiting     bool      // for the account holder, who alone can mend it
	Refused     bool      // with Waiting: no live call until a refresh later than this
	Before      bool      // with Refused: it was refused before, and the time of that stands
}

// finishScript writes the ending down. The cycle's ending is kept whoever
// brings it, since it was told; the login's record only moves forward in
// time; the lease goes only if it is the owner's.
//
//	KEYS  lease, cycle, login
//	ARGV  owner, cycle TTL in ms, type, reason, cycle, ended ms, refreshed 0|1, refused 0|1, before 0|1, last refresh ms,
//	      waiting 0|1, cached 0|1, code, institution
//	->    1
var finishScript = redis.NewScript(`
redis.call('HSETNX', KEYS[2], 'ended', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local last = tonumber(redis.call('HGET', KEYS[3], 'ended') or 0)
if tonumber(ARGV[6]) >= last then
  redis.call('HSET', KEYS[3], 'type', ARGV[3], 'reason', ARGV[4], 'cycle', ARGV[5], 'ended', ARGV[6])
  if ARGV[12] == '1' then redis.call('HSET', KEYS[3], 'cached', ARGV[6]) end
  if ARGV[14] ~= '' then redis.call('HSET', KEYS[3], 'inst', ARGV[14]) end
  if ARGV[13] ~= '' then redis.call('HSET', KEYS[3], 'code', ARGV[13]) else redis.call('HDEL', KEYS[3], 'code') end
  if ARGV[7] == '1' then
    redis.call('HSET', KEYS[3], 'success', ARGV[6])
    for _, since in ipairs({'refused', 'waiting'}) do
      local t = redis.call('HGET', KEYS[3], since)
      if t and tonumber(ARGV[10]) > tonumber(t) then redis.call('HDEL', KEYS[3], since) end
    end
  elseif ARGV[11] == '1' then
    redis.call('HSETNX', KEYS[3], 'waiting', ARGV[6])
    if ARGV[8] == '1' then redis.call(ARGV[9] == '1' and 'HSETNX' or 'HSET', KEYS[3], 'refused', ARGV[6]) end
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
		e.Type, e.Reason, l.Cycle, millis(e.Ended), e.Refreshed, e.Refused, e.Before, millis(e.LastRefresh),
		e.Waiting, e.Cached, e.Code, e.Institution).Err()
}
