package consumer

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"nightshift/state"
)

// Times of the turns.
const (
	turnTimeout = time.Second          // without an answer by then, this worker keeps the pace alone
	turnGather  = 5 * time.Millisecond // between two reservations, so that one serves many

	// Turns are taken no further ahead: a pace that was slow when they were
	// taken would be kept long after it has gone, and the turns of a worker
	// that has died would be waited for.
	turnAhead = 250 * time.Millisecond
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
	first bool      // somebody is waiting for the outcome
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

// ask queues for the turn to make calls, ahead of the night if first.
func (t *turns) ask(calls int, first bool) <-chan turn {
	mine := ticket{calls: calls, first: first, turn: make(chan turn, 1)}
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
		slices.SortStableFunc(all, byHurry)
		rest, next := t.handOut(all)
		if len(rest) > 0 {
			t.mu.Lock()
			t.waiting = append(rest, t.waiting...)
			t.mu.Unlock()
		}
		time.Sleep(max(turnGather, time.Until(next)))
	}
}

func byHurry(a, b ticket) int {
	switch {
	case a.first == b.first:
		return 0
	case a.first:
		return -1
	}
	return 1
}

// handOut gives the first of all their turns. No more are taken until next,
// when those are used up.
func (t *turns) handOut(all []ticket) (rest []ticket, next time.Time) {
	calls := 0
	for _, one := range all {
		calls += one.calls
	}
	mine, taken := t.reserve(calls)
	for i, one := range all {
		if taken < one.calls {
			return all[i:], mine.at
		}
		taken -= one.calls
		one.turn <- mine
		mine.at = mine.at.Add(time.Duration(one.calls) * mine.gap)
	}
	return nil, mine.at
}

// reserve takes turns for so many calls, or for the first of them.
func (t *turns) reserve(calls int) (first turn, taken int) {
	ctx, cancel := context.WithTimeout(context.Background(), turnTimeout)
	defer cancel()
	asked := time.Now()
	told, taken, err := t.store.Reserve(ctx, state.Turns{
		Calls: calls, Good: t.pace.goods(), Least: t.pace.least, None: gapLeast, Ahead: turnAhead,
	})
	now := time.Now()
	if err != nil {
		t.log.Debug("the pace is kept by this worker alone (continuing)", "err", err)
		return t.pace.alone(now, calls, turnAhead)
	}
	gap := t.pace.learn(asked, told, taken)
	return turn{at: now.Add(told.Wait), gap: gap}, taken
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
