package state_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"nightshift/state"
)

const ttl = 30 * time.Second

func lease(owner string, fence uint64) state.Lease {
	return state.Lease{LoginID: "login-1", Cycle: "2026-11-22", Owner: owner, Fence: fence}
}

func claim(t *testing.T, s *state.Store, l state.Lease) state.Held {
	t.Helper()
	held, err := s.Claim(t.Context(), l, ttl)
	if err != nil {
		t.Fatal(err)
	}
	if held.Epoch.IsZero() || time.Since(held.Epoch) > time.Minute {
		t.Errorf("epoch is %v", held.Epoch)
	}
	if held.Verdict == state.Claimed && time.Since(held.Now).Abs() > time.Minute {
		t.Errorf("it is %v, says redis", held.Now)
	}
	held.Epoch, held.Now = time.Time{}, time.Time{}
	return held
}

func want(t *testing.T, got, want state.Held) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keys are all keys of the login with what they hold, but for times.
func keys(t *testing.T, rdb redis.UniversalClient) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, k := range []string{"lease", "cycle:2026-11-22", "login"} {
		key := "nightshift:{login-1}:" + k
		switch rdb.Type(t.Context(), key).Val() {
		case "string":
			all[k] = rdb.Get(t.Context(), key).Val()
		case "hash":
			all[k] = rdb.HGetAll(t.Context(), key).Val()
		}
	}
	return all
}

func TestClaim(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		want(t, claim(t, s, lease("a", 7)), state.Held{Verdict: state.Claimed})
		if diff := cmp.Diff(map[string]any{"lease": "a", "cycle:2026-11-22": map[string]string{"fence": "7"}}, keys(t, rdb)); diff != "" {
			t.Errorf("redis (-want +got):\n%s", diff)
		}

		t.Run("repeated by its owner it is the same claim", func(t *testing.T) {
			want(t, claim(t, s, lease("a", 7)), state.Held{Verdict: state.Claimed, Known: true})
		})
		t.Run("another worker finds the login busy", func(t *testing.T) {
			held := claim(t, s, lease("b", 7))
			if held.BusyFor <= 0 || held.BusyFor > ttl {
				t.Errorf("busy for %v", held.BusyFor)
			}
			held.BusyFor = 0
			want(t, held, state.Held{Verdict: state.Busy})
		})
		t.Run("busy in any cycle and lane", func(t *testing.T) {
			l := lease("b", 9)
			l.Cycle = "od-01ARZ3NDEKTSV4RRFFQ69G5FAV"
			if held := claim(t, s, l); held.Verdict != state.Busy {
				t.Error(held)
			}
		})
		t.Run("another login is free", func(t *testing.T) {
			l := lease("b", 9)
			l.LoginID = "login-2"
			want(t, claim(t, s, l), state.Held{Verdict: state.Claimed})
		})
		t.Run("released, the next worker gets it", func(t *testing.T) {
			must(t, s.Release(t.Context(), lease("a", 7)))
			want(t, claim(t, s, lease("b", 7)), state.Held{Verdict: state.Claimed, Known: true})
		})
		t.Run("a message from before the last one claimed is stale", func(t *testing.T) {
			want(t, claim(t, s, lease("c", 6)), state.Held{Verdict: state.Stale, Known: true})
		})
	})
}

func TestOnlyTheOwnerWrites(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		claim(t, s, lease("a", 7))
		before := keys(t, rdb)
		other := lease("b", 7)
		for name, err := range map[string]error{
			"renew":       s.Renew(t.Context(), other, ttl, 0, false),
			"record live": s.RecordLive(t.Context(), other, 1),
			"park":        s.Park(t.Context(), other, 9, 1),
			"release":     s.Release(t.Context(), other),
		} {
			if !errors.Is(err, state.ErrLost) {
				t.Errorf("%s by another: got %v, want ErrLost", name, err)
			}
		}
		if diff := cmp.Diff(before, keys(t, rdb)); diff != "" {
			t.Errorf("something was written (-before +after):\n%s", diff)
		}
	})
}

