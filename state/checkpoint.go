package state

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// liveScript writes the number of live calls down.
//
//	KEYS  lease, cycle
//	ARGV  owner, live
//	->    1 written, 0 lost
var liveScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'live', ARGV[2])
return 1
`)

// RecordLive writes down that the cycle has used live calls. It is written
// before the call is made, so that a worker that dies in the middle of it
// does not ask the bank once more; and again, lower, when it turns out that
// the call never reached the bank. [ErrLost]: do not call.
func (s *Store) RecordLive(ctx context.Context, l Lease, live int) error {
	keys := []string{leaseKey(l.LoginID), cycleKey(l.LoginID, l.Cycle)}
	return lostUnless(s.run(ctx, "record live call", liveScript, keys, l.Owner, live))
}

// parkScript raises the fence to the parked message and gives the lease back.
//
//	KEYS  lease, cycle
//	ARGV  owner, fence of the parked message, live
//	->    1 parked, 0 lost
var parkScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'fence', ARGV[2], 'live', ARGV[3])
redis.call('DEL', KEYS[1])
return 1
`)

// Park says that the job goes on under the message with sequence parked; a
// repeat of the message it came with is stale from now on.
func (s *Store) Park(ctx context.Context, l Lease, parked uint64, live int) error {
	keys := []string{leaseKey(l.LoginID), cycleKey(l.LoginID, l.Cycle)}
	return lostUnless(s.run(ctx, "park", parkScript, keys, l.Owner, parked, live))
}

// releaseScript gives the lease back.
//
//	KEYS  lease
//	ARGV  owner
//	->    1 released, 0 lost
var releaseScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)

// Release gives the login back with nothing changed.
func (s *Store) Release(ctx context.Context, l Lease) error {
	return lostUnless(s.run(ctx, "release", releaseScript, []string{leaseKey(l.LoginID)}, l.Owner))
}
