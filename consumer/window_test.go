package consumer_test

import (
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

func until(at time.Time) func(*event.Job) { return func(j *event.Job) { j.NotAfter = at } }

func TestWindow(t *testing.T) {
	stale := night.Add(-48 * time.Hour)
	t.Run("a job that comes too late makes no call", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: stale})
			r.publish(nightly("login-1", until(night.Add(time.Hour))))
			time.Sleep(time.Hour + time.Millisecond)
			r.run(time.Minute)
			diff(t, "ending", ending{Type: event.Failed, Reason: event.WindowClosed}, endingOf(r.only()))
			if calls := r.calls("login-1"); len(calls) > 0 {
				t.Errorf("calls after the window: %v", calls)
			}
			if !r.only().Timings.Started.IsZero() {
				t.Error("it is said to have started")
			}
		})
	})
	t.Run("a job begins until the last moment", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night})
			r.start(r.worker("w"))
			time.Sleep(time.Minute) // the worker waits in a pull, so the job is begun in this instant
			r.publish(nightly("login-1", until(time.Now())))
			r.drain(time.Minute)
			if o := r.only(); o.Type != event.Refreshed {
				t.Errorf("ended as %s, %s", o.Type, o.Reason)
			}
		})
	})
	t.Run("a job that waits behind others past the window fails without a call", func(t *testing.T) {
		bubble(t, func(r *rig) {
			slow := flinkstest.Login{ID: "slow", LastRefresh: stale, Live: []flinkstest.Answer{{Latency: 3 * time.Minute}}}
			r.sim.Add(slow, flinkstest.Login{ID: "late", LastRefresh: stale})
			end := until(night.Add(2 * time.Minute))
			jobs := []event.Job{nightly("slow", end), nightly("late", end)}
			r.publish(jobs...)
			r.run(time.Hour, func(w *consumer.Worker) { w.Concurrency = 1 })
			r.oneEach(jobs)
			for _, o := range r.outcomes() {
				want := ending{Type: event.Failed, Reason: event.WindowClosed}
				if o.LoginID == "slow" { // its call was in flight at the end of the window
					want = ending{Type: event.Refreshed, Reason: event.LiveRefresh, Cached: 1, Live: 1, Accounts: 1, Kept: true}
				}
				diff(t, o.LoginID, want, endingOf(o))
			}
			if calls := r.calls("late"); len(calls) > 0 {
				t.Errorf("calls after the window: %v", calls)
			}
		})
	})
	t.Run("no live call begins after the window", func(t *testing.T) {
		slow := flinkstest.Options{Latency: flinkstest.Latency{Cached: flinkstest.Lognormal{Median: time.Minute}}}
		bubbleWith(t, slow, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: stale})
			r.publish(nightly("login-1", until(night.Add(30*time.Second))))
			r.run(time.Hour)
			diff(t, "ending", ending{Type: event.Failed, Reason: event.WindowClosed, Cached: 1}, endingOf(r.only()))
			r.liveWithin(0)
		})
	})
	t.Run("a retry that would come after the window is not waited for", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: stale, Live: []flinkstest.Answer{{FlinksCode: "RETRY_LATER"}}})
			r.publish(nightly("login-1", until(night.Add(3*time.Minute))))
			if took := r.run(time.Hour); took > time.Minute {
				t.Errorf("it ended after %v", took)
			}
			want := ending{Type: event.Failed, Reason: event.BankUnavailable, FlinksCode: "RETRY_LATER", Cached: 1, Live: 1}
			diff(t, "ending", want, endingOf(r.only()))
		})
	})
	t.Run("polling goes on after the window", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night, Detail: []flinkstest.Answer{{Pending: 4 * time.Minute}}})
			r.publish(nightly("login-1", until(night.Add(time.Minute))))
			r.run(time.Hour)
			if o := r.only(); o.Type != event.Refreshed {
				t.Errorf("ended as %s, %s", o.Type, o.Reason)
			}
		})
	})
}