func TestLiveCallsAreRemembered(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, _ redis.UniversalClient) {
		claim(t, s, lease("a", 7))
		must(t, s.RecordLive(t.Context(), lease("a", 7), 2))
		must(t, s.RecordLive(t.Context(), lease("a", 7), 2)) // repeated by the client: no harm
		must(t, s.Release(t.Context(), lease("a", 7)))
		want(t, claim(t, s, lease("b", 7)), state.Held{Verdict: state.Claimed, Known: true, Live: 2})

		l := lease("b", 7)
		must(t, s.Release(t.Context(), l))
		l.Cycle = "2026-11-23"
		want(t, claim(t, s, l), state.Held{Verdict: state.Claimed})
	})
}

func TestPark(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		claim(t, s, lease("a", 7))
		must(t, s.Park(t.Context(), lease("a", 7), 20, 1))
		if diff := cmp.Diff(map[string]any{"cycle:2026-11-22": map[string]string{"fence": "20", "live": "1"}}, keys(t, rdb)); diff != "" {
			t.Errorf("redis (-want +got):\n%s", diff)
		}
		t.Run("a repeat of the old message is stale", func(t *testing.T) {
			want(t, claim(t, s, lease("b", 7)), state.Held{Verdict: state.Stale, Known: true})
		})
		t.Run("the parked message goes on when it is due", func(t *testing.T) {
			want(t, claim(t, s, lease("b", 31)), state.Held{Verdict: state.Claimed, Known: true, Live: 1})
		})
	})
}

