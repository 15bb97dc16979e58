package consumer_test

import (
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// TestRedisUnreachable: without Redis nobody knows who works on a login, so
// nobody does.
func TestRedisUnreachable(t *testing.T) {
	bubble(t, func(r *rig) {
		logins := flinkstest.Population(30, 3, flinkstest.Mix{Fresh: 1}, night)
		r.sim.Add(logins...)
		jobs := jobsFor(logins)
		r.publish(jobs...)
		before := r.messages(event.StreamJobs)
		r.redis.SetError("LOADING Redis is loading the dataset in memory")
		w := r.worker("w")
		r.start(w)
		time.Sleep(2 * time.Minute)
		if n := len(r.sim.Journal()); n > 0 {
			t.Errorf("%d calls without Redis", n)
		}
		diff(t, "jobs", dataOf(before), dataOf(r.messages(event.StreamJobs)))
		// One probe at a time: a claim every two seconds, not a storm.
		if n := w.Stats.Pulled.Load(); n > 16+2*60+10 {
			t.Errorf("%d messages pulled in two minutes without Redis", n)
		}
		r.redis.SetError("")
		r.drain(2 * time.Minute)
		r.oneEach(jobs)
	})
}

// TestRedisLostDuringJob: Redis goes while a job is in hand, and comes back
// with or without its memory.
func TestRedisLostDuringJob(t *testing.T) {
	stale := night.Add(-48 * time.Hour)
	down := func(r *rig) { r.redis.SetError("LOADING") }
	up := func(r *rig, empty bool) {
		if empty {
			r.flush()
		}
		r.redis.SetError("")
	}
	for _, empty := range []bool{false, true} {
		name := map[bool]string{false: ", and comes back", true: ", and comes back empty"}[empty]

		t.Run("during the live call"+name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.sim.Add(flinkstest.Login{
					ID: "login-1", LastRefresh: stale, Live: []flinkstest.Answer{{Latency: 10 * time.Second}},
					Detail: []flinkstest.Answer{{Pending: 40 * time.Second}},
				})
				r.publish(nightly("login-1"))
				r.start(r.worker("w"))
				time.Sleep(5 * time.Second)
				down(r)
				time.Sleep(3 * time.Minute)
				for _, c := range r.sim.Journal() {
					if at := c.Start.Sub(night); at > 30*time.Second {
						t.Errorf("%s after %v: by then the lease was over and Redis gone", c.Op, at)
					}
				}
				up(r, empty)
				r.drain(10 * time.Minute)
				if o := r.only(); o.Type != event.Refreshed {
					t.Errorf("outcome %+v", o)
				}
				r.liveWithin(1)
			})
		})

		t.Run("after a live call whose reply was lost"+name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				lost := flinkstest.Answer{FlinksCode: "RETRY_LATER", Fault: flinkstest.FaultLost, Latency: 40 * time.Second}
				r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: stale, Live: []flinkstest.Answer{lost, {FlinksCode: "RETRY_LATER"}}})
				r.publish(nightly("login-1"))
				r.start(r.worker("w"))
				time.Sleep(15 * time.Second)
				down(r)
				time.Sleep(2 * time.Minute)
				up(r, empty)
				r.drain(2 * time.Hour)
				if o := r.only(); o.Type != event.Failed || o.Reason != event.BankUnavailable {
					t.Errorf("outcome %+v", o)
				}
				r.liveWithin(consumer.DefaultPolicy().MaxLive)
			})
		})

		t.Run("before the ending is written down"+name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: stale, Live: []flinkstest.Answer{{FlinksCode: "INVALID_PASSWORD", Latency: 5 * time.Second}}})
				r.publish(nightly("login-1"))
				r.start(r.worker("w"))
				time.Sleep(time.Second)
				down(r)
				time.Sleep(time.Minute)
				calls := len(r.sim.Journal())
				up(r, empty)
				r.drain(2 * time.Minute)
				r.only()
				if n := len(r.sim.Journal()); n > calls {
					t.Errorf("%d calls after the outcome was told", n-calls)
				}
				if l, err := r.store.Login(r.Context(), "login-1"); err != nil || l.RefusedAt.IsZero() {
					t.Errorf("Redis was not told of the ending: %+v, %v", l, err)
				}
			})
		})
	}
}

