package state_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"

	"nightshift/state"
)

// measured are the fields that differ with every server and every moment.
var measured = cmpopts.IgnoreFields(state.Health{}, "Addr", "Version", "Used", "Ahead", "Took")

func healthOf(t *testing.T, s *state.Store) state.Health {
	t.Helper()
	all, err := s.Health(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("got %+v, %v", all, err)
	}
	return all[0]
}

// fine is a redis-server as Nightshift wants it.
func fine() state.Health {
	return state.Health{
		Mode: "standalone", Role: "master", AppendOnly: "1", AppendError: "ok", SaveError: "ok",
		Policy: "noeviction", Max: new(int64(0)), Evicted: new(int64(0)),
	}
}

func TestHealthOfARedisServer(t *testing.T) {
	t.Parallel()
	addr := redisServer(t, "--appendonly", "yes")
	s, err := state.Open("redis://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	h := healthOf(t, s)
	if diff := cmp.Diff(fine(), h, measured); diff != "" {
		t.Error(diff)
	}
	if h.Addr != addr || !strings.Contains(h.Version, ".") || h.Used == nil || *h.Used == 0 ||
		h.Took <= 0 || h.Ahead.Abs() > time.Second {
		t.Errorf("got %+v", h)
	}

	for _, tc := range []struct {
		rule, name, value string
		want              func(*state.Health)
	}{
		{"it tells its limit", "maxmemory", "104857600", func(h *state.Health) { h.Max = new(int64(104857600)) }},
		{"and what it does then", "maxmemory-policy", "allkeys-lru", func(h *state.Health) { h.Policy = "allkeys-lru" }},
		{"that it writes no file", "appendonly", "no", func(h *state.Health) { h.AppendOnly = "0" }},
		{"that it follows another", "replicaof", "127.0.0.1 1", func(h *state.Health) { h.Role = "slave" }},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			rdb := state.Client(s)
			before, err := rdb.ConfigGet(t.Context(), tc.name).Result()
			if err != nil {
				t.Fatal(err)
			}
			set := func(value string) error {
				if tc.name == "replicaof" {
					host, port, _ := strings.Cut(value, " ")
					return rdb.ReplicaOf(t.Context(), host, port).Err()
				}
				return rdb.ConfigSet(t.Context(), tc.name, value).Err()
			}
			if err := set(tc.value); err != nil {
				t.Fatal(err)
			}
			want := fine()
			tc.want(&want)
			if diff := cmp.Diff(want, healthOf(t, s), measured); diff != "" {
				t.Error(diff)
			}
			if tc.name == "replicaof" {
				before[tc.name] = "NO ONE"
			}
			if err := set(before[tc.name]); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestHealthOfOthers(t *testing.T) {
	t.Parallel()
	t.Run("what the stand-in does not tell is unknown", func(t *testing.T) {
		m := miniredis.RunT(t)
		use(t, "redis://"+m.Addr(), func(t *testing.T, s *state.Store, _ redis.UniversalClient) {
			if diff := cmp.Diff(state.Health{}, healthOf(t, s), measured); diff != "" {
				t.Error(diff)
			}
		})
	})
	t.Run("a clock that is ahead or behind", func(t *testing.T) {
		m := miniredis.RunT(t)
		use(t, "redis://"+m.Addr(), func(t *testing.T, s *state.Store, _ redis.UniversalClient) {
			for _, skew := range []time.Duration{time.Hour, -time.Hour} {
				m.SetTime(time.Now().Add(skew))
				if got := healthOf(t, s).Ahead; (got - skew).Abs() > time.Second {
					t.Errorf("got %s, want %s", got, skew)
				}
			}
		})
	})
	t.Run("nobody", func(t *testing.T) {
		m := miniredis.RunT(t)
		use(t, "redis://"+m.Addr(), func(t *testing.T, s *state.Store, _ redis.UniversalClient) {
			m.Close()
			if got, err := s.Health(t.Context()); err == nil {
				t.Errorf("got %+v", got)
			}
		})
	})
}

func TestHealthOfACluster(t *testing.T) {
	t.Parallel()
	addr := redisServer(t, "--cluster-enabled", "yes")
	node := redis.NewClient(&redis.Options{Addr: addr})
	defer node.Close()
	of := func(t *testing.T, url string) (h state.Health) {
		use(t, url, func(t *testing.T, s *state.Store, _ redis.UniversalClient) { h = healthOf(t, s) })
		return h
	}
	want := fine()
	want.Mode, want.AppendOnly = "cluster", "0"
	t.Run("without its slots it is of no use, and addressed as one server even less", func(t *testing.T) {
		want := want
		want.ClusterState, want.ClusterMisused = "fail", true
		if diff := cmp.Diff(want, of(t, "redis://"+addr), measured); diff != "" {
			t.Error(diff)
		}
	})
	if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	t.Run("with them each master is asked", func(t *testing.T) {
		want.ClusterState = "ok"
		until(t, func() bool { return cmp.Equal(want, of(t, "redis://"+addr+"?addr="+addr), measured) })
	})
}

func TestSince(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, _ redis.UniversalClient) {
		for range 2 { // To ask begins nothing.
			if got, err := s.Since(t.Context()); err != nil || !got.IsZero() {
				t.Fatalf("got %v, %v", got, err)
			}
		}
		held, err := s.Claim(t.Context(), state.Lease{LoginID: "a", Cycle: "2026-11-22", Owner: "me", Fence: 1}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Since(t.Context()); err != nil || !got.Equal(held.Epoch) {
			t.Errorf("got %v, %v, want %v", got, err, held.Epoch)
		}
	})
}
