package consumer_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
)

// onDemand is a refresh that somebody waits for.
func onDemand(loginID string) event.Job {
	plan := producer.Plan{Cycle: producer.OnDemandCycle(), Lane: event.OnDemand, Mode: event.Live}
	return plan.Job(producer.Entry{LoginID: loginID}, time.Now())
}

// TestOneLoginInBothLanes: that no two sessions overlap is checked by every
// bubble; here the jobs insist on it.
func TestOneLoginInBothLanes(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{
			ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{Latency: 20 * time.Second}},
			Detail: []flinkstest.Answer{{Pending: 20 * time.Second}},
		})
		jobs := []event.Job{nightly("login-1"), onDemand("login-1")}
		r.publish(jobs...)
		for i := range 3 {
			r.start(r.worker(fmt.Sprintf("w%d", i)))
		}
		r.drain(10 * time.Minute)
		r.oneEach(jobs)
		for _, o := range r.outcomes() {
			if o.Type != event.Refreshed {
				t.Errorf("%s ended as %s, %s", o.ID(), o.Type, o.Reason)
			}
		}
	})
}

// TestRedelivered: a message is delivered again while its worker is alive, to
// the same worker and to others.
func TestRedelivered(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{Latency: 90 * time.Second}}})
		job := nightly("login-1")
		r.publish(job)
		h := r.take() // the first delivery goes to a test that lets it go at once
		h.must(h.msg.Nak())
		var workers []*consumer.Worker
		for i := range 3 {
			w := r.worker(fmt.Sprintf("w%d", i))
			r.start(w)
			workers = append(workers, w)
		}
		time.Sleep(10 * time.Second)
		h.must(h.redeliver())
		r.drain(10 * time.Minute)
		pulled := int64(0)
		for _, w := range workers {
			pulled += w.Stats.Pulled.Load()
		}
		if pulled < 2 {
			t.Errorf("the message was delivered %d times, want a repeat", pulled)
		}
		r.oneEach([]event.Job{job})
		if n := r.made("login-1", "Authorize live"); n != 1 {
			t.Errorf("%d live calls, want 1", n)
		}
	})
}

// redeliver gives a message back that somebody else is working on, as a
// server does that has lost a worker's heartbeat.
func (h *hand) redeliver() error {
	return h.js.Conn().Publish(h.msg.Reply(), []byte("-NAK"))
}

// TestMixedNight: 200 logins of all kinds, three workers, a nightly and for
// every tenth an on-demand job.
func TestMixedNight(t *testing.T) {
	slow := flinkstest.Options{Latency: flinkstest.Latency{
		Cached: flinkstest.Lognormal{Median: 300 * time.Millisecond, Sigma: 1},
		Live:   flinkstest.Lognormal{Median: 15 * time.Second, Sigma: 1},
		Detail: flinkstest.Lognormal{Median: time.Second, Sigma: 1},
	}}
	bubbleWith(t, slow, func(r *rig) {
		logins := flinkstest.Population(200, 1, flinkstest.Mix{}, night)
		r.sim.Add(logins...)
		jobs := jobsFor(logins)
		for i := 0; i < len(logins); i += 10 {
			jobs = append(jobs, onDemand(logins[i].ID))
		}
		r.publish(jobs...)
		for i := range 3 {
			r.start(r.worker(fmt.Sprintf("w%d", i)))
		}
		r.drain(8 * time.Hour)
		r.oneEach(jobs)
		r.liveWithin(2 * consumer.DefaultPolicy().MaxLive) // two cycles
		deserved := map[string]string{}
		for i, l := range logins {
			if i%10 != 0 { // an on-demand refresh has changed the other one's course
				deserved[l.ID] = l.EndingAt(night)
			}
		}
		for _, o := range r.outcomes() {
			if want := deserved[o.LoginID]; want != "" && string(o.Type) != want {
				t.Errorf("%s ended as %s, %s (%s), want %s", o.LoginID, o.Type, o.Reason, o.FlinksCode, want)
			}
		}
	})
}

// TestDeliveredTwiceAsTheSame: a nats-server that was killed has forgotten how
// often it delivered a message, and delivers it to the same worker once more,
// under the same number, while the job is still in hand.
func TestDeliveredTwiceAsTheSame(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{Latency: 10 * time.Second}}})
		r.publish(nightly("login-1"))
		msg := r.take().msg
		w := r.worker("w")
		r.start(w)
		time.Sleep(time.Second)
		var both sync.WaitGroup
		both.Go(func() { consumer.Handle(r.Context(), w, msg) })
		time.Sleep(5 * time.Second)
		both.Go(func() { consumer.Handle(r.Context(), w, msg) })
		both.Wait()
		r.drain(time.Minute)
		r.only()
		r.liveWithin(1)
		if all := r.sim.Overlaps(); len(all) > 0 {
			t.Errorf("two sessions at once: %+v", all)
		}
	})
}
