package consumer

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// gate stops this worker's pulling while something is out of reach from here:
// Redis, Flinks' host. Other workers may reach it, so they are not asked; what
// is wrong for all of them is the matter of [circuit]. While the gate is shut,
// one job at a time is let through as a probe; the first that goes well opens
// it.
type gate struct {
	name  string
	every time.Duration // between probes
	log   *slog.Logger

	mu      sync.Mutex
	shut    bool
	since   time.Time
	next    time.Time // of the next probe
	probing bool
	changed chan struct{} // closed and replaced at every change
}

func (g *gate) init(name string, every time.Duration, log *slog.Logger) {
	g.name, g.every, g.log, g.changed = name, every, log, make(chan struct{})
}

// enter waits until the gate is open or the caller may probe, or ctx ends.
// done must be called when the pull's jobs are through.
func (g *gate) enter(ctx context.Context) (probe bool, done func()) {
	for {
		g.mu.Lock()
		if !g.shut || ctx.Err() != nil {
			g.mu.Unlock()
			return false, func() {}
		}
		wait := time.Until(g.next)
		if !g.probing && wait <= 0 {
			g.probing = true
			g.mu.Unlock()
			return true, sync.OnceFunc(g.probed)
		}
		changed := g.changed
		g.mu.Unlock()
		await(ctx, changed, wait)
	}
}

// await returns at the next change, after wait, or when ctx ends. Without a
// wait only a change matters: somebody else is probing.
func await(ctx context.Context, changed <-chan struct{}, wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		due = t.C
	}
	select {
	case <-changed:
	case <-due:
	case <-ctx.Done():
	}
}

func (g *gate) probed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false // if it proved nothing, the next probe is due at once
	g.tell()
}

// close shuts the gate, or keeps it shut for another while. It is told once.
func (g *gate) close(why string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next = time.Now().Add(g.every)
	if !g.shut {
		g.shut, g.since = true, time.Now()
		g.log.Error("pulling is paused, jobs stay untouched", append([]any{"because", why, "next_try", g.every}, args...)...)
	}
	g.tell()
}

// open lets everybody through.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		g.shut = false
		g.log.Info("recovered, pulling goes on", "what", g.name, "after", time.Since(g.since).Round(time.Millisecond))
		g.tell()
	}
}

// isShut reports whether pulling waits for this gate.
func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

func (g *gate) tell() {
	close(g.changed)
	g.changed = make(chan struct{})
}
