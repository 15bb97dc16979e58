package doctor

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"nightshift/cmd/nightshift/internal/local"
	"nightshift/state"
)

// judged is the checks of a Redis that answers, by their names.
func judged(t *testing.T, v *visit) map[string]Check {
	t.Helper()
	all := map[string]Check{}
	for _, c := range v.redisHealth(t.Context()) {
		all[c.Name] = c
	}
	return all
}

func TestRedisThatCannotBeReached(t *testing.T) {
	t.Parallel()
	look := func(p *Patient) Check {
		v := &visit{Patient: p}
		c := v.redis(t.Context())[0]
		if v.noRedis != "Redis cannot be asked" {
			t.Errorf("others go on: %q", v.noRedis)
		}
		return c
	}
	for _, tc := range []struct {
		rule string
		err  error
		want Check
	}{
		{"every worker has its own", ErrOwnRedis, warning("redis", "%v", ErrOwnRedis).
			mend("set --redis-url, or NIGHTSHIFT_REDIS_URL, to the one that all workers share")},
		{"none is installed", ErrStandIn, warning("redis", "%v", ErrStandIn).mend("install redis-server, or name one with --redis-url")},
		{"it has never run", ErrUnused, skipped("redis", "there: it was never used in this data directory")},
		{"the directory is in use", fmt.Errorf("data is %w", local.ErrLocked), broken("redis", "data is in use by another process").
			mend("stop that process, or look again when it has ended")},
		{"it does not start", errors.New("no room"), broken("redis", "there: no room; workers make no calls, and jobs wait").
			mend("start the server, or correct --redis-url")},
	} {
		t.Run(tc.rule, func(t *testing.T) { equal(t, tc.want, look(&Patient{Redis: Server{Where: "there", Err: tc.err}})) })
	}
	m := miniredis.RunT(t)
	p := &Patient{}
	p.open(t, m.Addr())
	t.Run("it answers", func(t *testing.T) {
		equal(t, []Check{ok("redis", "redis://there answers")}, (&visit{Patient: p}).redis(t.Context()))
	})
	t.Run("it wants a password", func(t *testing.T) {
		m.RequireAuth("secret")
		guarded := &Patient{}
		guarded.open(t, m.Addr())
		equal(t, broken("redis", "redis://there: state: ping: NOAUTH Authentication required.; workers make no calls, and jobs wait").
			mend("correct the user and password in --redis-url"), look(guarded))
	})
	t.Run("it is gone", func(t *testing.T) {
		m.Close()
		if c := look(p); c.Found != Broken || !strings.Contains(c.Says, "redis://there: state: ping: ") {
			t.Errorf("got %+v", c)
		}
	})
}

