package consumer_test

import (
	"fmt"
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
)

// TestDeathAtEachStep: a worker dies after a step, with Redis forgetting
// everything at that moment or not. Whoever gets its message again must find
// out what is left to do.
func TestDeathAtEachStep(t *testing.T) {
	retry := []flinkstest.Answer{{FlinksCode: "RETRY_LATER"}, {}}
	rows := []struct {
		after string
		live  []flinkstest.Answer
		die   func(h *hand)
		calls int // further calls allowed; -1: any
		want  event.Type
	}{
		{"the pull", nil, func(*hand) {}, -1, event.Refreshed},
		{"the claim", nil, func(h *hand) { h.claim() }, -1, event.Refreshed},
		{"recording a live call", nil, func(h *hand) { h.claim(); h.recordLive(1) }, -1, event.Refreshed},
		{"a live call", nil, func(h *hand) {
			h.claim()
			h.recordLive(1)
			h.authorize(flinks.Live(h.job.LoginID))
		}, -1, event.Refreshed},
		{"keeping the accounts", nil, func(h *hand) { h.claim(); h.keep() }, -1, event.Refreshed},
		{"telling the outcome", nil, func(h *hand) { h.claim(); h.tell(h.outcome()) }, 0, event.ReconnectRequired},
		{"writing the ending down", nil, func(h *hand) {
			h.claim()
			h.tell(h.outcome())
			h.finish(h.outcome())
		}, 0, event.ReconnectRequired},
		{"parking", retry, func(h *hand) {
			h.claim()
			h.recordLive(1)
			h.authorize(flinks.Live(h.job.LoginID))
			h.park(5*time.Minute, func(j *event.Job) { j.Phase, j.Spent.Live = event.PhaseCached, 1 })
		}, -1, event.Refreshed},
		{"writing down that it is parked", retry, func(h *hand) {
			h.claim()
			h.recordLive(1)
			h.authorize(flinks.Live(h.job.LoginID))
			seq := h.park(5*time.Minute, func(j *event.Job) { j.Phase, j.Spent.Live = event.PhaseCached, 1 })
			h.must(h.store.Park(h.Context(), h.lease, seq, 1))
		}, -1, event.Refreshed},
	}
	for _, row := range rows {
		for _, forgets := range []bool{false, true} {
			name := "after " + row.after
			if forgets {
				name += ", and Redis forgets"
			}
			t.Run(name, func(t *testing.T) {
				bubble(t, func(r *rig) {
					r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: row.live})
					job := nightly("login-1")
					r.publish(job)
					row.die(r.take())
					if forgets {
						r.flush()
					}
					before := len(r.sim.Journal())
					r.run(time.Hour)
					r.oneEach([]event.Job{job})
					if got := r.only().Type; got != row.want {
						t.Errorf("ended as %s, want %s", got, row.want)
					}
					if made := len(r.sim.Journal()) - before; row.calls >= 0 && made > row.calls {
						t.Errorf("%d calls after the cycle had ended", made)
					}
					r.liveWithin(consumer.DefaultPolicy().MaxLive)
				})
			})
		}
	}
}

// TestDeadLease: the lease outlives the worker, and nobody works on the login
// until it ends.
func TestDeadLease(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour)})
		r.publish(nightly("login-1"))
		h := r.take()
		h.claim()
		died := time.Now()
		h.must(h.msg.Nak()) // the message is back long before the lease ends
		r.start(r.worker("w"))
		time.Sleep(29 * time.Second)
		if calls := r.calls("login-1"); len(calls) > 0 {
			t.Errorf("calls while the dead worker holds the login: %v", calls)
		}
		r.drain(time.Minute)
		first := r.sim.Journal()[0].Start.Sub(died)
		if first < 30*time.Second || first > 35*time.Second {
			t.Errorf("first call %v after the claim, want it soon after the lease's 30s", first)
		}
		r.only()
	})
}