func TestFinish(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		ended := time.UnixMilli(1_800_000_000_000).UTC()
		refused := state.Ending{Type: "reconnect_required", Reason: "credentials_refused", Code: "INVALID_PASSWORD", Institution: "Some Bank", Ended: ended, Cached: true, Waiting: true, Refused: true}
		claim(t, s, lease("a", 7))
		must(t, s.Finish(t.Context(), lease("a", 7), refused))
		wantKeys := map[string]any{
			"cycle:2026-11-22": map[string]string{"fence": "7", "ended": "reconnect_required"},
			"login": map[string]string{
				"type": "reconnect_required", "reason": "credentials_refused", "cycle": "2026-11-22",
				"code": "INVALID_PASSWORD", "inst": "Some Bank",
				"ended": "1800000000000", "cached": "1800000000000", "refused": "1800000000000", "waiting": "1800000000000",
			},
		}
		if diff := cmp.Diff(wantKeys, keys(t, rdb)); diff != "" {
			t.Errorf("redis (-want +got):\n%s", diff)
		}
		t.Run("repeated, it changes nothing", func(t *testing.T) {
			must(t, s.Finish(t.Context(), lease("a", 7), refused))
			if diff := cmp.Diff(wantKeys, keys(t, rdb)); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("the cycle is done for everybody", func(t *testing.T) {
			want(t, claim(t, s, lease("b", 8)), state.Held{Verdict: state.Done, Known: true})
		})
		next := lease("c", 9)
		next.Cycle = "2026-11-23"
		t.Run("the refusal is remembered in the next cycle", func(t *testing.T) {
			want(t, claim(t, s, next), state.Held{Verdict: state.Claimed, KnownLogin: true, RefusedAt: ended})
		})
		t.Run("an older ending does not overwrite the login's record", func(t *testing.T) {
			must(t, s.Finish(t.Context(), next, state.Ending{Type: "failed", Reason: "busy", Ended: ended.Add(-time.Hour)}))
			got, err := s.Login(t.Context(), "login-1")
			must(t, err)
			wantLogin := state.Login{
				LoginID: "login-1", Institution: "Some Bank",
				Type: "reconnect_required", Reason: "credentials_refused", Cycle: "2026-11-22", Code: "INVALID_PASSWORD",
				Ended: ended, Cached: ended, RefusedAt: ended, Waiting: ended,
			}
			if diff := cmp.Diff(wantLogin, got); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("refused again without a call, the time of the first refusal stands", func(t *testing.T) {
			l := lease("c", 9)
			l.Cycle = "2026-11-23-r1"
			again := state.Ending{Type: "reconnect_required", Reason: "refused_before", Ended: ended.Add(time.Minute), Waiting: true, Refused: true, Before: true}
			must(t, s.Finish(t.Context(), l, again))
			got, err := s.Login(t.Context(), "login-1")
			must(t, err)
			if !got.RefusedAt.Equal(ended) || !got.Waiting.Equal(ended) || got.Reason != "refused_before" {
				t.Errorf("%+v", got)
			}
		})
		t.Run("a refresh with data from before the refusal proves nothing", func(t *testing.T) {
			l := lease("d", 10)
			l.Cycle = "2026-11-24-r1"
			claim(t, s, l)
			must(t, s.Finish(t.Context(), l, state.Ending{
				Type: "refreshed", Reason: "cached_fresh", Ended: ended.Add(time.Hour / 2), Refreshed: true, LastRefresh: ended.Add(-time.Minute),
			}))
			got, err := s.Login(t.Context(), "login-1")
			must(t, err)
			if !got.RefusedAt.Equal(ended) || !got.Waiting.Equal(ended) {
				t.Errorf("%+v", got)
			}
		})
		t.Run("a refresh clears the refusal", func(t *testing.T) {
			l := lease("d", 10)
			l.Cycle = "2026-11-24"
			claim(t, s, l)
			must(t, s.Finish(t.Context(), l, state.Ending{Type: "refreshed", Reason: "live_refresh", Ended: ended.Add(time.Hour), Refreshed: true, LastRefresh: ended.Add(time.Hour)}))
			got, err := s.Login(t.Context(), "login-1")
			must(t, err)
			wantLogin := state.Login{
				LoginID: "login-1", Institution: "Some Bank", Type: "refreshed", Reason: "live_refresh", Cycle: "2026-11-24",
				Ended: ended.Add(time.Hour), Success: ended.Add(time.Hour), Cached: ended,
			}
			if diff := cmp.Diff(wantLogin, got); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("an ending that another has told does not take the lease away", func(t *testing.T) {
			l := lease("e", 11)
			l.Cycle = "2026-11-25"
			claim(t, s, l)
			late := l
			late.Owner = "zombie"
			must(t, s.Finish(t.Context(), late, state.Ending{Type: "failed", Reason: "busy", Ended: ended.Add(2 * time.Hour)}))
			if got := rdb.Get(t.Context(), "nightshift:{login-1}:lease").Val(); got != "e" {
				t.Errorf("lease is %q", got)
			}
		})
	})
}

func TestAfterRedisWasFlushed(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		l := lease("a", 7)
		first, err := s.Claim(t.Context(), l, ttl)
		must(t, err)
		until(t, func() bool { return time.Since(first.Epoch) > 2*time.Millisecond })
		must(t, rdb.FlushAll(t.Context()).Err())

		t.Run("a holder whose time is over does not get its lease back", func(t *testing.T) {
			if err := s.Renew(t.Context(), l, ttl, 2, true); !errors.Is(err, state.ErrLost) {
				t.Errorf("got %v, want ErrLost", err)
			}
		})
		t.Run("the holder gets its lease back with the next heartbeat", func(t *testing.T) {
			must(t, s.Renew(t.Context(), l, ttl, 2, false))
			if held := claim(t, s, lease("b", 7)); held.Verdict != state.Busy {
				t.Error(held)
			}
		})
		t.Run("and Redis the live calls", func(t *testing.T) {
			must(t, s.Release(t.Context(), l))
			want(t, claim(t, s, l), state.Held{Verdict: state.Claimed, Known: true, Live: 2})
		})
		t.Run("where Redis knows the job again, being late is no matter", func(t *testing.T) {
			must(t, s.Release(t.Context(), l))
			must(t, s.Renew(t.Context(), l, ttl, 2, true))
		})
		t.Run("a new epoch shows what is forgotten", func(t *testing.T) {
			l := lease("b", 7)
			l.LoginID = "login-2"
			held, err := s.Claim(t.Context(), l, ttl)
			must(t, err)
			if !held.Epoch.After(first.Epoch) {
				t.Errorf("epoch %v, before the flush %v", held.Epoch, first.Epoch)
			}
		})
		t.Run("a holder whose job went on does not get it back", func(t *testing.T) {
			must(t, s.Park(t.Context(), l, 9, 0))
			if err := s.Renew(t.Context(), l, ttl, 0, false); !errors.Is(err, state.ErrLost) {
				t.Errorf("got %v, want ErrLost", err)
			}
		})
	})
}

func TestScriptsComeBackAfterTheyWereForgotten(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		claim(t, s, lease("a", 7))
		must(t, rdb.ScriptFlush(t.Context()).Err())
		want(t, claim(t, s, lease("a", 7)), state.Held{Verdict: state.Claimed, Known: true})
		must(t, rdb.ScriptFlush(t.Context()).Err())
		must(t, s.Release(t.Context(), lease("a", 7)))
	})
}

