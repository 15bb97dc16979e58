package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// nightTTL is how long a night's record is kept: long enough for a report of
// every outcome that is still in the stream.
const nightTTL = 35 * 24 * time.Hour

// Night is how far the publication of a night has come. The zero Night was
// never opened.
type Night struct {
	Cycle  string
	Opened time.Time // by the first producer
	Closes time.Time // what has not begun by then will not
	Listed bool      // Flinks was asked which logins it will not refresh
	Next   int       // the first bucket of the roster that was not seen to
	Done   time.Time // every login was seen to; zero: not yet
	Counts map[string]int
}

// nightRecord is a night as Redis holds it; every other field is a count.
type nightRecord struct {
	Opened int64 `redis:"opened"`
	Closes int64 `redis:"closes"`
	Listed bool  `redis:"listed"`
	Next   int   `redis:"next"`
	Done   int64 `redis:"done"`
}

// countPrefix begins the fields that count what became of the logins.
const countPrefix = "n:"

// Night reads a night's record.
func (s *Store) Night(ctx context.Context, cycle string) (Night, error) {
	cmd := s.rdb.HGetAll(ctx, nightKey(cycle))
	var rec nightRecord
	if err := cmd.Scan(&rec); err != nil {
		return Night{}, fmt.Errorf("state: read night: %w", err)
	}
	n := Night{
		Cycle: cycle, Opened: fromMillis(rec.Opened), Closes: fromMillis(rec.Closes),
		Listed: rec.Listed, Next: rec.Next, Done: fromMillis(rec.Done), Counts: map[string]int{},
	}
	for field, value := range cmd.Val() {
		if name, ok := cutCount(field); ok {
			var count int
			if err := json.Unmarshal([]byte(value), &count); err != nil {
				return Night{}, fmt.Errorf("state: read night: count %s: %w", name, err)
			}
			n.Counts[name] = count
		}
	}
	return n, nil
}

func cutCount(field string) (name string, ok bool) {
	if len(field) <= len(countPrefix) || field[:len(countPrefix)] != countPrefix {
		return "", false
	}
	return field[len(countPrefix):], true
}

// leadScript takes or renews the lead of a night, which it opens if nobody
// has.
//
//	KEYS  lead, night
//	ARGV  owner, lead in ms, closes ms, TTL in ms
//	->    {1 led | 0 another leads, ms until its lead ends}
var leadScript = redis.NewScript(luaNow + `
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return {0, redis.call('PTTL', KEYS[1])} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if redis.call('HSETNX', KEYS[2], 'opened', string.format('%.0f', now)) == 1 then
  redis.call('HSET', KEYS[2], 'closes', ARGV[3])
end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {1, 0}
`)

// Lead asks for the lead of a night, or keeps it: one producer at a time works
// on it, and another takes over when that one has not been heard of for ttl.
// wait is when to ask again.
func (s *Store) Lead(ctx context.Context, cycle, owner string, closes time.Time, ttl time.Duration) (led bool, wait time.Duration, err error) {
	v, err := s.run(ctx, "lead night", leadScript, []string{leadKey(cycle), nightKey(cycle)},
		owner, ttl.Milliseconds(), millis(closes), nightTTL.Milliseconds()).Int64Slice()
	if err != nil {
		return false, 0, err
	}
	return v[0] == 1, time.Duration(v[1]) * time.Millisecond, nil
}

// Yield gives the lead of a night back.
func (s *Store) Yield(ctx context.Context, cycle, owner string) error {
	return s.run(ctx, "yield night", releaseScript, []string{leadKey(cycle)}, owner).Err()
}

