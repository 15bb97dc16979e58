package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis is a server of our own: a child process if one is installed, else a
// stand-in inside this process.
type Redis struct {
	addr  string // A socket's path or an address of the loopback.
	child *child // Nil for the stand-in.
	mini  *miniredis.Miniredis
}

// programs are the servers that will do, in the order of liking.
var programs = []string{"redis-server", "valkey-server"}

// StartRedis starts a server that keeps its files under dir and returns when
// it answers; ctx is for the start alone. Without an installed server it
// starts the stand-in and warns. A server that is installed and does not come
// up is an error: to go on without its files would forget what they hold.
func StartRedis(ctx context.Context, dir string, log *slog.Logger) (*Redis, error) {
	for _, name := range programs {
		path, err := exec.LookPath(name)
		if errors.Is(err, exec.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("local: find %s: %w", name, err)
		}
		c, err := startChild(ctx, path, dir, log)
		if err != nil {
			return nil, fmt.Errorf("local: start redis in %s: %w", dir, err)
		}
		return &Redis{addr: c.socket, child: c}, nil
	}
	return startMini(log)
}

// RedisInstalled tells that [StartRedis] would start a server, and not the
// stand-in.
func RedisInstalled() bool {
	return slices.ContainsFunc(programs, func(name string) bool {
		_, err := exec.LookPath(name)
		return err == nil
	})
}

// startMini starts the stand-in on a free port of the loopback.
func startMini(log *slog.Logger) (*Redis, error) {
	m := miniredis.NewMiniRedis()
	// Leases must end by the clock, which they do not by themselves here.
	m.ClockTTL(true)
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("local: start the redis stand-in: %w", err)
	}
	log.Warn("redis-server is not installed: using a stand-in inside this process; " +
		"its state is gone when the program ends, and logins are protected from double work " +
		"within this process only. Install redis-server, or set --redis-url")
	return &Redis{addr: m.Addr(), mini: m}, nil
}

// Durable tells whether the state outlives this process.
func (r *Redis) Durable() bool { return r.child != nil }

// Options says how go-redis reaches the server. Each call makes a new one,
// which the caller may change.
func (r *Redis) Options() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: []string{r.addr},
		// Without it a call outlives its deadline by the read time-out.
		ContextTimeoutEnabled: true,
		// A feature of Redis Enterprise, which this is not.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// Close stops the server; a child has written its files when it returns.
func (r *Redis) Close() error {
	if r.mini != nil {
		r.mini.Close()
		return nil
	}
	return r.child.close()
}
