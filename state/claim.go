package state

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Lease names one worker's hold on one job. The same value goes to every
// operation of that job.
type Lease struct {
	LoginID string
	Cycle   string
	Owner   string // unlike any other worker's, and any other delivery's
	Fence   uint64 // the message's sequence in its stream: later messages win
}

// Verdict is Redis' answer to a claim.
type Verdict string

// The verdicts.
const (
	Claimed Verdict = "claimed" // the login is the caller's until the lease ends
	Busy    Verdict = "busy"    // another job of the login is being worked on
	Done    Verdict = "done"    // the cycle has ended for this login
	Stale   Verdict = "stale"   // the job went on under a later message
)

// Held is what a claim brings back. The fields after Epoch are set with
// [Claimed] only.
type Held struct {
	Verdict Verdict
	BusyFor time.Duration // with Busy: when the other's lease would end
	Epoch   time.Time     // since when Redis remembers; what is older may be forgotten

	Now        time.Time // of Redis, the one clock that all workers share
	Known      bool      // the cycle had a record already
	Live       int       // live calls recorded for the cycle
	KnownLogin bool      // the login had a record already
	RefusedAt  time.Time // when the bank refused the login live; zero: it did not, or it was read since
}

// claimScript takes the lease, or says why not. Repeated by the same owner it
// answers the same.
//
//	KEYS  lease, cycle, login
//	ARGV  owner, fence, lease in ms, cycle TTL in ms
//	->    {verdict, busy for ms, known 0|1, live, refused ms, login known 0|1, now ms}
var claimScript = redis.NewScript(`
local c = redis.call('HMGET', KEYS[2], 'ended', 'fence', 'live')
if c[1] then return {'done', 0, 1, 0, 0, 0, 0} end
if c[2] and tonumber(c[2]) > tonumber(ARGV[2]) then return {'stale', 0, 1, 0, 0, 0, 0} end
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[3]) then
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return {'busy', redis.call('PTTL', KEYS[1]), 0, 0, 0, 0, 0}
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
redis.call('HSET', KEYS[2], 'fence', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
local l = redis.call('HMGET', KEYS[3], 'refused', 'ended')
local t = redis.call('TIME')
return {'claimed', 0, c[2] and 1 or 0, tonumber(c[3] or 0), tonumber(l[1] or 0), l[2] and 1 or 0,
  t[1] * 1000 + math.floor(t[2] / 1000)}
`)

// Claim asks for the login. The lease ends by itself after ttl unless it is
// renewed.
func (s *Store) Claim(ctx context.Context, l Lease, ttl time.Duration) (Held, error) {
	keys := []string{leaseKey(l.LoginID), cycleKey(l.LoginID, l.Cycle), loginKey(l.LoginID)}
	args := []any{l.Owner, l.Fence, ttl.Milliseconds(), CycleTTL.Milliseconds()}
	claim, since := s.batch.evalSince(ctx, claimScript, keys, args...)
	if err := claim.Err(); err != nil {
		return Held{}, fmt.Errorf("state: claim: %w", err)
	}
	epoch, err := s.epoch(ctx, since)
	if err != nil {
		return Held{}, err
	}
	return decodeHeld(claim, epoch)
}

func decodeHeld(cmd *redis.Cmd, epoch time.Time) (Held, error) {
	v, err := cmd.Slice()
	if err != nil || len(v) != 7 {
		return Held{}, fmt.Errorf("state: claim: unexpected reply %v: %w", v, err)
	}
	verdict, _ := v[0].(string)
	num := func(i int) int64 { n, _ := v[i].(int64); return n }
	return Held{
		Verdict:    Verdict(verdict),
		BusyFor:    time.Duration(num(1)) * time.Millisecond,
		Epoch:      epoch,
		Now:        fromMillis(num(6)),
		Known:      num(2) == 1,
		Live:       int(num(3)),
		KnownLogin: num(5) == 1,
		RefusedAt:  fromMillis(num(4)),
	}, nil
}

// epochScript starts an epoch, unless somebody else just has.
//
//	KEYS  epoch
//	->    epoch ms
var epochScript = redis.NewScript(`
local t = redis.call('TIME')
redis.call('SETNX', KEYS[1], string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)))
return tonumber(redis.call('GET', KEYS[1]))
`)

// epoch reads the answer to a GET of the epoch, and starts a new epoch when
// Redis has none: then it was flushed, or came back empty.
func (s *Store) epoch(ctx context.Context, got *redis.StringCmd) (time.Time, error) {
	ms, err := got.Int64()
	if err == redis.Nil { //nolint:errorlint // go-redis returns the bare sentinel here
		ms, err = epochScript.Run(ctx, s.rdb, []string{epochKey}).Int64()
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("state: read epoch: %w", err)
	}
	return fromMillis(ms), nil
}

// renewScript extends the owner's lease. A lease that is gone is taken again
// when nobody else has it and the job has not gone on, and the live calls are
// written down again: so what a flushed Redis has forgotten comes back by
// itself, from whoever holds it. Who comes too late, though, takes it again
// only where Redis still knows the job: what it has forgotten may be another
// one's work.
//
//	KEYS  lease, cycle
//	ARGV  owner, fence, lease in ms, cycle TTL in ms, live, late 0|1
//	->    1 held, 0 lost
var renewScript = redis.NewScript(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if not holder then
  local c = redis.call('HMGET', KEYS[2], 'ended', 'fence')
  if c[1] or (c[2] and tonumber(c[2]) > tonumber(ARGV[2])) then return 0 end
  if ARGV[6] == '1' and not c[2] then return 0 end
  redis.call('HSET', KEYS[2], 'fence', ARGV[2])
  if ARGV[5] ~= '0' then redis.call('HSET', KEYS[2], 'live', ARGV[5]) end
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
`)

// Renew extends the lease to ttl from now, or returns [ErrLost]. live is the
// number of live calls that the cycle has used, as far as the caller knows;
// late says that by the caller's clock the lease has ended.
func (s *Store) Renew(ctx context.Context, l Lease, ttl time.Duration, live int, late bool) error {
	keys := []string{leaseKey(l.LoginID), cycleKey(l.LoginID, l.Cycle)}
	return lostUnless(s.run(ctx, "renew", renewScript, keys, l.Owner, l.Fence, ttl.Milliseconds(), CycleTTL.Milliseconds(), live, late))
}

// lostUnless turns a script's 1 into nil and its 0 into [ErrLost].
func lostUnless(cmd *redis.Cmd) error {
	held, err := cmd.Bool()
	switch {
	case err != nil:
		return err
	case !held:
		return ErrLost
	}
	return nil
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
