package state

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// pushedScript notes that the bank was read. What was written down before that
// and speaks against the login goes.
//
//	KEYS  login
//	ARGV  read ms
//	->    1 noted, 0 the login is not known
var pushedScript = redis.NewScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local function older(field)
  local t = redis.call('HGET', KEYS[1], field)
  return not t or tonumber(t) < tonumber(ARGV[1])
end
if older('success') then redis.call('HSET', KEYS[1], 'success', ARGV[1]) end
for _, since in ipairs({'refused', 'waiting'}) do
  if older(since) then redis.call('HDEL', KEYS[1], since) end
end
if older('ended') then redis.call('HDEL', KEYS[1], 'code') end
return 1
`)

// Pushed notes that Flinks has read the bank at that time, whoever asked for
// it: it is a success, and a refusal, a wait for the account holder and a code
// from before stand in the way no longer. Nothing happens to a login that is
// not known. It can be repeated.
func (s *Store) Pushed(ctx context.Context, loginID string, read time.Time) error {
	return s.run(ctx, "note push", pushedScript, []string{loginKey(loginID)}, millis(read)).Err()
}