// Each part of a real server is broken in turn.
func TestRedisSettings(t *testing.T) {
	t.Parallel()
	p, rdb := onlyRedis(t)
	host, port, _ := strings.Cut(rdb.Options().Addr, ":")
	cli := "redis-cli -h " + host + " -p " + port
	set := func(pairs ...string) {
		t.Helper()
		for i := 0; i < len(pairs); i += 2 {
			if err := rdb.ConfigSet(t.Context(), pairs[i], pairs[i+1]).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	compare := func(want Check) {
		t.Helper()
		v := &visit{Patient: p}
		if got := v.redis(t.Context())[0].Found; got != OK {
			t.Fatalf("got %s", got)
		}
		equal(t, want, judged(t, v)[want.Name])
	}
	t.Run("no append-only file", func(t *testing.T) {
		compare(ok("redis persistence", "every change goes to an append-only file"))
		set("appendonly", "no")
		compare(warning("redis persistence", "no append-only file: a restart forgets claims and counts of live calls; "+
			"no job and no outcome is lost, but a bank may be asked live more often than --max-live").
			mend(cli+" config set appendonly yes", "and in its configuration file: appendonly yes"))
		set("appendonly", "yes")
	})
	t.Run("eviction", func(t *testing.T) {
		mends := []string{cli + " config set maxmemory-policy noeviction", "and in its configuration file: maxmemory-policy noeviction"}
		compare(ok("redis eviction", "it forgets nothing when its memory is full"))
		set("maxmemory-policy", "volatile-lru")
		compare(warning("redis eviction", "maxmemory-policy is volatile-lru: if it is ever given a limit, it forgets claims when its memory is full").mend(mends...))
		set("maxmemory", "100mb")
		compare(broken("redis eviction", "maxmemory-policy is volatile-lru: it forgets claims when its memory is full").mend(mends...))
		set("maxmemory", "0", "maxmemory-policy", "noeviction")
	})
	t.Run("a replica", func(t *testing.T) {
		compare(ok("redis role", "master"))
		if err := rdb.ReplicaOf(t.Context(), "127.0.0.1", "1").Err(); err != nil {
			t.Fatal(err)
		}
		compare(broken("redis role", "it is a replica, which refuses every claim").
			mend("set --redis-url to the master: "+cli+" info replication", "or, if the master is lost: "+cli+" replicaof no one"))
		if err := rdb.ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a memory that is full", func(t *testing.T) {
		set("maxmemory", "1")
		v := &visit{Patient: p}
		v.redis(t.Context())
		if c := judged(t, v)["redis memory"]; c.Found != Broken || !strings.Contains(c.Says, ": when it is full, no job can be claimed") {
			t.Errorf("got %+v", c)
		}
	})
}

// What a server may say of itself, and what that means.
func TestRedisHealth(t *testing.T) {
	cluster := func(h *state.Health) { h.Mode, h.ClusterState = "cluster", "ok" }
	disk := "free space on its disk, and look in its log"
	for _, tc := range []struct {
		rule   string
		change func(*state.Health)
		want   Check
	}{
		{"a new enough version", func(*state.Health) {}, ok("redis version", "7.0.15")},
		{"an old version", func(h *state.Health) { h.Version = "6.0.16" },
			warning("redis version", "6.0.16 is older than what Nightshift is made for").mend("install Redis 6.2 or newer, better 7")},
		{"a sentinel", func(h *state.Health) { h.Mode = "sentinel" },
			broken("redis role", "it is a Sentinel, which keeps no data").mend("set --redis-url to the server that it watches")},
		{"a node of a cluster, addressed as a server", func(h *state.Health) { cluster(h); h.ClusterMisused = true },
			broken("redis role", "it is a node of a Redis Cluster, but --redis-url names it as a server of its own").mend("--redis-url 'redis://r:1?addr=r:1'")},
		{"a cluster with holes", func(h *state.Health) { cluster(h); h.ClusterState = "fail" },
			broken("redis role", "the cluster does not serve all logins").mend("redis-cli -h r -p 1 cluster nodes")},
		{"a cluster", cluster, ok("redis role", "a master of a cluster that is complete")},
		{"a file that cannot be written", func(h *state.Health) { h.AppendError = "err" },
			broken("redis persistence", "its append-only file cannot be written, so it refuses changes").mend(disk)},
		{"a snapshot that failed", func(h *state.Health) { h.SaveError = "err" },
			warning("redis persistence", "its last snapshot failed, for which it may refuse changes").mend(disk)},
		{"keys that were forgotten", func(h *state.Health) { h.Policy, h.Max, h.Evicted = "allkeys-lru", new(int64(100)), new(int64(7)) },
			broken("redis eviction", "maxmemory-policy is allkeys-lru: it forgets claims when its memory is full, and has forgotten 7 keys since its start").
				mend("redis-cli -h r -p 1 config set maxmemory-policy noeviction", "and in its configuration file: maxmemory-policy noeviction")},
		{"no limit", func(*state.Health) {}, ok("redis memory", "50 B used, it has no limit")},
		{"room", func(h *state.Health) { h.Max = new(int64(100)) }, ok("redis memory", "50 B of 100 B used, 50 %%")},
		{"little room", func(h *state.Health) { h.Max = new(int64(60)) },
			warning("redis memory", "50 B of 60 B used, 83 %%: when it is full, no job can be claimed").mend("redis-cli -h r -p 1 config set maxmemory 120")},
		{"on a socket", func(h *state.Health) { h.Addr, h.AppendOnly = "/run/redis.sock", "0" },
			warning("redis persistence", "no append-only file: a restart forgets claims and counts of live calls; "+
				"no job and no outcome is lost, but a bank may be asked live more often than --max-live").
				mend("redis-cli -s /run/redis.sock config set appendonly yes", "and in its configuration file: appendonly yes")},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			h := state.Health{
				Addr: "r:1", Version: "7.0.15", Mode: "standalone", Role: "master", AppendOnly: "1", AppendError: "ok", SaveError: "ok",
				Policy: "noeviction", Used: new(int64(50)), Max: new(int64(0)), Evicted: new(int64(0)),
			}
			tc.change(&h)
			equal(t, tc.want, judged(t, &visit{health: []state.Health{h}})[tc.want.Name])
		})
	}
	t.Run("what is unknown is not broken", func(t *testing.T) {
		for _, c := range judged(t, &visit{health: []state.Health{{}}}) {
			equal(t, skipped(c.Name, "unknown: this server does not tell"), c)
		}
	})
	t.Run("of several masters the worst counts, and is named", func(t *testing.T) {
		v := &visit{health: []state.Health{{Addr: "a:1", Version: "7.2.0"}, {Addr: "b:1", Version: "5.0.0"}, {Addr: "c:1"}}}
		equal(t, warning("redis version", "b:1: 5.0.0 is older than what Nightshift is made for").
			mend("install Redis 6.2 or newer, better 7"), judged(t, v)["redis version"])
	})
}

func TestClockOfRedis(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	p := &Patient{}
	p.open(t, m.Addr())
	m.SetTime(time.Now().Add(time.Hour))
	v := &visit{Patient: p}
	v.redis(t.Context())
	equal(t, []Check{broken("clock of redis", "it is 1h ahead of this machine's: one of the two is wrong; if it is this one, the nightly window is off").
		mend("timedatectl set-ntp true  # here and there")}, v.clockOfRedis(t.Context()))
	t.Run("of several the one that is off most counts", func(t *testing.T) {
		v := &visit{health: []state.Health{{}, {Ahead: -5 * time.Second}, {Ahead: 3 * time.Second}}}
		equal(t, []Check{warning("clock of redis", "it is 5s behind this machine's: one of the two is wrong; if it is this one, the nightly window is off").
			mend("timedatectl set-ntp true  # here and there")}, v.clockOfRedis(t.Context()))
	})
}
