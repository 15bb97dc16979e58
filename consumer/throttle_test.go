package consumer_test

import (
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// TestMaxRate: Flinks takes ten calls a second, and there are many more to
// make. All are slowed down until the night is done.
func TestMaxRate(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.SetFaults(flinkstest.Faults{MaxRate: 10})
		logins := flinkstest.Population(60, 5, flinkstest.Mix{Fresh: 1, Stale: 1}, night)
		r.sim.Add(logins...)
		jobs := jobsFor(logins)
		r.publish(jobs...)
		r.run(4 * time.Hour)
		r.oneEach(jobs)
		throttled := r.sim.Stats().Faults[flinkstest.FaultThrottle]
		if calls := len(r.sim.Journal()); throttled == 0 || throttled > calls/2 {
			t.Errorf("%d of %d calls were throttled: calls were not slowed down", throttled, calls)
		}
		for _, o := range r.outcomes() {
			if o.Type != event.Refreshed || o.Calls.Live > 1 {
				t.Errorf("%s ended as %s, %s, %+v", o.LoginID, o.Type, o.Reason, o.Calls)
			}
		}
		r.liveWithin(1)
	})
}

// TestThrottledForAWhile: everything is refused for five minutes.
func TestThrottledForAWhile(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.SetFaults(flinkstest.Faults{Throttle: 1})
		logins := fresh(30)
		r.sim.Add(logins...)
		jobs := jobsFor(logins)
		r.publish(jobs...)
		r.start(r.worker("w"))
		time.Sleep(5 * time.Minute)
		if n := len(r.sim.Journal()); n > 200 {
			t.Errorf("%d calls in five minutes of TOO_MANY_REQUESTS", n)
		}
		r.sim.SetFaults(flinkstest.Faults{})
		r.drain(time.Hour)
		r.oneEach(jobs)
		r.never(event.Failed)
		r.never(event.ReconnectRequired)
	})
}

// TestThrottledLiveCalls: a throttled live call has not reached the bank.
func TestThrottledLiveCalls(t *testing.T) {
	bubble(t, func(r *rig) {
		busy := flinkstest.Answer{FlinksCode: "TOO_MANY_REQUESTS"}
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{busy, busy, busy, busy, {}}})
		r.publish(nightly("login-1"))
		r.run(time.Hour)
		if o := r.only(); o.Type != event.Refreshed || o.Calls.Live != 1 {
			t.Errorf("ended as %s, %s, %+v", o.Type, o.Reason, o.Calls)
		}
		if n := r.made("login-1", "Authorize live"); n != 5 || n <= consumer.DefaultPolicy().MaxLive {
			t.Errorf("%d live calls, want all five", n)
		}
	})
}
