package consumer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"nightshift/producer/event"
	"nightshift/state"
)

// Circuit is the name of the circuit in Redis.
const Circuit = "flinks"

// Times of the circuit.
const (
	circuitLook  = time.Second      // how soon a worker sees what another one has found out
	circuitEvery = 10 * time.Second // between two probes, whatever became of the first one
)

// circuit pauses the pulling of all workers while Flinks refuses us: a wrong
// secret, a wrong customer id, requests that it calls invalid. It is kept in
// Redis. While it is open, one job at a time of all workers is let through as
// a probe; the first one for which the operation that went wrong goes well
// closes it.
type circuit struct {
	store *state.Store
	owner string
	log   *slog.Logger

	mu      sync.Mutex
	known   state.Circuit // as this worker knows it
	probing bool
	changed chan struct{} // closed and replaced at every change
}

func (c *circuit) init(store *state.Store, owner string, log *slog.Logger) {
	c.store, c.owner, c.log, c.changed = store, owner, log, make(chan struct{})
}

// look learns what other workers have found out. While Redis does not answer,
// nothing is pulled anyhow.
func (c *circuit) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if now, err := c.store.Circuit(ctx, Circuit); err == nil {
		c.learn(now)
	}
}

// learn takes over what Redis says.
func (c *circuit) learn(now state.Circuit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.known
	if c.known = now; was.Open == now.Open {
		return
	}
	if now.Open {
		c.log.Warn("pulling is paused, jobs stay untouched: another replica has found a fault",
			"because", OurFault(now.Why), "op", now.Op, "since", now.Since)
	} else {
		c.log.Info("recovered, pulling goes on", "what", Circuit, "op", was.Op)
	}
	c.tell()
}

// enter waits until the circuit is closed or the caller may probe, or ctx
// ends. done must be called when the pull's jobs are through.
func (c *circuit) enter(ctx context.Context) (probe bool, done func()) {
	for {
		c.mu.Lock()
		if !c.known.Open || ctx.Err() != nil {
			c.mu.Unlock()
			return false, func() {}
		}
		changed, first := c.changed, !c.probing
		c.probing = true
		c.mu.Unlock()
		var wait time.Duration // none: another lane of this worker is probing
		if first {
			if probe, wait = c.turn(ctx); probe {
				return true, sync.OnceFunc(c.probed)
			}
		}
		await(ctx, changed, wait)
	}
}

// turn asks Redis for the turn to probe, or how long to wait before the next
// question.
func (c *circuit) turn(ctx context.Context) (probe bool, wait time.Duration) {
	brief, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	probe, closed, wait, err := c.store.Probe(brief, Circuit, c.owner, circuitEvery)
	if err == nil && closed {
		c.learn(state.Circuit{})
	}
	if !probe {
		c.mu.Lock()
		c.probing = false
		c.mu.Unlock()
	}
	return probe, max(min(wait, circuitEvery), circuitLook)
}

// probed gives the turn back.
func (c *circuit) probed() {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := c.store.Probed(ctx, Circuit, c.owner); err != nil {
		c.log.Debug("probe not given back, it ends by itself (continuing)", "err", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
	c.tell()
}

// open pauses all workers because op went wrong. It is told once.
func (c *circuit) open(op string, why event.Reason, args ...any) {
	c.mu.Lock()
	c.known = state.Circuit{Open: true, Op: op, Why: string(why), Since: time.Now()}
	c.tell()
	c.mu.Unlock()
	Pause(c.store, c.log, op, why, args...)
}

// Pause makes all workers pause because Flinks has refused op: for who finds
// that out before there is a job, and so that no job is touched.
func Pause(store *state.Store, log *slog.Logger, op string, why event.Reason, args ...any) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	first, err := store.Break(ctx, Circuit, op, string(why), circuitEvery)
	if err != nil {
		log.Warn("other replicas do not know of the pause (continuing)", "err", err)
	}
	if first || err != nil {
		log.Error("pulling is paused on all replicas, jobs stay untouched",
			append([]any{"because", OurFault(string(why)), "op", op, "next_try", circuitEvery}, args...)...)
	}
}

// good closes the circuit if op is what had gone wrong.
func (c *circuit) good(op string) {
	if !c.isOpen(op) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := c.store.Mend(ctx, Circuit, op); err != nil {
		c.log.Debug("circuit not closed; the next probe will (continuing)", "err", err)
		return
	}
	c.learn(state.Circuit{})
}

// isOpen reports whether pulling is paused because of op; "" stands for
// whatever it is.
func (c *circuit) isOpen(op string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.Open && (op == "" || op == c.known.Op)
}

// tell wakes all that wait up.
func (c *circuit) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}
