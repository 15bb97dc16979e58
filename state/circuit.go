package state

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// circuitTTL clears a circuit away that nobody has probed for so long: the
// workers that broke it are gone.
const circuitTTL = 24 * time.Hour

// Circuit says whether all workers pause, and why.
type Circuit struct {
	Open  bool      // they pause
	Op    string    // the operation that went wrong; its success mends
	Why   string    // in a word
	Since time.Time // when the first worker found out
}

// luaNow sets now to the time of Redis, in Unix milliseconds.
const luaNow = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`

// breakScript opens the circuit, or keeps it open for another while.
//
//	KEYS  circuit
//	ARGV  op, why, ms until the next probe, TTL in ms
//	->    1 opened, 0 was open
var breakScript = redis.NewScript(luaNow + `
local first = redis.call('HSETNX', KEYS[1], 'since', string.format('%.0f', now))
redis.call('HSET', KEYS[1], 'op', ARGV[1], 'why', ARGV[2], 'next', string.format('%.0f', now + ARGV[3]))
redis.call('HDEL', KEYS[1], 'probe')
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return first
`)

// Break makes all workers pause because op went wrong; the next probe is due
// after the given time. first reports that they did not pause before.
func (s *Store) Break(ctx context.Context, name, op, why string, probe time.Duration) (first bool, err error) {
	return s.run(ctx, "break circuit", breakScript, []string{circuitKey(name)},
		op, why, probe.Milliseconds(), circuitTTL.Milliseconds()).Bool()
}

// Circuit looks at the circuit.
func (s *Store) Circuit(ctx context.Context, name string) (Circuit, error) {
	var rec struct {
		Op    string `redis:"op"`
		Why   string `redis:"why"`
		Since int64  `redis:"since"`
	}
	if err := s.rdb.HGetAll(ctx, circuitKey(name)).Scan(&rec); err != nil {
		return Circuit{}, fmt.Errorf("state: read circuit: %w", err)
	}
	return Circuit{Open: rec.Op != "", Op: rec.Op, Why: rec.Why, Since: fromMillis(rec.Since)}, nil
}

// probeScript lets one worker try. Repeated by the same owner it answers the
// same.
//
//	KEYS  circuit
//	ARGV  owner, ms that a probe may take
//	->    {1 probe | 0 wait | -1 closed, ms to wait}
var probeScript = redis.NewScript(luaNow + `
local c = redis.call('HMGET', KEYS[1], 'op', 'next', 'probe', 'until')
if not c[1] then return {-1, 0} end
if c[3] and c[3] ~= ARGV[1] and tonumber(c[4]) > now then return {0, tonumber(c[4]) - now} end
if c[3] ~= ARGV[1] and tonumber(c[2]) > now then return {0, tonumber(c[2]) - now} end
redis.call('HSET', KEYS[1], 'probe', ARGV[1], 'until', string.format('%.0f', now + ARGV[2]))
return {1, 0}
`)

// Probe asks to try whether the fault is mended: one owner at a time, who
// gives the turn back with [Store.Probed], or loses it after the given time.
// wait is when to ask again; with closed there is nothing to try.
func (s *Store) Probe(ctx context.Context, name, owner string, atMost time.Duration) (probe, closed bool, wait time.Duration, err error) {
	v, err := s.run(ctx, "probe circuit", probeScript, []string{circuitKey(name)}, owner, atMost.Milliseconds()).Int64Slice()
	if err != nil {
		return false, false, 0, err
	}
	return v[0] == 1, v[0] == -1, time.Duration(v[1]) * time.Millisecond, nil
}

// probedScript gives the turn back.
//
//	KEYS  circuit
//	ARGV  owner
//	->    1 given back, 0 it was not the owner's
var probedScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'probe') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'probe')
`)

// Probed gives the turn to probe back. If it has proved nothing, the next
// probe is due at once.
func (s *Store) Probed(ctx context.Context, name, owner string) error {
	return s.run(ctx, "end probe", probedScript, []string{circuitKey(name)}, owner).Err()
}

// mendScript closes the circuit if op is what had gone wrong.
//
//	KEYS  circuit
//	ARGV  op
//	->    1 closed, 0 not this one's matter
var mendScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'op') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)

// Mend lets all workers go on, if op is what had gone wrong.
func (s *Store) Mend(ctx context.Context, name, op string) error {
	return s.run(ctx, "mend circuit", mendScript, []string{circuitKey(name)}, op).Err()
}