// TestRedisForgets: Redis is flushed while a job is in hand. Nothing stops:
// the heartbeat takes the lease again.
func TestRedisForgets(t *testing.T) {
	stale := night.Add(-48 * time.Hour)
	t.Run("the lease comes back with the heartbeat", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: stale, Live: []flinkstest.Answer{{Latency: 100 * time.Second}}})
			r.publish(nightly("login-1"))
			w := r.worker("w")
			r.start(w)
			time.Sleep(15 * time.Second)
			r.flush()
			time.Sleep(11 * time.Second)
			if !r.redis.Exists("nightshift:{login-1}:lease") {
				t.Error("no lease after a heartbeat")
			}
			r.drain(time.Hour)
			if o := r.only(); o.Type != event.Refreshed || o.Calls.Live != 1 || o.Calls.Cached != 1 {
				t.Errorf("outcome %+v", o)
			}
			if n := w.Stats.Pulled.Load(); n != 1 {
				t.Errorf("the message came %d times: its heartbeat was not heard", n)
			}
			r.liveWithin(1)
		})
	})
	t.Run("the record of a live call survives it", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: stale, Live: []flinkstest.Answer{{FlinksCode: "RETRY_LATER", Latency: 5 * time.Second}}})
			r.publish(nightly("login-1"))
			r.start(r.worker("w"))
			time.Sleep(3 * time.Second)
			r.flush()
			r.drain(2 * time.Hour)
			r.only()
			r.liveWithin(consumer.DefaultPolicy().MaxLive)
		})
	})
	t.Run("just before a live call", func(t *testing.T) {
		slow := flinkstest.Options{Latency: flinkstest.Latency{Cached: flinkstest.Lognormal{Median: 5 * time.Second}}}
		bubbleWith(t, slow, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: stale})
			r.publish(nightly("login-1"))
			r.start(r.worker("w"))
			time.Sleep(3 * time.Second)
			r.flush()
			if took := r.drain(2 * time.Hour); took > 10*time.Second {
				t.Errorf("the job took %v more, want it to go on at once: nobody else has the login", took)
			}
			r.only()
			r.liveWithin(1)
		})
	})
	t.Run("again and again in a mixed night", func(t *testing.T) {
		slow := flinkstest.Options{Latency: flinkstest.Latency{Live: flinkstest.Lognormal{Median: 10 * time.Second, Sigma: 1}}}
		bubbleWith(t, slow, func(r *rig) {
			logins := flinkstest.Population(60, 11, flinkstest.Mix{}, night)
			r.sim.Add(logins...)
			jobs := jobsFor(logins)
			r.publish(jobs...)
			few := func(w *consumer.Worker) { w.Concurrency = 4 }
			r.start(r.worker("w1", few))
			r.start(r.worker("w2", few))
			for range 8 {
				time.Sleep(7 * time.Second)
				r.flush()
			}
			r.drain(6 * time.Hour)
			r.oneEach(jobs)
		})
	})
}

// TestForgottenLiveCall: a worker makes a live call and dies, and Redis is
// flushed, so that nobody remembers the call. The bound holds all the same.
func TestForgottenLiveCall(t *testing.T) {
	slow := flinkstest.Options{Latency: flinkstest.Latency{Cached: flinkstest.Lognormal{Median: 20 * time.Second}}}
	bubbleWith(t, slow, func(r *rig) {
		later := flinkstest.Answer{FlinksCode: "RETRY_LATER"}
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{later, later, later, later}})
		r.publish(nightly("login-1"))
		dead := r.take()
		dead.claim()
		dead.recordLive(1)
		dead.authorize(flinks.Live("login-1"))
		time.Sleep(time.Second)
		r.flush()
		stop := r.start(r.worker("w"))
		time.Sleep(35 * time.Second) // the message has come back
		if live := r.redis.HGet("nightshift:{login-1}:cycle:2000-01-01", "live"); live != "1" {
			t.Error("Redis was not reminded: the next worker would not know")
		}
		r.drain(6 * time.Hour)
		stop()
		if o := r.only(); o.Type != event.Failed || o.Reason != event.BankUnavailable {
			t.Errorf("outcome %+v", o)
		}
		r.liveWithin(consumer.DefaultPolicy().MaxLive)
	})
}

// TestLiveCallOfAnother: Redis has lost its memory, and another worker has made
// a live call in the meantime. It counts.
func TestLiveCallOfAnother(t *testing.T) {
	slow := flinkstest.Options{Latency: flinkstest.Latency{Cached: flinkstest.Lognormal{Median: 5 * time.Second}}}
	bubbleWith(t, slow, func(r *rig) {
		later := flinkstest.Answer{FlinksCode: "RETRY_LATER"}
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{later, later, later, later}})
		r.publish(nightly("login-1"))
		r.start(r.worker("w"))
		time.Sleep(3 * time.Second) // it is about to make its first live call
		data, err := event.LiveCalls{Cycle: "2000-01-01", Live: 1, Owner: "another"}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.js.Publish(r.Context(), event.LiveSubject("login-1"), data); err != nil {
			t.Fatal(err)
		}
		r.drain(6 * time.Hour)
		most := consumer.DefaultPolicy().MaxLive
		if o := r.only(); o.Reason != event.BankUnavailable || o.Calls.Live != most {
			t.Errorf("ended as %s, %s after %d live calls", o.Type, o.Reason, o.Calls.Live)
		}
		r.liveWithin(most - 1)
	})
}

