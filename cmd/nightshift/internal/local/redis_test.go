package local_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"nightshift/cmd/nightshift/internal/local"
)

func TestRedisChild(t *testing.T) {
	needRedis(t)

	t.Run("a restart keeps what was stored", func(t *testing.T) {
		dir := t.TempDir()
		first := startRedis(t, dir)
		set(t, first, "kept")
		closeRedis(t, first)

		second := startRedis(t, dir)
		defer closeRedis(t, second)
		if got := get(t, second); got != "kept" {
			t.Fatalf("got %q", got)
		}
	})

	t.Run("no key is ever evicted and every second is on disk", func(t *testing.T) {
		r := startRedis(t, t.TempDir())
		defer closeRedis(t, r)
		client := redis.NewUniversalClient(r.Options())
		defer client.Close()
		for name, want := range map[string]string{
			"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec", "save": "", "port": "0",
		} {
			got, err := client.ConfigGet(t.Context(), name).Result()
			if err != nil || got[name] != want {
				t.Errorf("%s: got %q, %v, want %q", name, got[name], err, want)
			}
		}
	})

	t.Run("Close leaves nothing behind", func(t *testing.T) {
		t.Setenv("TMPDIR", t.TempDir())
		r := startRedis(t, t.TempDir())
		if !r.Durable() {
			t.Fatal("not durable")
		}
		socket := r.Options().Addrs[0]
		closeRedis(t, r)
		if _, err := os.Stat(filepath.Dir(socket)); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("the socket's directory is still there: %v", err)
		}
	})

	t.Run("a long temporary path is no hindrance", func(t *testing.T) {
		long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
		if err := os.Mkdir(long, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TMPDIR", long)
		closeRedis(t, startRedis(t, t.TempDir()))
	})

	t.Run("a server that does not come up is an error that tells why", func(t *testing.T) {
		dir := t.TempDir()
		broken := filepath.Join(dir, "appendonlydir")
		if err := os.WriteFile(broken, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := local.StartRedis(t.Context(), dir, quiet())
		if err == nil || !strings.Contains(err.Error(), "ended at once") || !strings.Contains(err.Error(), "appendonlydir") {
			t.Fatalf("got %v", err)
		}
		// Its lock is free again.
		if err := os.Remove(broken); err != nil {
			t.Fatal(err)
		}
		closeRedis(t, startRedis(t, dir))
	})

	t.Run("its ordinary life is a detail of the log", func(t *testing.T) {
		var out bytes.Buffer
		r, err := local.StartRedis(t.Context(), t.TempDir(), slog.New(slog.NewTextHandler(&out, nil)))
		if err != nil {
			t.Fatal(err)
		}
		closeRedis(t, r)
		if out.Len() > 0 {
			t.Fatalf("logged at info or above:\n%s", &out)
		}
	})
}

func TestRedisIsNotSharedByTwoProcesses(t *testing.T) {
	needRedis(t)
	dir := t.TempDir()
	r := startRedis(t, dir)
	defer closeRedis(t, r)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := local.StartRedis(ctx, dir, quiet()); !errors.Is(err, local.ErrLocked) {
		t.Fatalf("got %v", err)
	}
}

func TestRedisStandIn(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var out bytes.Buffer
	r, err := local.StartRedis(t.Context(), t.TempDir(), slog.New(slog.NewJSONHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer closeRedis(t, r)

	t.Run("is told in one warning", func(t *testing.T) {
		if n := strings.Count(out.String(), "\n"); n != 1 || !strings.Contains(out.String(), `"level":"WARN"`) {
			t.Fatalf("logged:\n%s", &out)
		}
		for _, word := range []string{"gone when the program ends", "within this process only", "--redis-url"} {
			if !strings.Contains(out.String(), word) {
				t.Errorf("the warning lacks %q", word)
			}
		}
	})

	t.Run("answers on the loopback and is not durable", func(t *testing.T) {
		set(t, r, "there")
		if got := get(t, r); got != "there" || r.Durable() || !strings.HasPrefix(r.Options().Addrs[0], "127.0.0.1:") {
			t.Fatalf("got %q, durable %v, at %s", got, r.Durable(), r.Options().Addrs[0])
		}
	})

	t.Run("its keys end by the clock", func(t *testing.T) {
		client := redis.NewUniversalClient(r.Options())
		defer client.Close()
		if err := client.Set(t.Context(), "lease", "x", time.Millisecond).Err(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(10 * time.Second)
		for client.Exists(t.Context(), "lease").Val() == 1 {
			if time.Now().After(deadline) {
				t.Fatal("the lease never ends")
			}
		}
	})
}

func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is not installed: task redis installs it")
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func startRedis(t *testing.T, dir string) *local.Redis {
	t.Helper()
	r, err := local.StartRedis(t.Context(), dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func closeRedis(t *testing.T, r *local.Redis) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func set(t *testing.T, r *local.Redis, val string) {
	t.Helper()
	client := redis.NewUniversalClient(r.Options())
	defer client.Close()
	if err := client.Set(t.Context(), "key", val, 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, r *local.Redis) string {
	t.Helper()
	client := redis.NewUniversalClient(r.Options())
	defer client.Close()
	val, err := client.Get(t.Context(), "key").Result()
	if err != nil {
		t.Fatal(err)
	}
	return val
}
