package consumer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"nightshift/state"
)

// Times of the turns.
const (
	turnTimeout = time.Second          // without an answer by then, this worker keeps the pace alone
	turnGather  = 5 * time.Millisecond // between two reservations, so that one serves many
)

// turns keeps the pace of calls that all workers share, in Redis. While there
// is no gap nobody asks; where there is one, all that wait at a time take their
// turns with one question. Without Redis the last known gap is kept.
type turns struct {
	store *state.Store
	log   *slog.Logger
	pace  pace

	mu      sync.Mutex
	waiting []ticket
	serving bool
}

// ticket is a place in the queue for a number of calls, one after the other.
type ticket struct {
	calls int
	turn  chan turn // has room for it, should nobody wait any more
}

// turn is when the first call may begin, and the gap before each further one.
type turn struct {
	at  time.Time
	gap time.Duration
}

func (t *turns) init(store *state.Store, rate int, log *slog.Logger) {
	t.store, t.log = store, log
	if rate > 0 {
		t.pace.least = (time.Second/time.Duration(rate) + time.Microsecond - 1).Truncate(time.Microsecond)
	}
}

// ask queues for the turn to make calls.
func (t *turns) ask(calls int) <-chan turn {
	mine := ticket{calls: calls, turn: make(chan turn, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, mine)
	if !t.serving {
		t.serving = true
		go t.serve()
	}
	return mine.turn
}

// serve hands turns out until nobody waits.
func (t *turns) serve() {
	for {
		t.mu.Lock()
		all := t.waiting
		t.waiting = nil
		if len(all) == 0 {
			t.serving = false
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
		t.handOut(all)
		time.Sleep(turnGather)
	}
}

func (t *turns) handOut(all []ticket) {
	calls := 0
	for _, one := range all {
		calls += one.calls
	}
	next := t.reserve(calls)
	for _, one := range all {
		one.turn <- next
		next.at = next.at.Add(time.Duration(one.calls) * next.gap)
	}
}

// reserve takes turns for so many calls.
func (t *turns) reserve(calls int) turn {
	ctx, cancel := context.WithTimeout(context.Background(), turnTimeout)
	defer cancel()
	asked := time.Now()
	told, err := t.store.Reserve(ctx, calls, t.pace.goods(), t.pace.least, gapLeast)
	now := time.Now()
	if err != nil {
		t.log.Debug("the pace is kept by this worker alone (continuing)", "err", err)
		return t.pace.alone(now, calls)
	}
	gap := t.pace.learn(asked, told, calls)
	return turn{at: now.Add(told.Wait), gap: gap}
}

// throttled tells all workers that Flinks has asked to slow down.
func (t *turns) throttled(retryAfter time.Duration) {
	asked := time.Now()
	if !t.pace.throttled(asked, retryAfter) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), turnTimeout)
	defer cancel()
	told, err := t.store.Throttle(ctx, state.Slowdown{
		Least: t.pace.least, First: gapFirst, Most: gapMost, Hold: paceHold, Stop: min(retryAfter, stopMost),
	})
	if err != nil {
		t.log.Debug("other replicas do not know that they should slow down (continuing)", "err", err)
		return
	}
	t.pace.learn(asked, told, 0)
}
