package state

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// paceTTL clears a pace away that nobody has kept for so long: what was too
// fast then says nothing about now.
const paceTTL = time.Hour

// Pace is how fast all workers together call Flinks.
type Pace struct {
	Gap  time.Duration // between two calls, as throttled answers have made it; 0: none
	Wait time.Duration // until the next call may begin; 0: it may begin now
}

// Slowdown says what one throttled answer does.
type Slowdown struct {
	Least       time.Duration // the gap that is kept anyhow
	First, Most time.Duration // where the gap begins and how far it grows, doubling
	Hold        time.Duration // no further answer doubles it for so long
	Stop        time.Duration // no call begins for so long
}

// luaMicros sets now to the time of Redis, in Unix microseconds, and reads the
// pace.
const luaMicros = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local p = redis.call('HMGET', KEYS[1], 'gap', 'next', 'until', 'eased')
local gap, next = tonumber(p[1] or 0), tonumber(p[2] or 0)
local whole = function(n) return string.format('%.0f', n) end
`

// throttleScript slows all workers down. An answer within the hold doubles
// nothing: it belongs to a call that was made before.
//
//	KEYS  pace
//	ARGV  least, first, most, hold, stop; in µs; TTL in ms
//	->    {gap, µs until the next call}
var throttleScript = redis.NewScript(luaMicros + `
if now >= tonumber(p[3] or 0) then
  local least = tonumber(ARGV[1])
  gap = math.min(math.max(2 * math.max(gap, least), tonumber(ARGV[2])), math.max(tonumber(ARGV[3]), least))
  redis.call('HSET', KEYS[1], 'until', whole(now + ARGV[4]))
end
next = math.max(next, now + ARGV[5])
redis.call('HSET', KEYS[1], 'gap', whole(gap), 'next', whole(next))
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return {gap, next - now}
`)

// Throttle tells all workers that Flinks has asked to slow down, and returns
// their pace from now on. Repeated within the hold it changes nothing more.
func (s *Store) Throttle(ctx context.Context, d Slowdown) (Pace, error) {
	return paceOf(s.run(ctx, "throttle", throttleScript, []string{paceKey},
		d.Least.Microseconds(), d.First.Microseconds(), d.Most.Microseconds(), d.Hold.Microseconds(),
		d.Stop.Microseconds(), paceTTL.Milliseconds()))
}

// reserveScript takes the next turns. Without a gap there are none to take.
// When no answer was throttled for five seconds the gap halves every three: few
// calls are made at a wide gap, and their good answers alone would take minutes
// to close it.
//
//	KEYS  pace
//	ARGV  turns, good answers, least gap in µs, gap in µs below which it is none, TTL in ms, µs ahead
//	->    {gap, µs until the first turn, turns taken}
var reserveScript = redis.NewScript(luaMicros + `
local least = tonumber(ARGV[3])
gap = gap * 0.99 ^ tonumber(ARGV[2])
local calm = math.max(tonumber(p[3] or 0) + 5000000, tonumber(p[4] or 0))
if gap > 0 and now > calm then
  gap = gap * 0.5 ^ ((now - calm) / 3000000)
  redis.call('HSET', KEYS[1], 'eased', whole(now))
end
gap = math.floor(gap)
if gap < tonumber(ARGV[4]) or gap <= least then gap = 0 end
local first = math.max(next, now)
local step = math.max(gap, least)
if step == 0 and first == now then
  redis.call('DEL', KEYS[1])
  return {0, 0, tonumber(ARGV[1])}
end
local turns = tonumber(ARGV[1])
if step > 0 then turns = math.min(turns, math.max(2, math.floor(ARGV[6] / step))) end
redis.call('HSET', KEYS[1], 'gap', whole(gap), 'next', whole(first + turns * step))
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {gap, first - now, turns}
`)

// Turns asks for turns of calls, one after the other.
type Turns struct {
	Calls int           // how many
	Good  int           // answers that were good since the last time: each takes a hundredth off the gap
	Least time.Duration // the gap that is kept anyhow
	None  time.Duration // a gap below is none
	Ahead time.Duration // turns are taken no further ahead, but for two: what they are waited for may change
}

// Reserve takes the next turns: the first after Pace.Wait, each further one a
// gap later, or Least where that is longer. taken is how many they are.
func (s *Store) Reserve(ctx context.Context, t Turns) (p Pace, taken int, err error) {
	v, err := s.run(ctx, "reserve turns", reserveScript, []string{paceKey}, t.Calls, t.Good, t.Least.Microseconds(),
		t.None.Microseconds(), paceTTL.Milliseconds(), t.Ahead.Microseconds()).Int64Slice()
	if err != nil {
		return Pace{}, 0, err
	}
	return Pace{Gap: micros(v[0]), Wait: micros(v[1])}, int(v[2]), nil
}

func paceOf(cmd *redis.Cmd) (Pace, error) {
	v, err := cmd.Int64Slice()
	if err != nil {
		return Pace{}, err
	}
	return Pace{Gap: micros(v[0]), Wait: micros(v[1])}, nil
}

func micros(n int64) time.Duration { return time.Duration(max(n, 0)) * time.Microsecond }

// Limits are what all workers keep to, as it stands.
type Limits struct {
	Pace   Pace
	Paused []string // institutions whose circuit is open
}

// limitsScript only reads.
//
//	KEYS  pace, paused
//	->    {gap, µs until the next call, {institution…}}
var limitsScript = redis.NewScript(luaMicros + `
return {gap, next - now, redis.call('ZRANGEBYSCORE', KEYS[2], whole(now / 1000), '+inf')}
`)

// Limits looks at all of them at once.
func (s *Store) Limits(ctx context.Context) (Limits, error) {
	v, err := s.run(ctx, "read limits", limitsScript, []string{paceKey, pausedKey}).Slice()
	if err != nil {
		return Limits{}, err
	}
	if len(v) != 3 {
		return Limits{}, fmt.Errorf("state: read limits: unexpected reply %v", v)
	}
	gap, _ := v[0].(int64)
	wait, _ := v[1].(int64)
	names, _ := v[2].([]any)
	l := Limits{Pace: Pace{Gap: micros(gap), Wait: micros(wait)}}
	for _, name := range names {
		if text, ok := name.(string); ok {
			l.Paused = append(l.Paused, text)
		}
	}
	return l, nil
}
