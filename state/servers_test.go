package state_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"nightshift/state"
)

// onEveryRedis runs the same test on each kind of server: miniredis is not
// Redis, and a cluster refuses scripts whose keys lie in different slots.
func onEveryRedis(t *testing.T, test func(t *testing.T, s *state.Store, rdb redis.UniversalClient)) {
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		m := miniredis.RunT(t)
		m.ClockTTL(true)
		use(t, "redis://"+m.Addr(), test)
	})
	t.Run("redis-server", func(t *testing.T) {
		use(t, "redis://"+redisServer(t), test)
	})
	t.Run("redis cluster", func(t *testing.T) {
		addr := redisServer(t, "--cluster-enabled", "yes")
		node := redis.NewClient(&redis.Options{Addr: addr})
		defer node.Close()
		if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
			t.Fatal(err)
		}
		until(t, func() bool {
			info, err := node.ClusterInfo(t.Context()).Result()
			return err == nil && len(info) > 16 && info[:16] == "cluster_state:ok"
		})
		use(t, "redis://"+addr+"?addr="+addr, test)
	})
}

func use(t *testing.T, url string, test func(t *testing.T, s *state.Store, rdb redis.UniversalClient)) {
	t.Helper()
	s, err := state.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	test(t, s, state.Client(s))
}

// redisServer starts the real thing on a free port and returns its address.
func redisServer(t testing.TB, args ...string) string {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed; `task redis` installs it")
	}
	port := freePort(t)
	cmd := exec.Command(bin, append([]string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(),
	}, args...)...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	probe := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	defer probe.Close()
	until(t, func() bool { return probe.Ping(t.Context()).Err() == nil })
	return addr
}

// freePort is free, and so is the one 10000 above it, which a cluster's node
// takes for its bus. Both lie below the ports that the system hands out, which
// some connection could take before the server does.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 12_000 + rand.IntN(10_000)
		if free(port) && free(port+10_000) {
			return port
		}
	}
	t.Fatal("no free port from 12000 to 22000 on 127.0.0.1")
	return 0
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// until polls a condition that another process makes true.
func until(t testing.TB, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited 20 s in vain")
		}
	}
}