// TestLeaseRunsOut: Redis does not answer for longer than a lease lasts, while
// Flinks takes its time with a call.
func TestLeaseRunsOut(t *testing.T) {
	minute := flinkstest.Lognormal{Median: time.Minute}
	for _, rule := range []struct {
		name    string
		latency flinkstest.Latency
		forgets bool
		calls   []string
	}{
		{
			"a call that costs nothing is cut off", flinkstest.Latency{Detail: minute}, false,
			[]string{"Authorize cached", "Authorize live", "GetAccountsDetail", "GetAccountsDetail"},
		},
		{
			"a live call is let finish, and the job goes on", flinkstest.Latency{Live: minute}, false,
			[]string{"Authorize cached", "Authorize live", "GetAccountsDetail"},
		},
		{
			"but not where Redis has forgotten who had it meanwhile", flinkstest.Latency{Live: minute}, true,
			[]string{"Authorize cached", "Authorize live", "Authorize cached", "GetAccountsDetail"},
		},
	} {
		t.Run(rule.name, func(t *testing.T) {
			bubbleWith(t, flinkstest.Options{Latency: rule.latency}, func(r *rig) {
				r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour)})
				r.publish(nightly("login-1"))
				r.start(r.worker("w"))
				time.Sleep(5 * time.Second)
				r.redis.SetError("LOADING")
				time.Sleep(40 * time.Second)
				if rule.forgets {
					r.flush()
				}
				r.redis.SetError("")
				r.drain(time.Hour)
				r.only()
				diff(t, "calls", rule.calls, r.calls("login-1"))
			})
		})
	}
}

// TestForgottenRefusal: the bank refused the login on an earlier night. A
// flushed Redis is no reason to ask it again.
func TestForgottenRefusal(t *testing.T) {
	on := func(cycle string) func(*event.Job) { return func(j *event.Job) { j.Cycle = cycle } }
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{FlinksCode: "INVALID_PASSWORD"}}})
		r.publish(nightly("login-1"))
		r.run(time.Minute)
		r.publish(nightly("login-1", on("2000-01-02"), func(j *event.Job) { j.NotAfter = time.Now() })) // its ending hides the refusal
		time.Sleep(time.Second)
		r.run(time.Minute)
		r.flush()
		// Flinks, too, may have old data to give and no word of the refusal.
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour)}, fresh(1)[0])
		r.publish(nightly(fresh(1)[0].ID))
		r.run(time.Minute)
		time.Sleep(7 * 24 * time.Hour) // it is not the first night since then
		r.publish(nightly("login-1", on("2000-01-03")))
		r.run(time.Minute)
		r.publish(nightly("login-1", on("2000-01-04"))) // by now Redis knows it again
		r.run(time.Minute)
		want := []event.Reason{event.CredentialsRefused, event.WindowClosed, event.RefusedBefore, event.RefusedBefore}
		var got []event.Reason
		for _, o := range r.outcomes() {
			if o.LoginID == "login-1" {
				got = append(got, o.Reason)
			}
		}
		diff(t, "reasons", want, got)
		r.liveWithin(0) // since it was added anew
	})
	t.Run("but a refresh since then is", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{
				ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{FlinksCode: "INVALID_PASSWORD"}, {}},
			})
			r.publish(nightly("login-1"))
			r.run(time.Minute)
			reconnected := night.Add(time.Hour)
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: reconnected})
			time.Sleep(2 * time.Hour)
			r.publish(nightly("login-1", on("2000-01-02")))
			r.run(time.Minute)
			r.flush()
			time.Sleep(40 * time.Hour)
			r.publish(nightly("login-1", on("2000-01-03")))
			r.run(time.Minute)
			all := r.outcomes()
			if o := all[len(all)-1]; o.Type != event.Refreshed || o.Calls.Live != 1 {
				t.Errorf("outcome %+v", o)
			}
		})
	})
}

// TestWrongClock: what time it is, is asked of Redis. A worker whose own clock
// is behind does not work on past the end of the window.
func TestWrongClock(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour)})
		r.publish(nightly("login-1", func(j *event.Job) { j.NotAfter = night.Add(time.Hour) }))
		right := night.Add(2 * time.Hour)
		r.redis.SetTime(right)
		r.run(time.Minute)
		if o := r.only(); o.Reason != event.WindowClosed || o.Timings.Ended.Before(right) {
			t.Errorf("ended as %s, %s, at %v", o.Type, o.Reason, o.Timings.Ended)
		}
	})
}
