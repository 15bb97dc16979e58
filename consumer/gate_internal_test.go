package consumer

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func shutGate(log *slog.Logger) *gate {
	g := &gate{}
	g.init("flinks", 30*time.Second, log)
	g.close("something is wrong")
	return g
}

func TestGate(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	enter := func(ctx context.Context, g *gate) *atomic.Bool {
		var in atomic.Bool
		go func() { g.enter(ctx); in.Store(true) }()
		synctest.Wait()
		return &in
	}
	t.Run("open, it lets everybody through", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g gate
			g.init("flinks", 30*time.Second, quiet)
			for range 3 {
				if probe, _ := g.enter(t.Context()); probe {
					t.Error("a probe of an open gate")
				}
			}
		})
	})
	t.Run("shut, it lets one probe through after its time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := shutGate(quiet)
			begin := time.Now()
			probe, done := g.enter(t.Context())
			if waited := time.Since(begin); !probe || waited != 30*time.Second {
				t.Errorf("probe %v after %v", probe, waited)
			}
			ctx, cancel := context.WithCancel(t.Context())
			second := enter(ctx, g)
			if time.Sleep(time.Hour); second.Load() {
				t.Error("a second one is let in beside the probe")
			}
			done()
			if synctest.Wait(); !second.Load() {
				t.Error("nobody follows a probe that proved nothing")
			}
			cancel()
		})
	})
	t.Run("a probe that fails keeps it shut for another while", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := shutGate(quiet)
			_, done := g.enter(t.Context())
			begin := time.Now()
			g.close("something is wrong")
			done()
			if probe, _ := g.enter(t.Context()); !probe || time.Since(begin) != 30*time.Second {
				t.Errorf("probe %v after %v", probe, time.Since(begin))
			}
		})
	})
	t.Run("stopping ends the wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := shutGate(quiet)
			ctx, cancel := context.WithCancel(t.Context())
			in := enter(ctx, g)
			cancel()
			if synctest.Wait(); !in.Load() {
				t.Error("a stopped worker waits at the gate")
			}
		})
	})
	t.Run("it tells once that it is shut, and once that it is open", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var b strings.Builder
			g := shutGate(slog.New(slog.NewTextHandler(&b, nil)))
			g.close("something is wrong")
			g.open()
			g.open()
			if n := strings.Count(b.String(), "\n"); n != 2 {
				t.Errorf("%d lines:\n%s", n, b.String())
			}
		})
	})
}
