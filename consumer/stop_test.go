package consumer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// quietStop fails if stopping was told as trouble.
func (r *rig) quietStop() {
	r.Helper()
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			r.Errorf("stopping was told as trouble: %s", line)
		}
	}
}

// handedOn is the one job in the stream, as a stopped worker left it.
func (r *rig) handedOn() event.Job {
	r.Helper()
	time.Sleep(10 * time.Millisecond) // an ack is on its way
	jobs := r.waiting()
	if len(jobs) != 1 {
		r.Fatalf("%d jobs in the stream, want the one that was handed on", len(jobs))
	}
	return jobs[0]
}

func TestStopWhilePolling(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour), Detail: []flinkstest.Answer{{Pending: 50 * time.Second}}})
		r.publish(nightly("login-1"))
		stop := r.start(r.worker("first"))
		r.until("it polls", time.Minute, func() bool { return r.made("login-1", "GetAccountsDetailAsync") >= 2 })
		asked := time.Now()
		stop()
		if took := time.Since(asked); took > 3*time.Second {
			t.Errorf("stopping took %v, want no longer than a pull", took)
		}
		r.quietStop()
		before := r.calls("login-1")
		requestID := r.sim.Journal()[len(r.sim.Journal())-1].RequestID

		job := r.handedOn()
		since := job.Spent.PendingSince
		if since.IsZero() || since.After(asked) {
			t.Errorf("pending since %v, want the time of the first answer", since)
		}
		started := job.Spent.Started
		job.Spent.PendingSince, job.Spent.Started = time.Time{}, time.Time{}
		want := nightly("login-1")
		want.Published, want.Attempt, want.Phase, want.RequestID = job.Published, 2, event.PhasePoll, requestID
		want.Institution = "FlinksCapital" // learnt
		want.Spent = event.Spent{Cached: 1, FlinksCode: job.Spent.FlinksCode}
		diff(t, "job handed on", want, job)

		r.start(r.worker("second"))
		r.until("the next worker goes on", 5*time.Second, func() bool { return len(r.calls("login-1")) > len(before) })
		r.drain(5 * time.Minute)
		for _, c := range r.calls("login-1")[len(before):] {
			if c != "GetAccountsDetailAsync" {
				t.Errorf("the next worker makes the call %s, want it to go on polling", c)
			}
		}
		if o := r.only(); o.Type != event.Refreshed || !o.Timings.Started.Equal(started) || o.Calls.Cached != 1 {
			t.Errorf("outcome %+v", o)
		}
	})
}

