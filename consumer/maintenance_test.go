package consumer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// liveAt are the times of the live calls of a bank's logins.
func (r *rig) liveAt(bank string) (all []time.Time) {
	for _, c := range r.sim.Journal() {
		if c.Mode == "live" && strings.HasPrefix(c.LoginID, bank) {
			all = append(all, c.Start)
		}
	}
	return all
}

var down = flinkstest.Answer{FlinksCode: "BANK_MAINTENENACE_RETRY_LATER"}

// TestMaintenance: a bank is in maintenance for three hours of a night.
func TestMaintenance(t *testing.T) {
	bubble(t, func(r *rig) {
		bank, other := at("shut", 300, down), at("open", 30)
		r.sim.Add(bank...)
		r.sim.Add(other...)
		jobs := append(jobsFor(bank), jobsFor(other)...)
		for i := range jobs {
			jobs[i].NotAfter = night.Add(4 * time.Hour)
		}
		r.publish(jobs...)
		workers := r.two()

		time.Sleep(5 * time.Minute)
		burst := len(r.liveAt("shut"))
		if burst > 2*16+2 {
			t.Errorf("%d live calls in the first minutes, want no more than were under way when it was found out", burst)
		}
		if n := r.count(event.StreamOutcomes); n != 30 {
			t.Errorf("%d outcomes, want those of the other bank", n)
		}
		for _, w := range workers {
			if n := w.PausedInstitutions(); n != 1 {
				t.Errorf("%s knows of %d institutions in maintenance", w.Name, n)
			}
		}
		time.Sleep(time.Until(night.Add(3 * time.Hour)))
		probes := r.liveAt("shut")[burst:]
		// One per five minutes, or a little more often where the job that found out comes back sooner.
		if len(probes) < 24 || len(probes) > 45 {
			t.Errorf("%d live calls in three hours of maintenance", len(probes))
		}
		if least := closest(probes); least < 4*time.Minute {
			t.Errorf("two probes within %v", least)
		}
		made := len(r.sim.Journal())
		cached := r.sim.Stats().Calls["Authorize"] - len(r.liveAt("shut")) - len(r.liveAt("open"))
		if cached > 330+2*len(r.liveAt("shut")) {
			t.Errorf("%d cached calls of %d calls in all: jobs that wait should make none", cached, made)
		}

		r.sim.Add(at("shut", 300)...) // the bank is back
		r.drain(time.Hour)
		r.oneEach(jobs)
		for _, o := range r.outcomes() {
			if o.Type != event.Refreshed {
				t.Errorf("%s ended as %s, %s", o.LoginID, o.Type, o.Reason)
			}
		}
		if n := len(r.liveAt("open")); n != 30 {
			t.Errorf("%d live calls at the other bank, want one for each login", n)
		}
		time.Sleep(2 * time.Second)
		if n := workers[0].PausedInstitutions() + workers[1].PausedInstitutions(); n != 0 {
			t.Errorf("it is back, and still known to be in maintenance")
		}
		log := r.log.String()
		if strings.Count(log, "institution is in maintenance") != 1 || strings.Count(log, "institution is back") != 1 {
			t.Errorf("it is not told once each:\n%s", log)
		}
	})
}

