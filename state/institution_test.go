package state_test

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"nightshift/state"
)

// bank has a name of the kind that keys must survive.
const bank = "caisse {limits} d'épargne:*\n}"

// liveCall is one at the bank, of which two may run at once.
func liveCall(owner string, change ...func(*state.LiveCall)) state.LiveCall {
	c := state.LiveCall{
		Institution: bank, Owner: owner, Sessions: 2, TTL: time.Minute, ProbeEvery: time.Hour, Yield: time.Hour,
	}
	for _, ch := range change {
		ch(&c)
	}
	return c
}

func spent(n int) func(*state.LiveCall)           { return func(c *state.LiveCall) { c.Spent = n } }
func unlimited(c *state.LiveCall)                 { c.Sessions = 0 }
func ttlOf(d time.Duration) func(*state.LiveCall) { return func(c *state.LiveCall) { c.TTL = d } }

// admitted compares the answer; a wait lies within a minute before wait.
func admitted(t *testing.T, s *state.Store, c state.LiveCall, want state.Admission, wait time.Duration) {
	t.Helper()
	got, after, err := s.Admit(t.Context(), c)
	must(t, err)
	if got != want || after > wait || after < wait-time.Minute {
		t.Errorf("%s: %s, %v; want %s, %v", c.Owner, got, after, want, wait)
	}
}

func TestSessions(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		rule := func(name string, test func(t *testing.T)) {
			must(t, rdb.FlushAll(t.Context()).Err())
			t.Run(name, test)
		}
		leave := func(t *testing.T, owner string) { t.Helper(); must(t, s.Leave(t.Context(), bank, owner, false)) }
		rule("without a limit nothing is remembered", func(t *testing.T) {
			for _, owner := range []string{"a", "b", "c"} {
				admitted(t, s, liveCall(owner, unlimited), state.Admitted, 0)
			}
			if n := rdb.DBSize(t.Context()).Val(); n > 0 {
				t.Errorf("%d keys", n)
			}
		})
		rule("no more than may are open, and who leaves makes room", func(t *testing.T) {
			admitted(t, s, liveCall("a"), state.Admitted, 0)
			admitted(t, s, liveCall("b"), state.Admitted, 0)
			admitted(t, s, liveCall("a"), state.Admitted, 0) // repeated by the client
			admitted(t, s, liveCall("c"), state.Full, 0)
			leave(t, "c") // has no place
			admitted(t, s, liveCall("c"), state.Full, 0)
			leave(t, "a")
			admitted(t, s, liveCall("c"), state.Admitted, 0)
			admitted(t, s, liveCall("d"), state.Full, 0)
		})
		rule("each institution has its own", func(t *testing.T) {
			admitted(t, s, liveCall("a"), state.Admitted, 0)
			admitted(t, s, liveCall("b"), state.Admitted, 0)
			admitted(t, s, liveCall("c", func(c *state.LiveCall) { c.Institution = "another" }), state.Admitted, 0)
		})
		rule("a place that nobody keeps comes free, one that is kept does not", func(t *testing.T) {
			admitted(t, s, liveCall("dead", ttlOf(100*time.Millisecond)), state.Admitted, 0)
			admitted(t, s, liveCall("alive", ttlOf(100*time.Millisecond)), state.Admitted, 0)
			must(t, s.KeepSession(t.Context(), bank, "alive", time.Minute))
			until(t, func() bool {
				got, _, err := s.Admit(t.Context(), liveCall("c"))
				return err == nil && got == state.Admitted
			})
			admitted(t, s, liveCall("d"), state.Full, 0)
		})
		rule("a place that was forgotten is taken again by who keeps it", func(t *testing.T) {
			must(t, s.KeepSession(t.Context(), bank, "a", time.Minute))
			must(t, s.KeepSession(t.Context(), bank, "b", time.Minute))
			admitted(t, s, liveCall("c"), state.Full, 0)
		})
		rule("nothing is remembered for ever", func(t *testing.T) {
			must(t, s.KeepSession(t.Context(), bank, "a", time.Minute))
			_, err := s.PauseInstitution(t.Context(), bank, 0)
			must(t, err)
			_, err = s.Throttle(t.Context(), state.Slowdown{First: time.Second, Most: time.Second})
			must(t, err)
			for _, key := range rdb.Keys(t.Context(), "*").Val() {
				if left := rdb.TTL(t.Context(), key).Val(); left <= 0 || left > 24*time.Hour {
					t.Errorf("%s ends in %v", key, left)
				}
			}
		})
	})
}

