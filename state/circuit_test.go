package state_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"nightshift/state"
)

// turn is an answer to who asks for the turn to probe.
type turn struct{ probe, closed, wait bool }

func probe(t *testing.T, s *state.Store, owner string) turn {
	t.Helper()
	ok, closed, wait, err := s.Probe(t.Context(), "flinks", owner, time.Minute)
	must(t, err)
	return turn{ok, closed, wait > 0}
}

func TestCircuit(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, _ redis.UniversalClient) {
		check := func(got, want turn) {
			t.Helper()
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		broken := func(every time.Duration) (first bool) {
			t.Helper()
			first, err := s.Break(t.Context(), "flinks", "Authorize", "unauthorized", every)
			must(t, err)
			return first
		}
		look := func() state.Circuit {
			t.Helper()
			c, err := s.Circuit(t.Context(), "flinks")
			must(t, err)
			return c
		}
		if got := look(); got != (state.Circuit{}) {
			t.Errorf("before anything went wrong it is %+v", got)
		}
		check(probe(t, s, "a"), turn{closed: true})
		if !broken(0) {
			t.Error("the first to break it is not told so")
		}
		since := look().Since
		t.Run("broken again, it is no news, and broken since the first time", func(t *testing.T) {
			if broken(0) {
				t.Error("it is news")
			}
			if got, want := look(), (state.Circuit{Open: true, Op: "Authorize", Why: "unauthorized", Since: since}); got != want || since.IsZero() {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
		t.Run("one probes at a time", func(t *testing.T) {
			check(probe(t, s, "a"), turn{probe: true})
			check(probe(t, s, "a"), turn{probe: true}) // repeated by the client
			check(probe(t, s, "b"), turn{wait: true})
		})
		t.Run("the turn is given back by its owner only", func(t *testing.T) {
			must(t, s.Probed(t.Context(), "flinks", "b"))
			check(probe(t, s, "b"), turn{wait: true})
			must(t, s.Probed(t.Context(), "flinks", "a"))
			check(probe(t, s, "b"), turn{probe: true})
		})
		t.Run("a probe that fails makes everybody wait", func(t *testing.T) {
			broken(time.Minute)
			check(probe(t, s, "b"), turn{wait: true})
			check(probe(t, s, "a"), turn{wait: true})
		})
		t.Run("only the operation that went wrong mends it", func(t *testing.T) {
			must(t, s.Mend(t.Context(), "flinks", "GetAccountsDetail"))
			if !look().Open {
				t.Error("another operation has mended it")
			}
			must(t, s.Mend(t.Context(), "flinks", "Authorize"))
			check(probe(t, s, "b"), turn{closed: true})
			if !broken(time.Minute) {
				t.Error("broken after it was mended, it is no news")
			}
		})
	})
}