func TestStopDuringLiveCall(t *testing.T) {
	stale := night.Add(-48 * time.Hour)
	live := func(d time.Duration) flinkstest.Login {
		return flinkstest.Login{ID: "login-1", LastRefresh: stale, Live: []flinkstest.Answer{{Latency: d}}}
	}
	begin := func(r *rig, l flinkstest.Login) (stop func()) {
		r.sim.Add(l)
		r.publish(nightly("login-1"))
		stop = r.start(r.worker("first"))
		r.until("the bank is asked", time.Minute, func() bool { return r.sim.LiveCalls("login-1") == 1 })
		time.Sleep(time.Second)
		return stop
	}
	t.Run("a call in flight finishes within the grace", func(t *testing.T) {
		bubble(t, func(r *rig) {
			begin(r, live(20*time.Second))()
			r.quietStop()
			if o := r.only(); o.Type != event.Refreshed || r.count(event.StreamJobs) != 0 {
				t.Errorf("outcome %+v", o)
			}
		})
	})
	t.Run("a call is cut after the grace, counted, and the job handed on", func(t *testing.T) {
		bubble(t, func(r *rig) {
			stop := begin(r, live(100*time.Second))
			asked := time.Now()
			stop()
			if took := time.Since(asked); took < 30*time.Second || took > 31*time.Second {
				t.Errorf("stopping took %v, want the grace time of 30s", took)
			}
			r.quietStop()
			job := r.handedOn()
			if job.Attempt != 2 || job.Spent.Live != 1 || job.Spent.Failures != 0 || job.Spent.FlinksCode != "" {
				t.Errorf("handed on as attempt %d, %+v", job.Attempt, job.Spent)
			}
			r.start(r.worker("second"))
			r.drain(time.Hour)
			if o := r.only(); o.Type != event.Refreshed || o.Calls.Live != 1 {
				t.Errorf("outcome %+v", o)
			}
			if n := r.sim.LiveCalls("login-1"); n != 1 {
				t.Errorf("the bank was asked %d times, want once", n)
			}
		})
	})
	t.Run("a live call that was cut while its token was minted is not counted", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(live(0))
			r.sim.SetFaults(flinkstest.Faults{Hang: 1})
			r.publish(nightly("login-1", func(j *event.Job) { j.Mode = event.Live }))
			stop := r.start(r.worker("first", func(w *consumer.Worker) { w.Grace = time.Second }))
			time.Sleep(5 * time.Second)
			stop()
			r.quietStop()
			if job := r.handedOn(); job.Spent.Live != 0 || job.Spent.Cached != 0 {
				t.Errorf("handed on with %+v, want nothing spent", job.Spent)
			}
			r.sim.SetFaults(flinkstest.Faults{})
			r.run(time.Hour)
			if o := r.only(); o.Type != event.Refreshed || o.Calls.Live != 1 {
				t.Errorf("outcome %+v", o)
			}
		})
	})
	t.Run("a stopping worker begins no live call", func(t *testing.T) {
		slow := flinkstest.Options{Latency: flinkstest.Latency{Cached: flinkstest.Lognormal{Median: 10 * time.Second}}}
		bubbleWith(t, slow, func(r *rig) {
			r.sim.Add(live(0))
			r.publish(nightly("login-1"))
			stop := r.start(r.worker("first"))
			time.Sleep(5 * time.Second) // the cached call is in flight
			stop()
			r.quietStop()
			if n := r.sim.LiveCalls("login-1"); n != 0 {
				t.Errorf("the bank was asked %d times by a worker that stops", n)
			}
			if job := r.handedOn(); job.Spent.Live != 0 || job.Spent.Cached != 1 {
				t.Errorf("handed on with %+v", job.Spent)
			}
			r.run(time.Hour)
			if o := r.only(); o.Type != event.Refreshed || o.Calls.Live != 1 {
				t.Errorf("outcome %+v", o)
			}
		})
	})
}

// TestStopWithoutGrace: a worker that has no time at all loses nothing.
func TestStopWithoutGrace(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{Latency: time.Minute}}})
		job := nightly("login-1")
		r.publish(job)
		stop := r.start(r.worker("first", func(w *consumer.Worker) { w.Grace = 0 }))
		r.until("the bank is asked", time.Minute, func() bool { return r.sim.LiveCalls("login-1") == 1 })
		stop()
		r.run(time.Hour)
		r.oneEach([]event.Job{job})
		r.liveWithin(1)
	})
}

// TestRollingRestart: workers come and go while a mixed night runs, some with
// hardly any grace.
func TestRollingRestart(t *testing.T) {
	slow := flinkstest.Options{Latency: flinkstest.Latency{
		Cached: flinkstest.Lognormal{Median: 2 * time.Second, Sigma: 1}, Live: flinkstest.Lognormal{Median: 10 * time.Second, Sigma: 1},
	}}
	bubbleWith(t, slow, func(r *rig) {
		logins := flinkstest.Population(60, 7, flinkstest.Mix{}, night)
		r.sim.Add(logins...)
		jobs := jobsFor(logins)
		r.publish(jobs...)
		short := func(w *consumer.Worker) { w.Concurrency, w.Grace = 8, 2*time.Second }
		stops := []func(){r.start(r.worker("w0", short)), r.start(r.worker("w1", short))}
		for n := range 12 {
			time.Sleep(4 * time.Second)
			stops[0]()
			stops = append(slices.Clone(stops[1:]), r.start(r.worker(fmt.Sprintf("w%d", n+2), short)))
		}
		r.drain(6 * time.Hour)
		r.oneEach(jobs)
		r.liveWithin(consumer.DefaultPolicy().MaxLive)
		for _, o := range r.outcomes() {
			if o.Reason == event.FlinksUnreachable || o.Reason == event.SessionLost {
				t.Errorf("%s ended as %s: stopping was counted as trouble", o.LoginID, o.Reason)
			}
		}
	})
}

func jobsFor(logins []flinkstest.Login) []event.Job {
	var jobs []event.Job
	for _, l := range logins {
		jobs = append(jobs, nightly(l.ID))
	}
	return jobs
}