// TestLiveModeAfterDeath: a job that begins live does not repeat a live call
// that was recorded, for it may have reached the bank.
func TestLiveModeAfterDeath(t *testing.T) {
	begin := func(h *hand, call bool) {
		h.claim()
		h.recordLive(1)
		if call {
			h.authorize(flinks.Live(h.job.LoginID))
		}
	}
	for _, called := range []bool{true, false} {
		t.Run(fmt.Sprintf("call made %v", called), func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour)})
				r.publish(nightly("login-1", func(j *event.Job) { j.Mode = event.Live }))
				begin(r.take(), called)
				before := len(r.calls("login-1"))
				r.run(time.Hour)
				if got := r.calls("login-1")[before]; got != "Authorize cached" {
					t.Errorf("the next worker begins with %s, want the cached call, which knows how the live one went", got)
				}
				if n := r.sim.LiveCalls("login-1"); n != 1 {
					t.Errorf("the bank was asked %d times, want once", n)
				}
				if o := r.only(); o.Reason != event.LiveRefresh {
					t.Errorf("ended as %s, %s", o.Type, o.Reason)
				}
			})
		})
	}
}

// TestCrashLoop: a worker that dies at each live call cannot hammer a bank.
func TestCrashLoop(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{FlinksCode: "RETRY_LATER"}}})
		r.publish(nightly("login-1"))
		most := consumer.DefaultPolicy().MaxLive
		for n := range most {
			h := r.take()
			h.claim()
			h.recordLive(n + 1)
			h.authorize(flinks.Live("login-1"))
			time.Sleep(31 * time.Second) // its lease and its message come free
		}
		r.run(time.Hour)
		if o := r.only(); o.Type != event.Failed || o.Reason != event.BankUnavailable || o.Calls.Live != most {
			t.Errorf("ended as %s, %s after %d live calls", o.Type, o.Reason, o.Calls.Live)
		}
		r.liveWithin(most)
	})
}

// TestZombie: a worker that was paused wakes up after another one has taken
// its job over, and settles it as well. The first telling counts.
func TestZombie(t *testing.T) {
	t.Run("it tells an ending of its own", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour)})
			r.publish(nightly("login-1"))
			h := r.take()
			h.claim()
			r.run(2 * time.Minute)
			h.tell(h.outcome())
			h.finish(h.outcome())
			h.must(h.msg.Ack())
			if o := r.only(); o.Type != event.Refreshed {
				t.Errorf("ended as %s", o.Type)
			}
			if l, err := r.store.Login(r.Context(), "login-1"); err != nil || l.Success.IsZero() {
				t.Errorf("the login's record has lost its success: %+v, %v", l, err)
			}
		})
	})
	t.Run("it parks the job after its end", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour)})
			r.publish(nightly("login-1"))
			h := r.take()
			h.claim()
			r.run(2 * time.Minute)
			before := len(r.sim.Journal())
			h.park(time.Minute, func(j *event.Job) { j.Phase = event.PhaseCached })
			r.run(5 * time.Minute)
			r.only()
			if n := len(r.sim.Journal()) - before; n > 0 {
				t.Errorf("%d calls after the cycle had ended", n)
			}
		})
	})
}

// TestPublishedAgain: a producer repeats a whole night after it has ended,
// when the streams no longer know its messages' ids.
func TestPublishedAgain(t *testing.T) {
	for _, forgets := range []bool{false, true} {
		t.Run(fmt.Sprintf("Redis forgets %v", forgets), func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{FlinksCode: "INVALID_PASSWORD"}}})
				r.publish(nightly("login-1"))
				r.run(time.Hour)
				time.Sleep(15 * time.Minute) // beyond the job stream's duplicate window
				if forgets {
					r.flush()
				}
				// Some other job shows the store that it has forgotten.
				r.sim.Add(flinkstest.Login{ID: "login-2", LastRefresh: night.Add(-time.Hour)})
				r.publish(nightly("login-2"))
				r.run(time.Minute)
				time.Sleep(time.Second)

				before := len(r.calls("login-1"))
				if tally := r.publish(nightly("login-1")); tally.Queued != 1 {
					t.Fatalf("published again: %+v", tally)
				}
				r.run(time.Hour)
				if calls := r.calls("login-1")[before:]; len(calls) > 0 {
					t.Errorf("calls after the cycle had ended: %v", calls)
				}
				if all := r.outcomes(); len(all) != 2 {
					t.Errorf("%d outcomes, want one per login", len(all))
				}
			})
		})
	}
}

