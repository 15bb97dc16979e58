package consumer_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

// slowdown is what a throttled answer does.
var slowdown = state.Slowdown{First: 5 * time.Millisecond, Most: time.Second, Hold: 200 * time.Millisecond}

// starts are the times of all calls since.
func (r *rig) starts(since time.Time) (all []time.Time) {
	for _, c := range r.sim.Journal() {
		if !c.Start.Before(since) {
			all = append(all, c.Start)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// closest is the least time between two calls.
func closest(starts []time.Time) time.Duration {
	least := time.Hour
	for i := 1; i < len(starts); i++ {
		least = min(least, starts[i].Sub(starts[i-1]))
	}
	return least
}

// two replicas are running.
func (r *rig) two(change ...func(*consumer.Worker)) []*consumer.Worker {
	all := []*consumer.Worker{r.worker("a", change...), r.worker("b", change...)}
	for _, w := range all {
		r.start(w)
	}
	return all
}

func TestOnePaceForAll(t *testing.T) {
	t.Run("one throttled answer slows two workers down", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := fresh(100)
			r.sim.Add(logins...)
			r.sim.Add(flinkstest.Login{ID: "throttled", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{FlinksCode: "TOO_MANY_REQUESTS"}, {}}})
			workers := r.two()
			r.publish(nightly("throttled"))
			r.drain(time.Minute)
			time.Sleep(2 * time.Second) // the other one has looked
			begin := time.Now()
			before := []int64{workers[0].Stats.Calls.Load(), workers[1].Stats.Calls.Load()}
			r.publish(jobsFor(logins)...)
			r.drain(time.Minute)
			for i, w := range workers {
				if made := w.Stats.Calls.Load() - before[i]; made < 10 {
					t.Errorf("%s made %d of 300 calls", w.Name, made)
				}
			}
			if got := closest(r.starts(begin)[:40]); got < 3*time.Millisecond {
				t.Errorf("two calls began within %v, want a gap of a little less than 5ms between any two", got)
			}
		})
	})
	t.Run("and good answers of both close the gap", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := fresh(200)
			r.sim.Add(logins...)
			r.two()
			if _, err := r.store.Throttle(r.Context(), slowdown); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			r.publish(jobsFor(logins)...)
			r.drain(time.Minute)
			if l, err := r.store.Limits(r.Context()); err != nil || l.Pace.Gap > 0 {
				t.Errorf("after 600 good answers: %+v, %v", l, err)
			}
		})
	})
	t.Run("Retry-After stops all, for a minute at most", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := fresh(21)
			r.sim.Add(logins...)
			c := *r.client
			c.HTTP = throttledOnce(r.client.HTTP, "86400")
			r.two(func(w *consumer.Worker) { w.Flinks = &c })
			jobs := jobsFor(logins)
			r.publish(jobs[0])
			time.Sleep(2 * time.Second)
			r.publish(jobs[1:]...)
			time.Sleep(57 * time.Second)
			if calls := r.starts(night); len(calls) > 0 {
				t.Errorf("%d calls while all should stop", len(calls))
			}
			time.Sleep(4 * time.Second)
			if done := r.count(event.StreamOutcomes); done != 20 {
				t.Errorf("%d jobs ended after that minute, want 20", done)
			}
		})
	})
	t.Run("Redis forgets the pace, and it is found anew", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.SetFaults(flinkstest.Faults{MaxRate: 20})
			logins := fresh(100)
			r.sim.Add(logins...)
			jobs := jobsFor(logins)
			r.publish(jobs...)
			r.two()
			for range 5 {
				time.Sleep(2 * time.Second)
				r.flush()
			}
			r.drain(time.Hour)
			r.oneEach(jobs)
			for _, o := range r.outcomes() {
				if o.Type != event.Refreshed {
					t.Errorf("%s ended as %s, %s", o.LoginID, o.Type, o.Reason)
				}
			}
		})
	})
}

// throttledOnce answers the first request of all with a Retry-After.
func throttledOnce(from *http.Client, after string) *http.Client {
	var asked atomic.Bool
	return &http.Client{Transport: transport429(func(req *http.Request) (*http.Response, error) {
		if asked.Swap(true) {
			return from.Transport.RoundTrip(req)
		}
		return &http.Response{
			StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {after}},
			Body: http.NoBody, Request: req,
		}, nil
	})}
}

type transport429 func(*http.Request) (*http.Response, error)

func (t transport429) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }

func TestRate(t *testing.T) {
	rate := func(n int) func(*consumer.Worker) { return func(w *consumer.Worker) { w.Rate = n } }
	t.Run("it holds over two workers, and is used", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.SetFaults(flinkstest.Faults{MaxRate: 10})
			logins := flinkstest.Population(60, 5, flinkstest.Mix{Fresh: 1, Stale: 1}, night)
			r.sim.Add(logins...)
			jobs := jobsFor(logins)
			r.publish(jobs...)
			r.two(rate(10))
			took := r.drain(time.Hour)
			r.oneEach(jobs)
			if n := r.sim.Stats().Faults[flinkstest.FaultThrottle]; n > 0 {
				t.Errorf("%d calls were throttled", n)
			}
			calls := r.starts(night)
			if least := time.Duration(len(calls)) * 100 * time.Millisecond; took > least*5/4 {
				t.Errorf("%d calls took %v", len(calls), took)
			}
			if got := closest(calls); got < 99*time.Millisecond {
				t.Errorf("two calls began within %v, want 100ms", got)
			}
		})
	})
	t.Run("a throttled answer slows down from there", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.SetFaults(flinkstest.Faults{MaxRate: 10})
			logins := fresh(100)
			r.sim.Add(logins...)
			jobs := jobsFor(logins)
			r.publish(jobs...)
			r.two(rate(12))
			r.drain(time.Hour)
			r.oneEach(jobs)
			if n, calls := r.sim.Stats().Faults[flinkstest.FaultThrottle], len(r.sim.Journal()); n == 0 || n > calls/10 {
				t.Errorf("%d of %d calls were throttled", n, calls)
			}
		})
	})
	t.Run("many calls take their turns with few questions", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := fresh(401)
			r.sim.Add(logins...)
			r.start(r.worker("w", rate(1000), func(w *consumer.Worker) { w.Concurrency = 200 }))
			r.publish(jobsFor(logins[:1])...) // from here Redis knows when it began, and the scripts
			time.Sleep(time.Second)
			earlier := len(r.sim.Journal())
			before := r.trips.Load()
			r.publish(jobsFor(logins[1:])...)
			took := r.drain(time.Minute)
			calls := len(r.sim.Journal()) - earlier
			turns := r.trips.Load() - before - 2*400 // a claim and an ending each
			if turns > int64(calls)/4 {
				t.Errorf("%d questions for the turns of %d calls within %v", turns, calls, took)
			}
			if took < time.Duration(calls)*time.Millisecond {
				t.Errorf("%d calls took %v only", calls, took)
			}
		})
	})
	t.Run("a worker that stops does not wait for its turn", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := fresh(16)
			r.sim.Add(logins...)
			r.publish(jobsFor(logins)...)
			stop := r.start(r.worker("w", rate(1)))
			time.Sleep(5 * time.Second)
			begin := time.Now()
			stop()
			if took := time.Since(begin); took > 3*time.Second {
				t.Errorf("stopping took %v", took)
			}
			r.quietStop()
			r.run(10*time.Minute, rate(1))
			r.oneEach(jobsFor(logins))
			for _, o := range r.outcomes() {
				if o.Type != event.Refreshed || o.Calls.Live > 0 {
					t.Errorf("%s ended as %s, %s, %+v", o.LoginID, o.Type, o.Reason, o.Calls)
				}
			}
		})
	})
}

// TestLimitsCostNothing: while nothing is limited, a job asks Redis no more
// often than without limits: to claim, to write a live call down, to end.
func TestLimitsCostNothing(t *testing.T) {
	bubble(t, func(r *rig) {
		const each = 50
		logins := flinkstest.Population(each, 5, flinkstest.Mix{Stale: 1}, night)
		r.sim.Add(logins...)
		r.sim.Add(flinkstest.Login{ID: "first", LastRefresh: night.Add(-48 * time.Hour)})
		r.start(r.worker("w"))
		r.publish(nightly("first")) // all scripts are known to Redis from here
		time.Sleep(time.Minute + 500*time.Millisecond)
		questions := func(publish func(event.Job)) int64 {
			before := r.trips.Load()
			for _, job := range jobsFor(logins) { // one at a time: those of many at once go together
				publish(job)
				time.Sleep(30 * time.Second)
			}
			return r.trips.Load() - before
		}
		idle := questions(func(event.Job) {})
		busy := questions(func(job event.Job) { r.publish(job) })
		if busy-idle != 3*each {
			t.Errorf("%d questions for %d jobs with a live call, want three each", busy-idle, each)
		}
		r.liveWithin(1)
		if n := strings.Count(r.log.String(), "level=WARN"); n > 0 || r.count(event.StreamOutcomes) != each+1 {
			t.Errorf("%d outcomes; log:\n%s", r.count(event.StreamOutcomes), r.log)
		}
	})
}

// TestTurnsAreTakenLate: while there is a gap, turns are taken a moment ahead
// and no further, whoever asks when. A worker that dies leaves few behind.
func TestTurnsAreTakenLate(t *testing.T) {
	bubble(t, func(r *rig) {
		logins := fresh(60)
		r.sim.Add(logins...)
		if _, err := r.store.Throttle(r.Context(), state.Slowdown{First: 100 * time.Millisecond, Most: time.Second, Hold: time.Hour}); err != nil {
			t.Fatal(err)
		}
		r.start(r.worker("w", func(w *consumer.Worker) { w.Concurrency = 64 }))
		for _, job := range jobsFor(logins) { // one after the other, so that nobody is waiting when the next one asks
			r.publish(job)
			time.Sleep(20 * time.Millisecond)
			l, err := r.store.Limits(r.Context())
			if err != nil {
				t.Fatal(err)
			}
			if l.Pace.Wait > time.Second {
				t.Fatalf("turns are taken %v ahead", l.Pace.Wait)
			}
		}
		r.drain(time.Hour)
	})
}

// TestOnDemandFirst: under a slow pace, too, somebody who waits for the outcome
// does not wait for the night.
func TestOnDemandFirst(t *testing.T) {
	bubble(t, func(r *rig) {
		logins := fresh(100)
		r.sim.Add(logins...)
		r.sim.Add(flinkstest.Login{ID: "tapped", LastRefresh: night.Add(-time.Hour)})
		if _, err := r.store.Throttle(r.Context(), state.Slowdown{First: 200 * time.Millisecond, Most: time.Second, Hold: time.Hour}); err != nil {
			t.Fatal(err)
		}
		r.start(r.worker("w", func(w *consumer.Worker) { w.Concurrency = 64 }))
		r.publish(jobsFor(logins)...)
		time.Sleep(3 * time.Second) // all slots are taken and wait for their turns
		p := producer.Publisher{JS: r.js}
		job, _, err := p.Refresh(r.Context(), "tapped", event.Cached, event.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Await(r.Context(), job); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(job.Published); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		r.drain(time.Hour)
	})
}