// TestOneAtATime: of many workers that want a login, one gets it.
func TestOneAtATime(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, _ redis.UniversalClient) {
		var claimed atomic.Int32
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				held, err := s.Claim(context.Background(), lease(fmt.Sprint(i), 7), ttl)
				if err != nil {
					t.Error(err)
				}
				if held.Verdict == state.Claimed {
					claimed.Add(1)
				}
			})
		}
		all.Wait()
		if n := claimed.Load(); n != 1 {
			t.Errorf("%d workers got the login", n)
		}
	})
}

// TestLeaseEndsByItself, in virtual time: the login of a worker that died is
// free again after the lease's time, and not before.
func TestLeaseEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true)
		opts, err := state.Options("redis://127.0.0.1:1") // an IP: a name would be looked up outside the bubble
		must(t, err)
		opts.Dialer = func(context.Context, string, string) (net.Conn, error) { return m.Dial() }
		s := state.New(redis.NewClient(opts))
		defer m.Close()
		defer s.Close()
		claim(t, s, lease("a", 7))
		time.Sleep(20 * time.Second)
		must(t, s.Renew(t.Context(), lease("a", 7), ttl, 0, false))
		time.Sleep(29 * time.Second)
		if held := claim(t, s, lease("b", 7)); held.Verdict != state.Busy {
			t.Errorf("29 s after its renewal the lease is %v", held)
		}
		time.Sleep(time.Second)
		if held := claim(t, s, lease("b", 7)); held.Verdict != state.Claimed {
			t.Errorf("30 s after its renewal the lease is %v", held)
		}
		if err := s.Renew(t.Context(), lease("a", 7), ttl, 0, false); !errors.Is(err, state.ErrLost) {
			t.Errorf("the old holder: got %v, want ErrLost", err)
		}
	})
}

func TestOpen(t *testing.T) {
	for _, url := range []string{"redis://127.0.0.1:6379/0", "unix:///tmp/x.sock", "rediss://h:1", "redis://h:1?addr=i:2"} {
		s, err := state.Open(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		must(t, s.Close())
	}
	for _, url := range []string{"", "http://h", "redis://:hunter2@h:port", "redis://:hunter2@h?addr=:::", "\x7f:hunter2"} {
		_, err := state.Open(url)
		if err == nil {
			t.Errorf("%q was taken", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in %q", err)
		}
	}
}

// TestDeadlineHolds, in virtual time: a context's deadline ends an operation on
// a Redis that does not answer, although the client's own time-outs are longer.
func TestDeadlineHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silent []net.Conn
		opts, err := state.Options("redis://127.0.0.1:1")
		must(t, err)
		opts.Dialer = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			silent = append(silent, theirs)
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			return ours, nil
		}
		s := state.New(redis.NewClient(opts))
		defer func() {
			_ = s.Close()
			for _, c := range silent {
				_ = c.Close()
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if _, err := s.Claim(ctx, lease("a", 7), ttl); err == nil {
			t.Error("claimed without redis")
		}
		if took := time.Since(begin); took != 200*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}
