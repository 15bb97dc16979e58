package consumer

import (
	"sync"
	"time"

	"nightshift/state"
)

// The gap between two calls: where it begins when Flinks asks to slow down,
// its most, and below which it is none.
const (
	gapFirst = 5 * time.Millisecond
	gapMost  = 500 * time.Millisecond
	gapLeast = 500 * time.Microsecond
)

// stopMost is the longest that one answer stops all calls, whatever it says.
// The job that got it waits longer by itself, parked.
const stopMost = time.Minute

// paceHold is how long after a throttled answer no further one counts: those
// that come in belong to calls made before it.
const paceHold = 200 * time.Millisecond

// pace is what this worker knows of the pace of calls that all workers keep
// ([turns]), and keeps alone where Redis does not tell. Each throttled answer
// doubles the gap, each good one takes a hundredth off it; so the pace finds
// the rate that Flinks grants and stays just below, and a single throttled
// login among thousands costs next to nothing.
type pace struct {
	least time.Duration // the gap that --rate asks for

	mu        sync.Mutex
	gap       time.Duration
	next      time.Time // when the next call may begin
	until     time.Time // end of the hold
	throttles time.Time // the last throttled answer that counted here
	fine      int       // good answers that Redis has not been told of
}

// throttled slows down, and stops for as long as Flinks said, within reason. It
// reports whether that is news.
func (p *pace) throttled(now time.Time, retryAfter time.Duration) (news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stop := now.Add(min(retryAfter, stopMost)); stop.After(p.next) {
		p.next, news = stop, retryAfter > 0
	}
	if now.Before(p.until) {
		return news
	}
	p.gap = min(max(2*p.step(), gapFirst), max(gapMost, p.least))
	p.until, p.throttles = now.Add(paceHold), now
	return true
}

// good speeds up a little.
func (p *pace) good() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gap == 0 {
		return
	}
	p.fine++
	if p.gap -= p.gap / 100; p.gap < gapLeast || p.gap <= p.least {
		p.gap = 0
	}
}

// goods takes the number of good answers that Redis is told of now.
func (p *pace) goods() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, p.fine = p.fine, 0
	return n
}

// free reports whether calls need no turn.
func (p *pace) free(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.step() == 0 && !p.next.After(now)
}

// turn is how long a call has to wait for its turn, which is taken by asking.
func (p *pace) turn(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.Before(now) {
		p.next = now
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(p.step())
	return wait
}

// alone takes turns for so many calls without asking Redis, no further ahead
// than that but for two.
func (p *pace) alone(now time.Time, calls int, ahead time.Duration) (first turn, taken int) {
	first = turn{at: now.Add(p.turn(now))}
	for taken = 1; taken < calls && (taken < 2 || time.Duration(taken)*p.gapKept() < ahead); taken++ {
		p.turn(now)
	}
	first.gap = p.gapKept()
	return first, taken
}

// gapKept is the gap that is kept.
func (p *pace) gapKept() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.step()
}

// learn takes over what Redis has said to a question of the time asked, in
// which so many turns were taken, unless Flinks has asked to slow down since.
// It returns the gap that is kept.
func (p *pace) learn(asked time.Time, told state.Pace, turns int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !asked.Before(p.throttles) {
		p.gap = told.Gap
		p.next = time.Now().Add(told.Wait + time.Duration(turns)*p.step())
	}
	return p.step()
}

// step is the gap that is kept.
func (p *pace) step() time.Duration { return max(p.gap, p.least) }
