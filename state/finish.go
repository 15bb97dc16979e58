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
if not redis.call('HGET', KEYS[2], 'fence') then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
local was = redis.call('HMGET', KEYS[3], 'ended', 'code', 'refused', 'waiting')
if tonumber(ARGV[6]) >= tonumber(was[1] or 0) then
  local now, gone = {'type', ARGV[3], 'reason', ARGV[4], 'cycle', ARGV[5], 'ended', ARGV[6]}, {}
  local function set(field, value)
    now[#now + 1] = field
    now[#now + 1] = value
  end
  if ARGV[12] == '1' then set('cached', ARGV[6]) end
  if ARGV[14] ~= '' then set('inst', ARGV[14]) end
  if ARGV[13] ~= '' then set('code', ARGV[13]) elseif was[2] then gone[1] = 'code' end
  if ARGV[7] == '1' then
    set('success', ARGV[6])
    if was[3] and tonumber(ARGV[10]) > tonumber(was[3]) then gone[#gone + 1] = 'refused' end
    if was[4] and tonumber(ARGV[10]) > tonumber(was[4]) then gone[#gone + 1] = 'waiting' end
  elseif ARGV[11] == '1' then
    if not was[4] then set('waiting', ARGV[6]) end
    if ARGV[8] == '1' and not (ARGV[9] == '1' and was[3]) then set('refused', ARGV[6]) end
  end
  redis.call('HSET', KEYS[3], unpack(now))
  if #gone > 0 then redis.call('HDEL', KEYS[3], unpack(gone)) end
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
