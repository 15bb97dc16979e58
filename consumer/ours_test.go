package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/consumer"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// dataOf are the bodies of messages.
func dataOf(messages []*jetstream.RawStreamMsg) (all []string) {
	for _, m := range messages {
		all = append(all, fmt.Sprintf("%d %s %s", m.Sequence, m.Subject, m.Data))
	}
	return all
}

// never fails if an outcome of that type was told.
func (r *rig) never(t event.Type) {
	r.Helper()
	for _, o := range r.outcomes() {
		if o.Type == t {
			r.Errorf("%s was told %s, %s (%s)", o.LoginID, o.Type, o.Reason, o.FlinksCode)
		}
	}
}

func fresh(n int) []flinkstest.Login {
	return flinkstest.Population(n, 5, flinkstest.Mix{Fresh: 1}, night)
}

// TestSecretRefused: our secret has expired. A whole night waits for it, and
// one job at a time of all replicas looks whether it is good again.
func TestSecretRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		logins := fresh(40)
		r.sim.Add(logins...)
		jobs := jobsFor(logins)
		r.publish(jobs...)
		before := r.messages(event.StreamJobs)
		r.sim.RefuseSecret(true)
		workers := []*consumer.Worker{r.worker("a"), r.worker("b"), r.worker("c")}
		for _, w := range workers {
			r.start(w)
		}
		time.Sleep(5 * time.Second)
		at := len(r.sim.Journal())
		time.Sleep(5 * time.Minute)
		probes := len(r.sim.Journal()) - at
		if probes < 20 || probes > 31 { // an idle lane's turn costs two seconds and shows nothing
			t.Errorf("%d calls in five minutes, want a probe every 10s", probes)
		}
		if all := r.outcomes(); len(all) > 0 {
			t.Errorf("outcomes for a fault of our own: %+v", all)
		}
		diff(t, "jobs", dataOf(before), dataOf(r.messages(event.StreamJobs)))
		if log := r.log.String(); !strings.Contains(log, "check --flinks-secret-key") || strings.Count(log, "level=ERROR") != 1 {
			t.Errorf("the log does not say once what to do:\n%s", log)
		}
		for _, w := range workers {
			if !w.Pauses()["flinks_refuses"] {
				t.Errorf("%s does not tell that it pauses: %v", w.Name, w.Pauses())
			}
		}
		r.sim.RefuseSecret(false)
		if took := r.drain(2 * time.Minute); took > time.Minute {
			t.Errorf("it took %v to notice that the secret is good", took)
		}
		r.oneEach(jobs)
		for _, o := range r.outcomes() {
			if o.Type != event.Refreshed || o.Calls.Cached != 1 {
				t.Errorf("%s ended as %s, %s, %+v", o.LoginID, o.Type, o.Reason, o.Calls)
			}
		}
	})
}

// TestSecretRefusedMidNight: it expires while jobs of all kinds are in hand.
func TestSecretRefusedMidNight(t *testing.T) {
	slow := flinkstest.Options{Latency: flinkstest.Latency{Cached: flinkstest.Lognormal{Median: 2 * time.Second, Sigma: 1}}}
	bubbleWith(t, slow, func(r *rig) {
		logins := flinkstest.Population(60, 5, flinkstest.Mix{Refreshed: 1}, night)
		r.sim.Add(logins...)
		jobs := jobsFor(logins)
		r.publish(jobs...)
		r.start(r.worker("w"))
		time.Sleep(4 * time.Second)
		r.sim.RefuseSecret(true)
		time.Sleep(2 * time.Minute)
		r.sim.RefuseSecret(false)
		r.drain(2 * time.Hour)
		r.oneEach(jobs)
		r.never(event.ReconnectRequired)
		r.never(event.Failed)
	})
}

// TestAPIKeyRefused: Flinks says UNAUTHORIZED, which a bank says as well.
func TestAPIKeyRefused(t *testing.T) {
	wrong := func(r *rig) func(*consumer.Worker) {
		r.log.mistakes = append(r.log.mistakes, "x-api-key is wrong")
		c := *r.client
		c.APIKey = "wrong"
		return func(w *consumer.Worker) { w.Flinks = &c }
	}
	t.Run("many jobs wait until it is mended", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := fresh(30)
			r.sim.Add(logins...)
			jobs := jobsFor(logins)
			r.publish(jobs...)
			stop := r.start(r.worker("w", wrong(r)))
			time.Sleep(3 * time.Minute)
			if all := r.outcomes(); len(all) > 0 {
				t.Errorf("outcomes for a fault of our own: %+v", all)
			}
			if !strings.Contains(r.log.String(), "--flinks-api-key") {
				t.Errorf("the log does not say what to do:\n%s", r.log)
			}
			stop()
			r.run(time.Hour)
			r.oneEach(jobs)
			r.never(event.ReconnectRequired)
			r.never(event.Failed)
		})
	})
	t.Run("a single job fails, and its holder is left in peace", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour)})
			r.publish(nightly("login-1"))
			r.run(time.Hour, wrong(r))
			if o := r.only(); o.Type != event.Failed || o.Reason != event.Unauthorized {
				t.Errorf("ended as %s, %s", o.Type, o.Reason)
			}
		})
	})
}

// TestAccessDenied: codes that blame our set-up, once for each login.
func TestAccessDenied(t *testing.T) {
	bubble(t, func(r *rig) {
		logins := flinkstest.Population(6, 5, flinkstest.Mix{Config: 1}, night)
		r.sim.Add(logins...)
		jobs := jobsFor(logins)
		r.publish(jobs...)
		r.run(time.Hour)
		r.oneEach(jobs)
		for _, o := range r.outcomes() {
			if o.Type != event.Refreshed || o.Calls.Live != 1 {
				t.Errorf("%s ended as %s, %s, %+v", o.LoginID, o.Type, o.Reason, o.Calls)
			}
		}
	})
}

