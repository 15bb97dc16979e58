package consumer_test

import (
	"fmt"
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// TestOnDemandDoesNotWait: all slots of the night are taken by slow banks.
func TestOnDemandDoesNotWait(t *testing.T) {
	bubble(t, func(r *rig) {
		var jobs []event.Job
		for i := range 30 {
			id := fmt.Sprintf("night-%d", i)
			r.sim.Add(flinkstest.Login{ID: id, LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{Latency: 3 * time.Minute}}})
			jobs = append(jobs, nightly(id))
		}
		r.publish(jobs...)
		w := r.worker("w", func(w *consumer.Worker) { w.Concurrency = 8 })
		r.start(w)
		r.until("all nightly slots are taken", time.Minute, func() bool { return w.Stats.InHand.Load() == 8 && w.Stats.Live.Load() == 8 })

		r.sim.Add(flinkstest.Login{ID: "waiting", LastRefresh: night.Add(-time.Hour)})
		asked := time.Now()
		r.publish(onDemand("waiting"))
		r.until("the on-demand job ends", 10*time.Second, func() bool { return r.count(event.StreamOutcomes) == 1 })
		for _, c := range r.sim.Journal() {
			if c.LoginID == "waiting" {
				if waited := c.Start.Sub(asked); waited > 100*time.Millisecond {
					t.Errorf("first call after %v, want it at once", waited)
				}
				break
			}
		}
	})
}

// TestNoMoreThanSlots: messages wait in the stream, where others can take
// them, and not with a worker that has no hand free.
func TestNoMoreThanSlots(t *testing.T) {
	slow := flinkstest.Options{Latency: flinkstest.Latency{Cached: flinkstest.Lognormal{Median: 2 * time.Second, Sigma: 1}}}
	bubbleWith(t, slow, func(r *rig) {
		logins := fresh(40)
		r.sim.Add(logins...)
		jobs := jobsFor(logins)
		r.publish(jobs...)
		cons, err := r.js.Consumer(r.Context(), event.StreamJobs, event.Nightly.Durable())
		if err != nil {
			r.Fatal(err)
		}
		const slots = 7
		w := r.worker("w", func(w *consumer.Worker) { w.Concurrency = slots })
		r.start(w)
		full := 0
		for r.count(event.StreamJobs) > 0 {
			info, err := cons.Info(r.Context())
			if err != nil {
				r.Fatal(err)
			}
			if info.NumAckPending > slots {
				t.Fatalf("%d messages are with a worker of %d slots", info.NumAckPending, slots)
			}
			if info.NumAckPending == slots {
				full++
			}
			if time.Since(night) > time.Hour {
				t.Fatalf("%d jobs left after an hour", r.count(event.StreamJobs))
			}
			time.Sleep(100 * time.Millisecond)
		}
		if full < 10 {
			t.Errorf("all slots were in use at %d moments only", full)
		}
		r.oneEach(jobs)
		if n := w.Stats.Pulled.Load(); n != int64(len(jobs)) {
			t.Errorf("%d messages pulled for %d jobs", n, len(jobs))
		}
	})
}