// TestCancelledAndPublishedAgain: an operator has taken a parked job back. Redis
// knows the cycle, but not that it has ended.
func TestCancelledAndPublishedAgain(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour)})
		r.publish(nightly("login-1"))
		r.run(time.Minute)
		time.Sleep(100 * time.Hour) // Redis remembers far enough by now

		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night, Live: []flinkstest.Answer{{FlinksCode: "RETRY_LATER"}}})
		later := nightly("login-1", func(j *event.Job) { j.Cycle = "2000-01-05" })
		r.publish(later)
		stop := r.start(r.worker("w"))
		time.Sleep(time.Minute)
		stop()
		list := &hand{rig: r, job: later}
		o := list.outcome()
		o.Type, o.Reason = event.Failed, event.Cancelled
		list.tell(o)
		jobs, err := r.js.Stream(r.Context(), event.StreamJobs)
		if err != nil {
			t.Fatal(err)
		}
		if err := jobs.DeleteMsg(r.Context(), r.parkedMsg("login-1").Sequence); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Minute)

		before := len(r.calls("login-1"))
		r.publish(later)
		r.run(time.Hour)
		if calls := r.calls("login-1")[before:]; len(calls) > 0 {
			t.Errorf("calls after the job was cancelled: %v", calls)
		}
	})
}

// TestLiveCallIsWrittenDownFirst: while the bank is being asked, Redis knows
// of it already.
func TestLiveCallIsWrittenDownFirst(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{Latency: time.Minute}}})
		r.publish(nightly("login-1"))
		r.start(r.worker("w"))
		r.until("the bank is asked", time.Minute, func() bool { return r.sim.LiveCalls("login-1") == 1 })
		if got := r.redis.HGet("nightshift:{login-1}:cycle:2000-01-01", "live"); got != "1" {
			t.Errorf("Redis knows of %q live calls, want 1", got)
		}
		r.drain(time.Hour)
	})
}

// TestParkedButNotAcked: the repeat of a message whose job goes on under
// another one is dropped without a call.
func TestParkedButNotAcked(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour)})
		r.publish(nightly("login-1"))
		h := r.take()
		h.claim()
		seq := h.park(5*time.Minute, func(j *event.Job) { j.Phase = event.PhaseCached })
		h.must(h.store.Park(r.Context(), h.lease, seq, 0))
		r.start(r.worker("w"))
		time.Sleep(4 * time.Minute)
		if calls := r.calls("login-1"); len(calls) > 0 {
			t.Errorf("calls before the parked job is due: %v", calls)
		}
		if n := r.count(event.StreamJobs); n != 1 {
			t.Errorf("%d messages, want the parked one", n)
		}
		r.drain(time.Hour)
		r.only()
	})
}

// TestNoOutcomeNoAck: as long as the outcome cannot be told, the job is there
// and Redis does not say that it has ended.
func TestNoOutcomeNoAck(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{Latency: 10 * time.Second}}})
		job := nightly("login-1")
		r.publish(job)
		w := r.worker("w")
		r.start(w)
		time.Sleep(5 * time.Second)
		if err := r.js.DeleteStream(r.Context(), event.StreamOutcomes); err != nil {
			r.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if n := r.count(event.StreamJobs); n != 1 {
			t.Errorf("%d jobs in the stream while the outcome cannot be told", n)
		}
		if got := r.redis.HGet("nightshift:{login-1}:cycle:2000-01-01", "ended"); got != "" {
			t.Errorf("Redis says that it ended as %s", got)
		}
		calls := len(r.sim.Journal())
		if _, err := (producer.Setup{}).Run(r.Context(), r.js); err != nil {
			r.Fatal(err)
		}
		r.drain(time.Minute)
		r.oneEach([]event.Job{job})
		if n := len(r.sim.Journal()); n > calls {
			t.Errorf("%d more calls only to tell the outcome", n-calls)
		}
	})
}