// advanceScript writes down how far the night has come.
//
//	KEYS  lead, night
//	ARGV  owner, field, value, then names and counts
//	->    1 written, 0 lost
var advanceScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
`)

func (s *Store) advance(ctx context.Context, cycle, owner, field string, value any, counts map[string]int) error {
	args := []any{owner, field, value}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		args = append(args, countPrefix+name, counts[name])
	}
	return lostUnless(s.run(ctx, "advance night", advanceScript, []string{leadKey(cycle), nightKey(cycle)}, args...))
}

// Advance writes down that the night's roster was seen to up to the bucket
// next, and what became of the logins since the last time. [ErrLost]: another
// producer leads.
func (s *Store) Advance(ctx context.Context, cycle, owner string, next int, counts map[string]int) error {
	return s.advance(ctx, cycle, owner, "next", next, counts)
}

// Complete writes down that every login of the night was seen to. [ErrLost]:
// another producer leads.
func (s *Store) Complete(ctx context.Context, cycle, owner string, now time.Time) error {
	return s.advance(ctx, cycle, owner, "done", millis(now), nil)
}

// reopenScript forgets how far the night has come, but not what was queued and
// told.
//
//	KEYS  lead, night
//	ARGV  owner, closes ms, fields that stay
//	->    1 reopened, 0 lost
var reopenScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local stays = {opened = true}
for i = 3, #ARGV do stays[ARGV[i]] = true end
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  if not stays[field] then redis.call('HDEL', KEYS[2], field) end
end
redis.call('HSET', KEYS[2], 'closes', ARGV[2])
return 1
`)

// Reopen begins a night anew, and returns it. The counts that are named go on,
// the others begin at 0. [ErrLost]: another producer leads.
func (s *Store) Reopen(ctx context.Context, cycle, owner string, closes time.Time, counts ...string) (Night, error) {
	args := []any{owner, millis(closes)}
	for _, name := range counts {
		args = append(args, countPrefix+name)
	}
	err := lostUnless(s.run(ctx, "reopen night", reopenScript, []string{leadKey(cycle), nightKey(cycle)}, args...))
	if err != nil {
		return Night{}, err
	}
	return s.Night(ctx, cycle)
}

// List keeps what Flinks says of the logins that it will not refresh in the
// night, by loginId, and that it was asked. [ErrLost]: another producer leads.
func (s *Store) List(ctx context.Context, cycle, owner string, cards map[string]string) error {
	for part := range slices.Chunk(slices.Sorted(maps.Keys(cards)), pipeMost) {
		fields := make([]any, 0, 2*len(part))
		for _, id := range part {
			fields = append(fields, id, cards[id])
		}
		pipe := s.rdb.Pipeline()
		pipe.HSet(ctx, listedKey(cycle), fields...)
		pipe.PExpire(ctx, listedKey(cycle), CycleTTL)
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("state: keep ineligible logins: %w", err)
		}
	}
	return s.advance(ctx, cycle, owner, "listed", true, map[string]int{"listed": len(cards)})
}

// Listed reads what Flinks says of those of the logins that it listed.
func (s *Store) Listed(ctx context.Context, cycle string, ids []string) (map[string]string, error) {
	found := map[string]string{}
	for part := range slices.Chunk(ids, pipeMost) {
		values, err := s.rdb.HMGet(ctx, listedKey(cycle), part...).Result()
		if err != nil {
			return nil, fmt.Errorf("state: read ineligible logins: %w", err)
		}
		for i, v := range values {
			if text, ok := v.(string); ok {
				found[part[i]] = text
			}
		}
	}
	return found, nil
}

// LastNight is the cycle of the latest night that was opened; empty: none was.
func (s *Store) LastNight(ctx context.Context) (string, error) {
	cycle, err := s.rdb.Get(ctx, lastNightKey).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("state: read last night: %w", err)
	}
	return cycle, nil
}

// NoteNight remembers that a night was opened, if none later was.
func (s *Store) NoteNight(ctx context.Context, cycle string) error {
	return s.run(ctx, "note night", noteScript, []string{lastNightKey}, cycle).Err()
}

// noteScript keeps the latest.
//
//	KEYS  last night
//	ARGV  cycle
//	->    1
var noteScript = redis.NewScript(`
local last = redis.call('GET', KEYS[1])
if not last or last < ARGV[1] then redis.call('SET', KEYS[1], ARGV[1]) end
return 1
`)
