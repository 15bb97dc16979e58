package state

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// buckets is the number of parts that the roster is kept in, so that it can be
// walked, and a walk be taken up again, without holding it in memory. With a
// million logins a part is small enough for Redis' compact form.
const buckets = 16384

// pipeMost bounds what is sent to Redis in one go: neither side holds more than
// that of questions or answers.
const pipeMost = 500

func bucketOf(loginID string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(loginID))
	return int(h.Sum32() % buckets)
}

// Enrolment is what a roster says of a login.
type Enrolment struct {
	LoginID     string
	Institution string // empty: what is known of it stays
	Scheduled   *bool  // nil: what is known stays, and a new login is scheduled
}

// Enrol puts logins on the roster, or changes what the roster says of them.
// What is remembered of their refreshes stays. It can be repeated; added is
// the number of logins that were not on it.
func (s *Store) Enrol(ctx context.Context, list []Enrolment, now time.Time) (added int, err error) {
	for part := range slices.Chunk(list, pipeMost) {
		n, err := s.enrol(ctx, part, now)
		if added += n; err != nil {
			return added, fmt.Errorf("state: enrol logins: %w", err)
		}
	}
	return added, nil
}

func (s *Store) enrol(ctx context.Context, list []Enrolment, now time.Time) (added int, err error) {
	pipe := s.rdb.Pipeline()
	fresh := make([]*redis.BoolCmd, len(list))
	used := make([]any, len(list))
	for i, e := range list {
		key := loginKey(e.LoginID)
		used[i] = bucketOf(e.LoginID)
		fresh[i] = pipe.HSetNX(ctx, key, "since", millis(now))
		if e.Institution != "" {
			pipe.HSet(ctx, key, "inst", e.Institution)
		}
		if e.Scheduled != nil {
			pipe.HSet(ctx, key, "on", *e.Scheduled)
		} else {
			pipe.HSetNX(ctx, key, "on", true)
		}
		pipe.HSet(ctx, bucketKey(bucketOf(e.LoginID)), e.LoginID, "")
	}
	pipe.SAdd(ctx, bucketsKey, used...)
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, err
	}
	for _, cmd := range fresh {
		if cmd.Val() {
			added++
		}
	}
	return added, nil
}

// Buckets are the numbers of the roster's parts that may hold logins, in order.
func (s *Store) Buckets(ctx context.Context) ([]int, error) {
	var used []int
	if err := s.rdb.SMembers(ctx, bucketsKey).ScanSlice(&used); err != nil {
		return nil, fmt.Errorf("state: read roster: %w", err)
	}
	slices.Sort(used)
	return used, nil
}

// Roster reads the logins of some buckets, in no particular order.
func (s *Store) Roster(ctx context.Context, buckets []int) ([]Login, error) {
	ids, err := s.members(ctx, buckets)
	if err != nil {
		return nil, err
	}
	return s.Logins(ctx, ids)
}

// Logins reads the records of some logins, in their order. One without Since
// and Ended was never heard of.
func (s *Store) Logins(ctx context.Context, ids []string) (all []Login, err error) {
	for part := range slices.Chunk(ids, pipeMost) {
		if all, err = s.appendLogins(ctx, all, part); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *Store) appendLogins(ctx context.Context, all []Login, ids []string) ([]Login, error) {
	pipe := s.rdb.Pipeline()
	recs := make([]*redis.SliceCmd, len(ids))
	for i, id := range ids {
		recs[i] = pipe.HMGet(ctx, loginKey(id), loginFields...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("state: read roster: %w", err)
	}
	for i, id := range ids {
		l, err := decodeLogin(id, recs[i])
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (s *Store) members(ctx context.Context, buckets []int) (ids []string, err error) {
	for part := range slices.Chunk(buckets, pipeMost) {
		pipe := s.rdb.Pipeline()
		parts := make([]*redis.StringSliceCmd, len(part))
		for i, b := range part {
			parts[i] = pipe.HKeys(ctx, bucketKey(b))
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return nil, fmt.Errorf("state: read roster: %w", err)
		}
		for _, p := range parts {
			ids = append(ids, p.Val()...)
		}
	}
	return ids, nil
}

// RosterSize counts the logins of the roster.
func (s *Store) RosterSize(ctx context.Context) (n int, err error) {
	used, err := s.Buckets(ctx)
	if err != nil {
		return 0, err
	}
	for part := range slices.Chunk(used, pipeMost) {
		pipe := s.rdb.Pipeline()
		counts := make([]*redis.IntCmd, len(part))
		for i, b := range part {
			counts[i] = pipe.HLen(ctx, bucketKey(b))
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return 0, fmt.Errorf("state: count roster: %w", err)
		}
		for _, c := range counts {
			n += int(c.Val())
		}
	}
	return n, nil
}

// ErrNotListed says that a login is not on the roster.
var ErrNotListed = errors.New("state: the login is not on the roster")

// changeScript changes a login of the roster.
//
//	KEYS  login
//	ARGV  what: schedule (0|1), reconnected (ms)
//	->    1 changed, 0 not on the roster
var changeScript = redis.NewScript(`
if redis.call('HEXISTS', KEYS[1], 'since') == 0 then return 0 end
if ARGV[1] == 'schedule' then
  redis.call('HSET', KEYS[1], 'on', ARGV[2])
else
  redis.call('HSET', KEYS[1], 'since', ARGV[2])
  redis.call('HDEL', KEYS[1], 'waiting', 'refused', 'code')
end
return 1
`)

func (s *Store) change(ctx context.Context, loginID, what string, arg any) error {
	changed, err := s.run(ctx, what+" login", changeScript, []string{loginKey(loginID)}, what, arg).Bool()
	if err == nil && !changed {
		err = ErrNotListed
	}
	return err
}

// Schedule lets a login take part in the nights, or not. What is remembered of
// it stays. [ErrNotListed]: there is no such login.
func (s *Store) Schedule(ctx context.Context, loginID string, on bool) error {
	return s.change(ctx, loginID, "schedule", on)
}

// Reconnected notes that the account holder has connected again: nothing that
// stood in the way of a refresh does so any longer, and the days since the
// last success are counted from now. [ErrNotListed]: there is no such login.
func (s *Store) Reconnected(ctx context.Context, loginID string, now time.Time) error {
	return s.change(ctx, loginID, "reconnected", millis(now))
}

// Remove takes a login off the roster and forgets how its refreshes went. The
// cycles of the last days stay known, so that no outcome is told twice.
// [ErrNotListed]: there is no such login.
func (s *Store) Remove(ctx context.Context, loginID string) error {
	pipe := s.rdb.Pipeline()
	pipe.HDel(ctx, bucketKey(bucketOf(loginID)), loginID)
	gone := pipe.Del(ctx, loginKey(loginID))
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("state: remove login: %w", err)
	}
	if gone.Val() == 0 {
		return ErrNotListed
	}
	return nil
}
