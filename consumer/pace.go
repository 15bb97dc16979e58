package consumer

import (
	"sync"
	"time"
)

// The gap between two calls: where it begins when Flinks asks to slow down,
// its most, and below which it is none.
const (
	gapFirst = 5 * time.Millisecond
	gapMost  = time.Second
	gapLeast = 500 * time.Microsecond
)

// stopMost is the longest that one answer stops all calls, whatever it says.
// The job that got it waits longer by itself, parked.
const stopMost = time.Minute

// paceHold is how long after a throttled answer no further one counts: those
// that come in belong to calls made before it.
const paceHold = 200 * time.Millisecond

// pace spaces the calls of the process after Flinks has asked to slow down.
// Each such answer doubles the gap, each good one takes a hundredth off it; so
// the pace finds the rate that Flinks grants and stays just below, and a
// single throttled login among thousands costs next to nothing.
type pace struct {
	mu    sync.Mutex
	gap   time.Duration
	next  time.Time // when the next call may begin
	until time.Time // end of the hold
}

// throttled slows down, and stops for as long as Flinks said, within reason.
func (p *pace) throttled(now time.Time, retryAfter time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stop := now.Add(min(retryAfter, stopMost)); stop.After(p.next) {
		p.next = stop
	}
	if now.Before(p.until) {
		return
	}
	p.gap = min(max(2*p.gap, gapFirst), gapMost)
	p.until = now.Add(paceHold)
}

// good speeds up a little.
func (p *pace) good() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gap -= p.gap / 100; p.gap < gapLeast {
		p.gap = 0
	}
}

// turn is how long a call has to wait for its turn, which is taken by asking.
func (p *pace) turn(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.Before(now) {
		p.next = now
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(p.gap)
	return wait
}