// TestInstitutionPaused holds single rules of a circuit that is open.
func TestInstitutionPaused(t *testing.T) {
	pause := func(r *rig, bank string, probe time.Duration) {
		r.Helper()
		if _, err := r.store.PauseInstitution(r.Context(), bank, probe); err != nil {
			r.Fatal(err)
		}
	}
	knows := func(r *rig, bank string) bool {
		l, err := r.store.Limits(r.Context())
		return err == nil && len(l.Paused) == 1 && l.Paused[0] == bank
	}
	for _, code := range []string{"DISABLED_INSTITUTION", "BANK_MAINTENANCE_RETRY_LATER", "BANK MAINTENANCE_RETRY_LATER", "BANK_MAINTENENACE_RETRY_LATER"} {
		t.Run(code+" opens it", func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.sim.Add(at("bank", 1, flinkstest.Answer{FlinksCode: code})...)
				r.publish(nightly("bank-0"))
				r.start(r.worker("w"))
				time.Sleep(time.Minute)
				if !knows(r, "bank") {
					t.Error("it is closed")
				}
			})
		})
	}
	for _, code := range []string{"RETRY_LATER", "AGGREGATION_ERROR", "UNAUTHORIZED", "INVALID_PASSWORD", "TOO_MANY_REQUESTS"} {
		t.Run(code+" does not", func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.sim.Add(at("bank", 1, flinkstest.Answer{FlinksCode: code})...)
				r.publish(nightly("bank-0"))
				r.start(r.worker("w"))
				time.Sleep(time.Minute)
				if knows(r, "bank") {
					t.Error("it is open")
				}
			})
		})
	}
	for _, live := range []flinkstest.Answer{{}, {FlinksCode: "RETRY_LATER"}, {FlinksCode: "INVALID_PASSWORD"}, {Challenge: []flinkstest.Challenge{{Prompt: "?"}}}} {
		t.Run(fmt.Sprintf("an answer of the bank closes it: %q %d", live.FlinksCode, len(live.Challenge)), func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.sim.Add(at("bank", 1, live)...)
				pause(r, "bank", 0)
				r.publish(nightly("bank-0"))
				r.start(r.worker("w"))
				time.Sleep(time.Minute)
				if n := len(r.liveAt("bank")); n != 1 || knows(r, "bank") {
					t.Errorf("after %d live calls it is open", n)
				}
			})
		})
	}
	for _, live := range []flinkstest.Answer{{FlinksCode: "CONCURRENT_SESSION"}, {FlinksCode: "TOO_MANY_REQUESTS"}, {Fault: flinkstest.FaultLost}} {
		t.Run(fmt.Sprintf("what is not the bank's answer does not: %q %q", live.FlinksCode, live.Fault), func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.sim.Add(at("bank", 1, live)...)
				pause(r, "bank", 0)
				r.publish(nightly("bank-0"))
				r.start(r.worker("w"))
				time.Sleep(30 * time.Second)
				if n := len(r.liveAt("bank")); n == 0 || !knows(r, "bank") {
					t.Errorf("after %d live calls it is closed", n)
				}
			})
		})
	}
	t.Run("data that is young enough is taken", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := at("bank", 10)
			for i := range logins {
				logins[i].LastRefresh = night
			}
			r.sim.Add(logins...)
			pause(r, "bank", time.Hour)
			r.publish(jobsFor(logins)...)
			r.run(time.Minute)
			r.allRefreshed()
			if n := len(r.liveAt("bank")); n > 0 {
				t.Errorf("%d live calls", n)
			}
		})
	})
	t.Run("whoever waits for the outcome is told at once", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(at("bank", 2)...)
			pause(r, "bank", time.Hour)
			r.start(r.worker("w"))
			time.Sleep(2 * time.Second)
			asked := onDemand("bank-0")
			asked.Institution = "Bank"
			later := onDemand("bank-1")
			later.Mode = event.Cached // Flinks tells the institution's name
			r.publish(asked, later)
			if took := r.drain(time.Minute); took > time.Second {
				t.Errorf("it took %v", took)
			}
			for _, o := range r.outcomes() {
				if o.Type != event.Failed || o.Reason != event.BankUnavailable || o.Calls.Live != 0 {
					t.Errorf("%s ended as %s, %s, %+v", o.LoginID, o.Type, o.Reason, o.Calls)
				}
			}
			if n := len(r.liveAt("bank")); n > 0 {
				t.Errorf("%d live calls", n)
			}
		})
	})
	t.Run("a job that waits is parked, unspent, until the next probe or a little later", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(at("bank", 20)...)
			pause(r, "bank", 20*time.Minute)
			r.start(r.worker("w"))
			r.publish(jobsFor(at("bank", 20))...)
			time.Sleep(time.Minute)
			for _, j := range r.waiting() {
				m := r.parkedMsg(j.LoginID)
				due, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(m.Header.Get("Nats-Schedule"), "@at "))
				if err != nil || due.Before(night.Add(20*time.Minute)) || due.After(night.Add(23*time.Minute)) {
					t.Errorf("%s is due at %v, %v", j.LoginID, due, err)
				}
				if why := m.Header.Get(event.HeaderParked); why != string(event.BankUnavailable) || j.Spent.Live != 0 || j.Spent.Failures != 0 {
					t.Errorf("%s is parked because of %q and has spent %+v", j.LoginID, why, j.Spent)
				}
			}
			r.drain(time.Hour)
			r.allRefreshed()
		})
	})
	t.Run("a probe without an answer was one, and the next comes in its time", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(at("bank", 5, flinkstest.Answer{Fault: flinkstest.FaultLost})...)
			pause(r, "bank", 0)
			r.start(r.worker("w"))
			time.Sleep(2 * time.Second)
			jobs := jobsFor(at("bank", 5))
			r.publish(jobs[:1]...)
			time.Sleep(time.Minute)
			r.publish(jobs[1:]...)
			time.Sleep(3 * time.Minute)
			if n := len(r.liveAt("bank")); n != 1 {
				t.Errorf("%d live calls", n)
			}
		})
	})
	t.Run("it holds for jobs as well that wait for their turn when it is found out", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(at("bank", 16, down)...)
			for _, l := range at("bank", 16) {
				r.publish(nightly(l.ID, func(j *event.Job) { j.Mode, j.Institution = event.Live, "bank" }))
			}
			r.start(r.worker("w", func(w *consumer.Worker) { w.Rate = 1 }))
			time.Sleep(2 * time.Minute)
			if n := len(r.liveAt("bank")); n > 2 { // the first, and who has minted a token by then
				t.Errorf("%d live calls", n)
			}
		})
	})
	t.Run("the window ends it", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(at("bank", 1, down)...)
			pause(r, "bank", 5*time.Minute)
			r.start(r.worker("w"))
			time.Sleep(2 * time.Second)
			r.publish(nightly("bank-0", until(night.Add(4*time.Minute))))
			r.drain(5 * time.Minute)
			if o := r.only(); o.Type != event.Failed || o.Reason != event.BankUnavailable || o.Calls.Live != 0 {
				t.Errorf("ended as %s, %s, %+v", o.Type, o.Reason, o.Calls)
			}
		})
	})
	t.Run("one login that its bank never serves does not use up the night of the others", func(t *testing.T) {
		bubble(t, func(r *rig) {
			odd, fine := at("odd", 1, down), at("bank", 20)
			odd[0].Institution = "bank"
			r.sim.Add(odd...)
			r.sim.Add(fine...)
			jobs := append(jobsFor(odd), jobsFor(fine)...)
			r.publish(jobs[:1]...)
			r.two()
			time.Sleep(2 * time.Second)
			r.publish(jobs[1:]...)
			time.Sleep(20 * time.Minute)
			if n := r.count(event.StreamOutcomes); n < 20 {
				t.Errorf("%d outcomes after two probes, want those of all others", n)
			}
			r.drain(2 * time.Hour)
			r.oneEach(jobs)
			r.liveWithin(consumer.DefaultPolicy().MaxLive)
		})
	})
	t.Run("the only job of a bank tries again in its own time", func(t *testing.T) {
		bubble(t, func(r *rig) {
			var jobs []event.Job
			for i := range 12 {
				logins := at(fmt.Sprintf("bank-%d", i), 1, down, down, flinkstest.Answer{})
				r.sim.Add(logins...)
				jobs = append(jobs, jobsFor(logins)...)
			}
			r.publish(jobs...)
			r.run(time.Hour)
			r.oneEach(jobs)
			for _, o := range r.outcomes() {
				if o.Type != event.Refreshed || o.Calls != (event.Calls{Cached: 3, Live: 3}) {
					t.Errorf("%s ended as %s, %s, %+v", o.LoginID, o.Type, o.Reason, o.Calls)
				}
			}
		})
	})
	t.Run("no job uses its live calls up while others have not tried", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := at("bank", 12, down)
			r.sim.Add(logins...)
			pause(r, "bank", time.Minute)
			r.start(r.worker("w"))
			time.Sleep(2 * time.Second)
			r.publish(jobsFor(logins)...)
			r.until("each has tried once", 3*time.Hour, func() bool { return len(r.liveAt("bank")) == len(logins) })
			r.liveWithin(1)
		})
	})
	t.Run("Redis forgets it, and it is found out anew", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := at("bank", 60, down)
			r.sim.Add(logins...)
			jobs := jobsFor(logins)
			r.publish(jobs...)
			r.two()
			for range 3 {
				time.Sleep(3 * time.Minute)
				r.flush()
			}
			time.Sleep(6 * time.Minute)
			if n := len(r.liveAt("bank")); n > 6*32 {
				t.Errorf("%d live calls", n)
			}
			r.sim.Add(at("bank", 60)...)
			r.drain(2 * time.Hour)
			r.oneEach(jobs)
			r.never(event.ReconnectRequired)
			r.liveWithin(consumer.DefaultPolicy().MaxLive)
			for _, o := range r.outcomes() {
				if o.Calls.Live > consumer.DefaultPolicy().MaxLive {
					t.Errorf("%s: %d live calls", o.LoginID, o.Calls.Live)
				}
			}
		})
	})
}
