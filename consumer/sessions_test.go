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
	"nightshift/state"
)

// at are logins of a bank whose data is too old.
func at(bank string, n int, live ...flinkstest.Answer) (all []flinkstest.Login) {
	for i := range n {
		all = append(all, flinkstest.Login{
			ID: fmt.Sprintf("%s-%d", bank, i), Institution: bank, LastRefresh: night.Add(-48 * time.Hour), Live: live,
		})
	}
	return all
}

// most is how many live sessions of some logins were open at once.
func (r *rig) most(logins []flinkstest.Login) int {
	type edge struct {
		at   time.Time
		open int
	}
	var edges []edge
	for _, c := range r.sim.Journal() {
		if c.Mode == "live" && slices.ContainsFunc(logins, func(l flinkstest.Login) bool { return l.ID == c.LoginID }) {
			edges = append(edges, edge{c.Start, 1}, edge{c.End, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if d := a.at.Compare(b.at); d != 0 {
			return d
		}
		return a.open - b.open
	})
	most, open := 0, 0
	for _, e := range edges {
		open += e.open
		most = max(most, open)
	}
	return most
}

// allRefreshed checks that every login was, with one live call at most.
func (r *rig) allRefreshed() {
	r.Helper()
	for _, o := range r.outcomes() {
		if o.Type != event.Refreshed || o.Calls.Live > 1 {
			r.Errorf("%s ended as %s, %s, %+v", o.LoginID, o.Type, o.Reason, o.Calls)
		}
	}
}

func sessions(n int) func(*consumer.Worker) {
	return func(w *consumer.Worker) { w.InstitutionSessions = n }
}

func TestInstitutionSessions(t *testing.T) {
	slow := flinkstest.Answer{Latency: 40 * time.Second} // longer than a place is kept without heartbeats
	t.Run("two workers together open no more than may, and use them", func(t *testing.T) {
		bubble(t, func(r *rig) {
			bank, other := at("first-bank", 30, slow), at("second-bank", 20, slow)
			r.sim.Add(bank...)
			r.sim.Add(other...)
			jobs := append(jobsFor(bank), jobsFor(other)...)
			r.publish(jobs...)
			r.two(sessions(3))
			r.drain(4 * time.Hour)
			r.oneEach(jobs)
			r.allRefreshed()
			diff(t, "sessions at once", []int{3, 3}, []int{r.most(bank), r.most(other)})
			for _, o := range r.outcomes() {
				if o.Calls.Cached > 2 { // before the first refusal, and before the live call
					t.Errorf("%s: %d cached calls only to wait", o.LoginID, o.Calls.Cached)
				}
			}
			r.liveWithin(1)
			if l, err := r.store.Limits(r.Context()); err != nil || len(l.Paused) > 0 {
				t.Errorf("limits %+v, %v", l, err)
			}
		})
	})
	t.Run("without a limit all are open at once", func(t *testing.T) {
		bubble(t, func(r *rig) {
			bank := at("bank", 12, slow)
			r.sim.Add(bank...)
			r.publish(jobsFor(bank)...)
			r.run(10 * time.Minute)
			diff(t, "sessions at once", 12, r.most(bank))
		})
	})
	t.Run("nor is there one for an institution that is not known", func(t *testing.T) {
		bubble(t, func(r *rig) {
			bank := at("bank", 12, slow)
			r.sim.Add(bank...)
			for _, l := range bank {
				r.publish(nightly(l.ID, func(j *event.Job) { j.Mode = event.Live })) // no cached call tells its name
			}
			r.run(10*time.Minute, sessions(1))
			diff(t, "sessions at once", 12, r.most(bank))
		})
	})
	t.Run("its name counts, however it is written", func(t *testing.T) {
		bubble(t, func(r *rig) {
			bank := at("caisse", 6, slow)
			for i := range bank {
				bank[i].Institution = "Caisse d'Épargne"
			}
			r.sim.Add(bank...)
			for i, l := range bank {
				name := []string{"Caisse d'Épargne", " CAISSE  d'épargne "}[i%2]
				r.publish(nightly(l.ID, func(j *event.Job) { j.Mode, j.Institution = event.Live, name }))
			}
			r.run(time.Hour, sessions(1))
			diff(t, "sessions at once", 1, r.most(bank))
		})
	})
	t.Run("the name that Flinks gives it counts, and the other one's place is given back", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(at("bank", 1, slow)...)
			r.publish(nightly("bank-0", func(j *event.Job) { j.Institution, j.Spent.Queued = "as in the roster", 1 }))
			r.start(r.worker("w", sessions(1)))
			time.Sleep(5 * time.Second)
			var taken []string
			for _, key := range r.redis.Keys() {
				if name, ok := strings.CutPrefix(key, "nightshift:{limits}:sessions:"); ok {
					taken = append(taken, name)
				}
			}
			diff(t, "places", []string{"bank"}, taken)
			r.drain(10 * time.Minute)
		})
	})
	t.Run("a refusal, too, tells its name", func(t *testing.T) {
		bubble(t, func(r *rig) {
			bank := at("bank", 6, slow)
			for i := range bank {
				bank[i].Last = flinkstest.Answer{FlinksCode: "RETRY_LATER"}
			}
			r.sim.Add(bank...)
			r.publish(jobsFor(bank)...)
			r.run(time.Hour, sessions(1))
			diff(t, "sessions at once", 1, r.most(bank))
		})
	})
	t.Run("data that is young enough needs no place", func(t *testing.T) {
		bubble(t, func(r *rig) {
			busy, young := at("bank", 4, flinkstest.Answer{Latency: 5 * time.Minute}), at("bank", 10)[4:]
			for i := range young {
				young[i].LastRefresh = night
			}
			r.sim.Add(busy...)
			r.sim.Add(young...)
			r.start(r.worker("w", sessions(1)))
			r.publish(jobsFor(busy)...)
			time.Sleep(time.Second)
			r.publish(jobsFor(young)...)
			time.Sleep(time.Second)
			if n := r.count(event.StreamOutcomes); n != 6 {
				t.Errorf("%d refreshes while the bank's place is taken, want the 6 of young data", n)
			}
		})
	})
	t.Run("waiting for a place costs nothing but time", func(t *testing.T) {
		bubble(t, func(r *rig) {
			bank := at("bank", 5, flinkstest.Answer{Latency: 10 * time.Minute})
			r.sim.Add(bank...)
			jobs := jobsFor(bank)
			for i := range jobs {
				jobs[i].NotAfter = night.Add(17 * time.Minute)
			}
			r.publish(jobs...)
			r.start(r.worker("w", sessions(1)))
			time.Sleep(8 * time.Minute)
			parked := 0
			for _, j := range r.waiting() {
				if j.Attempt > 1 {
					parked++
					if j.Spent.Live != 0 || j.Spent.Failures != 0 || j.Spent.Queued < 3 || j.Spent.Queued > 7 {
						t.Errorf("%s has spent %+v", j.LoginID, j.Spent)
					}
					if why := r.parkedMsg(j.LoginID).Header.Get(event.HeaderParked); why != string(event.Busy) {
						t.Errorf("%s is parked because of %q", j.LoginID, why)
					}
				}
			}
			if parked != 4 {
				t.Errorf("%d jobs are parked, want 4", parked)
			}
			r.drain(time.Hour)
			r.oneEach(jobs)
			ended := map[event.Reason]int{}
			for _, o := range r.outcomes() {
				ended[o.Reason]++
			}
			diff(t, "reasons", map[event.Reason]int{event.LiveRefresh: 2, event.Busy: 3}, ended)
		})
	})
	t.Run("the places of a worker that died come free by themselves", func(t *testing.T) {
		bubble(t, func(r *rig) {
			bank := at("bank", 4, flinkstest.Answer{})
			r.sim.Add(bank...)
			r.publish(jobsFor(bank)...)
			for i := range 2 {
				a, _, err := r.store.Admit(r.Context(), state.LiveCall{
					Institution: "bank", Owner: fmt.Sprintf("dead/%d", i), Sessions: 2, TTL: 30 * time.Second,
				})
				if err != nil || a != state.Admitted {
					t.Fatal(a, err)
				}
			}
			died := time.Now()
			r.run(10*time.Minute, sessions(2))
			r.allRefreshed()
			for _, c := range r.sim.Journal() {
				if after := c.Start.Sub(died); c.Mode == "live" && after < 30*time.Second {
					t.Errorf("a live call %v after its death", after)
				}
			}
			if took := time.Since(died); took > 2*time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	})
	t.Run("a worker that stops leaves no place taken", func(t *testing.T) {
		bubble(t, func(r *rig) {
			bank := at("bank", 4, slow)
			r.sim.Add(bank...)
			r.publish(jobsFor(bank)...)
			stop := r.start(r.worker("w", sessions(2), func(w *consumer.Worker) { w.Grace = time.Second }))
			time.Sleep(10 * time.Second)
			stop()
			for _, key := range r.redis.Keys() {
				if key == "nightshift:{limits}:sessions:bank" {
					t.Error("places are still taken")
				}
			}
			r.run(time.Hour, sessions(2))
			r.oneEach(jobsFor(bank))
		})
	})
	t.Run("Redis forgets them, and no harm is done", func(t *testing.T) {
		bubble(t, func(r *rig) {
			bank := at("bank", 20, slow)
			r.sim.Add(bank...)
			jobs := jobsFor(bank)
			r.publish(jobs...)
			r.two(sessions(3))
			for range 4 {
				time.Sleep(25 * time.Second)
				r.flush()
			}
			r.drain(4 * time.Hour)
			r.oneEach(jobs)
			r.allRefreshed()
			r.liveWithin(1)
			if n := r.most(bank); n > 6 { // those that were forgotten, and as many more
				t.Errorf("%d sessions at once", n)
			}
		})
	})
}