// TestFlinksUnreachable: no connection at all.
func TestFlinksUnreachable(t *testing.T) {
	bubble(t, func(r *rig) {
		var down atomic.Bool
		down.Store(true)
		c := *r.client
		c.HTTP = switched(t, r.client.HTTP, &down)
		logins := fresh(40)
		r.sim.Add(logins...)
		jobs := jobsFor(logins)
		r.publish(jobs...)
		before := r.messages(event.StreamJobs)
		r.start(r.worker("w", func(w *consumer.Worker) { w.Flinks = &c }))
		time.Sleep(10 * time.Minute)
		diff(t, "jobs", dataOf(before), dataOf(r.messages(event.StreamJobs)))
		if !strings.Contains(r.log.String(), "Flinks cannot be reached: check --flinks-url") {
			t.Errorf("the log does not say what to do:\n%s", r.log)
		}
		down.Store(false)
		if took := r.drain(2 * time.Minute); took > time.Minute {
			t.Errorf("it took %v to notice that Flinks is back", took)
		}
		r.oneEach(jobs)
		for _, o := range r.outcomes() {
			if o.Type != event.Refreshed || o.Calls.Cached != 1 {
				t.Errorf("%s ended as %s, %s, %+v", o.LoginID, o.Type, o.Reason, o.Calls)
			}
		}
	})
}

// switched is a client whose connections fail while down is true.
func switched(t *testing.T, from *http.Client, down *atomic.Bool) *http.Client {
	t.Helper()
	transport, ok := from.Transport.(*http.Transport)
	if !ok {
		t.Fatalf("transport is a %T", from.Transport)
	}
	own := transport.Clone()
	own.DisableKeepAlives = true
	dial := own.DialContext
	own.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if down.Load() {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("no route to host")}
		}
		return dial(ctx, network, addr)
	}
	return &http.Client{Transport: own}
}

// TestInvalidRequests: one is the login's matter, many are ours.
func TestInvalidRequests(t *testing.T) {
	invalid := func(n int) (all []flinkstest.Login) {
		for i := range n {
			all = append(all, flinkstest.Login{
				ID: fmt.Sprintf("bad-%d", i), LastRefresh: night.Add(-time.Hour), Detail: []flinkstest.Answer{{FlinksCode: "INVALID_REQUEST"}},
			})
		}
		return all
	}
	t.Run("one among good ones fails", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := append(fresh(10), invalid(1)...)
			r.sim.Add(logins...)
			jobs := jobsFor(logins)
			r.publish(jobs...)
			r.run(time.Hour)
			r.oneEach(jobs)
			for _, o := range r.outcomes() {
				if bad := o.LoginID == "bad-0"; bad != (o.Reason == event.InvalidRequest) || bad != (o.Type == event.Failed) {
					t.Errorf("%s ended as %s, %s", o.LoginID, o.Type, o.Reason)
				}
			}
		})
	})
	t.Run("many in a row stop the work", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := invalid(20)
			r.sim.Add(logins...)
			r.publish(jobsFor(logins)...)
			r.start(r.worker("w"))
			time.Sleep(3 * time.Minute)
			if all := r.outcomes(); len(all) > 0 {
				t.Errorf("outcomes for a fault of our own: %+v", all)
			}
			if !strings.Contains(r.log.String(), "requests of several logins invalid") {
				t.Errorf("the log does not say so:\n%s", r.log)
			}
			r.never(event.ReconnectRequired)
		})
	})
}

// TestPausedByAnother: what one replica has found out holds for all.
func TestPausedByAnother(t *testing.T) {
	found := func(r *rig, op string) {
		if _, err := r.store.Break(r.Context(), "flinks", op, string(event.Unauthorized), 30*time.Second); err != nil {
			r.Fatal(err)
		}
	}
	t.Run("nothing is pulled before the next probe is due, and its success is heard by all", func(t *testing.T) {
		bubble(t, func(r *rig) {
			logins := fresh(40)
			r.sim.Add(logins...)
			r.start(r.worker("a"))
			r.start(r.worker("b"))
			time.Sleep(5 * time.Second)
			found(r, "Authorize")
			time.Sleep(1500 * time.Millisecond)
			r.start(r.worker("c"))
			r.publish(jobsFor(logins)...)
			time.Sleep(28 * time.Second)
			if calls := len(r.sim.Journal()); calls > 0 {
				t.Errorf("%d calls during the pause", calls)
			}
			if took := r.drain(time.Minute); took > 10*time.Second {
				t.Errorf("after the pause it took %v", took)
			}
			time.Sleep(2 * time.Second)
			if log := r.log.String(); strings.Count(log, "another replica has found a fault") != 3 || strings.Count(log, "recovered") != 3 {
				t.Errorf("not every replica says so once:\n%s", log)
			}
		})
	})
	t.Run("a probe is not blamed, however often its login was doubted", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.log.mistakes = append(r.log.mistakes, "x-api-key is wrong")
			wrong := *r.client
			wrong.APIKey = "wrong"
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour)})
			r.publish(nightly("login-1", func(j *event.Job) { j.Spent.Doubted, j.Spent.Reauthorized = 1, 3 }))
			found(r, "GetAccountsDetail")
			stop := r.start(r.worker("w", func(w *consumer.Worker) { w.Flinks = &wrong }))
			time.Sleep(10 * time.Minute)
			if all := r.outcomes(); len(all) > 0 {
				t.Errorf("outcomes for a fault of our own: %+v", all)
			}
			stop()
			r.run(time.Minute)
			if o := r.only(); o.Type != event.Refreshed {
				t.Errorf("outcome %+v", o)
			}
		})
	})
}