func TestInstitutionCircuit(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		rule := func(name string, test func(t *testing.T)) {
			must(t, rdb.FlushAll(t.Context()).Err())
			t.Run(name, test)
		}
		pause := func(t *testing.T, probe time.Duration) (first bool) {
			t.Helper()
			first, err := s.PauseInstitution(t.Context(), bank, probe)
			must(t, err)
			return first
		}
		paused := func(t *testing.T, want ...string) {
			t.Helper()
			l, err := s.Limits(t.Context())
			must(t, err)
			if !slices.Equal(l.Paused, want) {
				t.Errorf("paused are %q, want %q", l.Paused, want)
			}
		}
		rule("it is news once that it is open, and once that it is closed", func(t *testing.T) {
			if !pause(t, time.Hour) || pause(t, time.Hour) {
				t.Error("not the first one is told that it opened it")
			}
			paused(t, bank)
			for i := range 2 {
				since, err := s.ResumeInstitution(t.Context(), bank)
				must(t, err)
				if since.IsZero() != (i == 1) || i == 0 && time.Since(since).Abs() > time.Minute {
					t.Errorf("closed the %d. time: open since %v", i+1, since)
				}
			}
			paused(t)
			admitted(t, s, liveCall("a"), state.Admitted, 0)
		})
		rule("nobody is let through before the probe is due", func(t *testing.T) {
			pause(t, time.Hour)
			admitted(t, s, liveCall("a"), state.Paused, time.Hour)
			admitted(t, s, liveCall("a", func(c *state.LiveCall) { c.Institution = "another" }), state.Admitted, 0)
		})
		rule("one probes, and the next one after a while", func(t *testing.T) {
			pause(t, 0)
			admitted(t, s, liveCall("a"), state.Probing, 0)
			admitted(t, s, liveCall("a"), state.Probing, 0) // repeated by the client
			admitted(t, s, liveCall("b"), state.Paused, time.Hour)
		})
		rule("a probe that was not used is due at once, one that was is not", func(t *testing.T) {
			pause(t, 0)
			admitted(t, s, liveCall("a"), state.Probing, 0)
			must(t, s.Leave(t.Context(), bank, "b", true)) // not b's
			admitted(t, s, liveCall("b"), state.Paused, time.Hour)
			must(t, s.Leave(t.Context(), bank, "a", true))
			admitted(t, s, liveCall("b"), state.Probing, 0)
			must(t, s.Leave(t.Context(), bank, "b", false))
			admitted(t, s, liveCall("a"), state.Paused, time.Hour)
		})
		rule("a probe that fails keeps it open for another while", func(t *testing.T) {
			pause(t, 0)
			admitted(t, s, liveCall("a"), state.Probing, 0)
			pause(t, 2*time.Hour)
			admitted(t, s, liveCall("a"), state.Paused, 2*time.Hour)
			admitted(t, s, liveCall("b"), state.Paused, 2*time.Hour)
		})
		rule("a probe takes a place like any other live call", func(t *testing.T) {
			admitted(t, s, liveCall("a"), state.Admitted, 0)
			admitted(t, s, liveCall("b"), state.Admitted, 0)
			pause(t, 0)
			admitted(t, s, liveCall("c"), state.Full, 0)
			must(t, s.Leave(t.Context(), bank, "a", false))
			admitted(t, s, liveCall("c"), state.Probing, 0)
		})
		rule("who asked the bank more often than others that wait lets them probe first", func(t *testing.T) {
			pause(t, time.Hour)
			admitted(t, s, liveCall("new", spent(0)), state.Paused, time.Hour)
			pause(t, 0)
			admitted(t, s, liveCall("old", spent(1)), state.Paused, time.Hour)
			admitted(t, s, liveCall("new", spent(0)), state.Probing, 0)
		})
		rule("until those have asked it as often", func(t *testing.T) {
			pause(t, time.Hour)
			admitted(t, s, liveCall("new", spent(0)), state.Paused, time.Hour)
			pause(t, 0)
			admitted(t, s, liveCall("new", spent(0)), state.Probing, 0)
			pause(t, 0)
			admitted(t, s, liveCall("old", spent(1)), state.Probing, 0)
		})
		rule("but probes itself where no other waits", func(t *testing.T) {
			pause(t, 0)
			admitted(t, s, liveCall("old", spent(2)), state.Probing, 0)
		})
		rule("and in its turn when the others do not come", func(t *testing.T) {
			pause(t, time.Hour)
			admitted(t, s, liveCall("new", spent(0)), state.Paused, time.Hour)
			admitted(t, s, liveCall("old", spent(1)), state.Paused, 2*time.Hour)
			admitted(t, s, liveCall("old", spent(1), func(c *state.LiveCall) { c.Yield = -time.Hour }), state.Probing, 0)
		})
	})
}
