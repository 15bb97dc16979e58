package state

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// LiveCall is a live call that a job would make at an institution.
type LiveCall struct {
	Institution string
	Owner       string // as in the job's lease
	Spent       int    // live calls of the job so far

	Sessions int           // live sessions of the institution at most; 0: any number
	TTL      time.Duration // how long a session's place stays taken when nobody keeps it

	ProbeEvery time.Duration // between two probes while the circuit is open
	Yield      time.Duration // how much longer than a job that has asked less often this one leaves the probe to it
}

// Admission is the answer to who would make a live call.
type Admission string

// The answers.
const (
	Admitted Admission = "admitted" // make it
	Probing  Admission = "probing"  // make it: the circuit is open, and this call shows whether it may be closed
	Full     Admission = "full"     // all sessions of the institution are taken
	Paused   Admission = "paused"   // the institution's circuit is open
)

// admitScript asks for the circuit and takes a place. Repeated by the same
// owner it answers the same. Among those that wait at an open circuit, who has
// asked the bank least often goes first; so no job uses its live calls up while
// others have not tried.
//
//	KEYS  circuit, sessions
//	ARGV  owner, live calls spent, yield in ms, ms between probes, sessions at most, TTL of a place in ms
//	->    {admission, ms to wait}
var admitScript = redis.NewScript(luaNow + `
local c = redis.call('HMGET', KEYS[1], 'next', 'probe', 'least')
if c[1] and c[2] ~= ARGV[1] then
  local due, spent, least = tonumber(c[1]), tonumber(ARGV[2]), tonumber(c[3] or ARGV[2])
  if least < spent then due = due + ARGV[3] end
  if due > now then
    if not c[3] or spent < least then redis.call('HSET', KEYS[1], 'least', ARGV[2]) end
    return {'paused', due - now}
  end
end
if ARGV[5] ~= '0' then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
  if not redis.call('ZSCORE', KEYS[2], ARGV[1]) and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) then
    return {'full', 0}
  end
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[6]), ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
if not c[1] then return {'admitted', 0} end
redis.call('HSET', KEYS[1], 'probe', ARGV[1], 'next', string.format('%.0f', now + ARGV[4]))
redis.call('HDEL', KEYS[1], 'least')
return {'probing', 0}
`)

// Admit asks whether a live call may be made, and takes its place among the
// institution's sessions, which [Store.KeepSession] keeps and [Store.Leave]
// gives back. With [Paused], wait is how long until it is worth asking again.
func (s *Store) Admit(ctx context.Context, c LiveCall) (a Admission, wait time.Duration, err error) {
	v, err := s.run(ctx, "admit live call", admitScript, []string{institutionKey(c.Institution), sessionsKey(c.Institution)},
		c.Owner, c.Spent, c.Yield.Milliseconds(), c.ProbeEvery.Milliseconds(), c.Sessions, c.TTL.Milliseconds()).Slice()
	if err != nil {
		return "", 0, err
	}
	word, _ := v[0].(string)
	ms, _ := v[1].(int64)
	return Admission(word), time.Duration(ms) * time.Millisecond, nil
}

// keepScript takes a place again that Redis has forgotten.
//
//	KEYS  sessions
//	ARGV  owner, TTL in ms
//	->    1 taken again, 0 kept
var keepScript = redis.NewScript(luaNow + `
local again = redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return again
`)

// KeepSession keeps a session's place for another while.
func (s *Store) KeepSession(ctx context.Context, institution, owner string, ttl time.Duration) error {
	return s.run(ctx, "keep session", keepScript, []string{sessionsKey(institution)}, owner, ttl.Milliseconds()).Err()
}

// leaveScript gives a place back, and the turn to probe if it was not used:
// then the next probe is due at once.
//
//	KEYS  circuit, sessions
//	ARGV  owner, unused 0|1
//	->    1
var leaveScript = redis.NewScript(luaNow + `
redis.call('ZREM', KEYS[2], ARGV[1])
if ARGV[2] == '1' and redis.call('HGET', KEYS[1], 'probe') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'probe')
  redis.call('HSET', KEYS[1], 'next', string.format('%.0f', now))
end
return 1
`)

// Leave gives back what [Store.Admit] gave. unused says that the owner was to
// probe and has made no live call.
func (s *Store) Leave(ctx context.Context, institution, owner string, unused bool) error {
	return s.run(ctx, "end session", leaveScript, []string{institutionKey(institution), sessionsKey(institution)}, owner, unused).Err()
}

// pauseScript opens an institution's circuit, or keeps it open for another
// while.
//
//	KEYS  circuit, paused
//	ARGV  institution, ms until the next probe, TTL in ms
//	->    1 opened, 0 was open
var pauseScript = redis.NewScript(luaNow + `
local first = redis.call('HSETNX', KEYS[1], 'since', string.format('%.0f', now))
redis.call('HSET', KEYS[1], 'next', string.format('%.0f', now + ARGV[2]))
redis.call('HDEL', KEYS[1], 'probe')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[3]), ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return first
`)

// PauseInstitution opens an institution's circuit; the next probe is due after
// the given time. first reports that it was closed before.
func (s *Store) PauseInstitution(ctx context.Context, name string, probe time.Duration) (first bool, err error) {
	return s.run(ctx, "pause institution", pauseScript, []string{institutionKey(name), pausedKey},
		name, probe.Milliseconds(), circuitTTL.Milliseconds()).Bool()
}

// resumeScript closes an institution's circuit.
//
//	KEYS  circuit, paused
//	ARGV  institution
//	->    since when it was open, ms; 0 it was not
var resumeScript = redis.NewScript(`
local since = redis.call('HGET', KEYS[1], 'since')
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return tonumber(since or 0)
`)

// ResumeInstitution closes an institution's circuit and returns since when it
// was open; the zero time: it was not.
func (s *Store) ResumeInstitution(ctx context.Context, name string) (since time.Time, err error) {
	ms, err := s.run(ctx, "resume institution", resumeScript, []string{institutionKey(name), pausedKey}, name).Int64()
	return fromMillis(ms), err
}
