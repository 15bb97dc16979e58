package state_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"nightshift/state"
)

const none = 500 * time.Microsecond // below this a gap is none

// about compares a pace, allowing for the time that a test takes.
func about(t *testing.T, got, want state.Pace) {
	t.Helper()
	if got.Gap != want.Gap || got.Wait > want.Wait || got.Wait < want.Wait-20*time.Second {
		t.Errorf("pace %+v, want %+v", got, want)
	}
}

func TestPace(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		begin := func(t *testing.T) { t.Helper(); must(t, rdb.FlushAll(t.Context()).Err()) }
		reserve := func(t *testing.T, turns, good int, least time.Duration) state.Pace {
			t.Helper()
			p, taken, err := s.Reserve(t.Context(), state.Turns{Calls: turns, Good: good, Least: least, None: none, Ahead: time.Hour})
			must(t, err)
			if taken != turns {
				t.Errorf("%d turns taken, want %d", taken, turns)
			}
			return p
		}
		throttle := func(t *testing.T, d state.Slowdown) state.Pace {
			t.Helper()
			p, err := s.Throttle(t.Context(), d)
			must(t, err)
			return p
		}
		slow := func(hold time.Duration) state.Slowdown {
			return state.Slowdown{First: 5 * time.Millisecond, Most: 30 * time.Millisecond, Hold: hold}
		}
		t.Run("without a gap no turns are taken, and nothing is remembered", func(t *testing.T) {
			begin(t)
			about(t, reserve(t, 100, 3, 0), state.Pace{})
			about(t, reserve(t, 1, 0, 0), state.Pace{})
			if n := rdb.DBSize(t.Context()).Val(); n > 0 {
				t.Errorf("%d keys", n)
			}
		})
		t.Run("turns are taken a little ahead only, but two at least", func(t *testing.T) {
			begin(t)
			throttle(t, slow(time.Hour))
			for ahead, want := range map[time.Duration]int{time.Hour: 100, 50 * time.Millisecond: 10, time.Millisecond: 2} {
				_, taken, err := s.Reserve(t.Context(), state.Turns{Calls: 100, None: none, Ahead: ahead})
				must(t, err)
				if taken != want {
					t.Errorf("%d turns taken %v ahead, want %d", taken, ahead, want)
				}
			}
		})
		t.Run("five calm seconds on, the gap halves every three", func(t *testing.T) {
			begin(t)
			throttle(t, state.Slowdown{First: 80 * time.Millisecond, Most: time.Second, Hold: time.Millisecond})
			now, err := rdb.Time(t.Context()).Result()
			must(t, err)
			const key = "nightshift:{limits}:pace"
			for ago, want := range map[time.Duration]time.Duration{4 * time.Second: 80 * time.Millisecond, 11 * time.Second: 20 * time.Millisecond} {
				must(t, rdb.HDel(t.Context(), key, "eased").Err())
				must(t, rdb.HSet(t.Context(), key, "gap", 80_000, "next", 0, "until", now.Add(-ago).UnixMicro()).Err())
				if got := reserve(t, 1, 0, 0).Gap; got > want || got < want*7/10 {
					t.Errorf("%v after the last throttled answer the gap is %v, want %v", ago, got, want)
				}
			}
			if first, second := reserve(t, 1, 0, 0).Gap, reserve(t, 1, 0, 0).Gap; second < first*9/10 {
				t.Errorf("it was eased twice for the same time: %v, then %v", first, second)
			}
		})
		t.Run("a throttled answer doubles the gap, up to the most", func(t *testing.T) {
			begin(t)
			for _, want := range []time.Duration{5, 10, 20, 30, 30} {
				about(t, throttle(t, slow(0)), state.Pace{Gap: want * time.Millisecond})
			}
		})
		t.Run("but once in a hold, whoever reports it", func(t *testing.T) {
			begin(t)
			throttle(t, slow(time.Hour))
			about(t, throttle(t, slow(time.Hour)), state.Pace{Gap: 5 * time.Millisecond})
		})
		t.Run("a gap that is kept anyhow is what doubles", func(t *testing.T) {
			begin(t)
			d := slow(0)
			d.Least = 12 * time.Millisecond
			about(t, throttle(t, d), state.Pace{Gap: 24 * time.Millisecond})
		})
		t.Run("good answers close it, a hundredth each", func(t *testing.T) {
			begin(t)
			d := slow(0)
			d.First, d.Most = 10*time.Millisecond, 10*time.Millisecond
			throttle(t, d)
			about(t, reserve(t, 0, 2, 0), state.Pace{Gap: 9801 * time.Microsecond})
			about(t, reserve(t, 0, 100, 0), state.Pace{Gap: 3587 * time.Microsecond})
			about(t, reserve(t, 0, 200, 0), state.Pace{})
			about(t, reserve(t, 0, 0, 0), state.Pace{})
		})
		t.Run("turns lie a gap apart, whoever takes them", func(t *testing.T) {
			begin(t)
			throttle(t, state.Slowdown{First: time.Minute, Most: time.Minute})
			about(t, reserve(t, 3, 0, 0), state.Pace{Gap: time.Minute})
			about(t, reserve(t, 1, 0, 0), state.Pace{Gap: time.Minute, Wait: 3 * time.Minute})
			about(t, reserve(t, 1, 0, 0), state.Pace{Gap: time.Minute, Wait: 4 * time.Minute})
		})
		t.Run("a rate alone keeps them apart", func(t *testing.T) {
			begin(t)
			about(t, reserve(t, 2, 0, time.Minute), state.Pace{})
			about(t, reserve(t, 1, 0, time.Minute), state.Pace{Wait: 2 * time.Minute})
		})
		t.Run("the longest stop counts, without a gap as well", func(t *testing.T) {
			begin(t)
			d := slow(time.Hour)
			d.Stop = time.Minute
			throttle(t, d)
			d.Stop = time.Second
			about(t, throttle(t, d), state.Pace{Gap: 5 * time.Millisecond, Wait: time.Minute})
			about(t, reserve(t, 1, 1000, 0), state.Pace{Wait: time.Minute})
		})
		t.Run("a look takes no turn", func(t *testing.T) {
			begin(t)
			throttle(t, state.Slowdown{First: time.Minute, Most: time.Minute})
			reserve(t, 2, 0, 0)
			for range 2 {
				l, err := s.Limits(t.Context())
				must(t, err)
				about(t, l.Pace, state.Pace{Gap: time.Minute, Wait: 2 * time.Minute})
			}
		})
	})
}

func TestLimitsOfNothing(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, _ redis.UniversalClient) {
		l, err := s.Limits(t.Context())
		must(t, err)
		if diff := cmp.Diff(state.Limits{}, l); diff != "" {
			t.Errorf("limits (-want +got):\n%s", diff)
		}
	})
}
