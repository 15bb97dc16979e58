package producer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

// house is all that a producer works with.
type house struct {
	*testing.T
	js     jetstream.JetStream
	redis  *miniredis.Miniredis
	store  *state.Store
	sim    *flinkstest.Server
	flinks *flinks.Client
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, js: newNight(t), redis: miniredis.RunT(t)}
	var err error
	if h.store, err = state.Open("redis://" + h.redis.Addr()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() })
	sim, client := flinkstest.Start(t, flinkstest.Options{})
	h.sim = sim
	h.flinks = &flinks.Client{
		BaseURL: flinkstest.BaseURL, CustomerID: flinkstest.DefaultCustomerID,
		SecretKey: flinkstest.DefaultSecretKey, APIKey: flinkstest.DefaultAPIKey, HTTP: client,
	}
	return h
}

func (h *house) routine(name string) producer.Routine {
	return producer.Routine{
		JS: h.js, State: h.store, Flinks: h.flinks, Name: name, Mode: event.Cached, MostWaiting: 1_000_000,
		Log: slog.New(slog.DiscardHandler),
	}
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// enrol puts logins on the roster.
func (h *house) enrol(ids ...string) {
	h.Helper()
	var list []state.Enrolment
	for _, id := range ids {
		list = append(list, state.Enrolment{LoginID: id})
	}
	_, err := h.store.Enrol(h.Context(), list, time.Now())
	h.must(err)
}

// ended writes an ending into a login's record.
func (h *house) ended(id string, e state.Ending) {
	h.Helper()
	h.must(h.store.Finish(h.Context(), state.Lease{LoginID: id, Cycle: "2026-11-21", Owner: "before"}, e))
}

func (h *house) counts(n state.Night) map[string]int {
	got := maps.Clone(n.Counts)
	maps.DeleteFunc(got, func(_ string, n int) bool { return n == 0 })
	return got
}

// the22nd is the night of these tests.
var the22nd = producer.Night{Cycle: "2026-11-22", Closes: time.Now().Add(4 * time.Hour).UTC().Truncate(time.Millisecond)}

func numbered(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("login-%d", i)
	}
	return all
}

// TestDailyRoutine is the guide's daily routine: step 1 asks for the logins
// that are not eligible, step 2 refreshes every other one.
func TestDailyRoutine(t *testing.T) {
	h := newHouse(t)
	now := time.Now().Truncate(time.Millisecond)
	ago := func(days float64) time.Time { return now.Add(-time.Duration(days * 24 * float64(time.Hour))) }
	h.enrol("due", "new", "off", "told", "fell-out", "challenged", "refused", "retry-later", "ended")
	h.ended("due", state.Ending{Type: "refreshed", Reason: "cached_fresh", Ended: ago(1), Refreshed: true, Cached: true})
	h.must(h.store.Schedule(t.Context(), "off", false))
	h.ended("told", state.Ending{Type: "mfa_required", Reason: "security_challenge", Ended: ago(1), Waiting: true})
	h.ended("fell-out", state.Ending{Type: "refreshed", Reason: "cached_fresh", Ended: ago(9), Refreshed: true, Cached: true})
	h.ended("fell-out", state.Ending{Type: "failed", Reason: "bank_unavailable", Code: "RETRY_LATER", Ended: ago(1), Cached: true})
	h.redis.HSet("nightshift:{fell-out}:login", "since", fmt.Sprint(ago(30).UnixMilli()))
	h.must(h.store.Finish(t.Context(), state.Lease{LoginID: "ended", Cycle: "2026-11-22"}, state.Ending{Type: "refreshed", Ended: now, Refreshed: true}))
	h.sim.Add(
		flinkstest.Login{ID: "challenged", Scheduled: true, LastRefresh: ago(3), Last: flinkstest.Answer{Challenge: []flinkstest.Challenge{{Prompt: "Best country?"}}}},
		flinkstest.Login{ID: "refused", Scheduled: true, LastRefresh: ago(3), Last: flinkstest.Answer{FlinksCode: "INVALID_PASSWORD"}},
		flinkstest.Login{ID: "retry-later", Scheduled: true, LastRefresh: ago(8), Last: flinkstest.Answer{FlinksCode: "RETRY_LATER"}},
		flinkstest.Login{ID: "stranger", Scheduled: true, LastRefresh: ago(3), Last: flinkstest.Answer{FlinksCode: "INVALID_PASSWORD"}},
	)

	night, err := h.routine("p").Run(t.Context(), the22nd, false)
	h.must(err)
	want := map[string]int{"queued": 3, "told": 3, "listed": 4, "ended": 1, "not_scheduled": 1, "waiting_for_holder": 1}
	if diff := cmp.Diff(want, h.counts(night)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	t.Run("a job for every eligible login, to be begun before the window closes", func(t *testing.T) {
		var got []string
		for _, m := range held(t, h.js, event.StreamJobs) {
			j, err := event.DecodeJob(m.Subject, m.Data)
			h.must(err)
			if !j.NotAfter.Equal(the22nd.Closes) || j.Cycle != the22nd.Cycle || j.Lane != event.Nightly {
				t.Errorf("job %+v", j)
			}
			got = append(got, j.LoginID)
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"due", "new", "retry-later"}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("each holder that must act is told once, with the reason", func(t *testing.T) {
		got := map[string]string{}
		for _, m := range held(t, h.js, event.StreamOutcomes) {
			o, err := event.DecodeOutcome(m.Data)
			h.must(err)
			got[o.LoginID] = fmt.Sprintf("%s %s %s", o.Type, o.Reason, o.FlinksCode)
			if m.Header.Get(jetstream.MsgIDHeader) != o.ID() || o.Job.LoginID != o.LoginID || o.Job.Check() != nil {
				t.Errorf("outcome %+v", o)
			}
		}
		want := map[string]string{
			"challenged": "mfa_required challenge_listed ",
			"refused":    "reconnect_required ineligible_at_flinks INVALID_PASSWORD",
			"fell-out":   "reconnect_required no_success_lately RETRY_LATER",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
	next := the22nd
	next.Cycle = "2026-11-23"
	t.Run("and is not told again the night after", func(t *testing.T) {
		before := len(held(t, h.js, event.StreamOutcomes))
		night, err := h.routine("p").Run(t.Context(), next, false)
		h.must(err)
		if n := len(held(t, h.js, event.StreamOutcomes)); n != before || night.Counts["waiting_for_holder"] != 4 {
			t.Errorf("%d more were told; %v", n-before, night.Counts)
		}
	})
	t.Run("until something has changed", func(t *testing.T) {
		h.must(h.store.Reconnected(t.Context(), "refused", time.Now()))
		next.Cycle = "2026-11-24"
		night, err := h.routine("p").Run(t.Context(), next, false)
		h.must(err)
		if night.Counts["told"] != 1 {
			t.Errorf("counts %v: Flinks still lists the one that was reconnected", night.Counts)
		}
	})
	t.Run("nor when Redis has forgotten that it was told", func(t *testing.T) {
		h.redis.FlushAll()
		h.enrol("refused", "challenged")
		before := len(held(t, h.js, event.StreamOutcomes))
		next.Cycle = "2026-11-25"
		_, err := h.routine("p").Run(t.Context(), next, false)
		h.must(err)
		if n := len(held(t, h.js, event.StreamOutcomes)); n != before {
			t.Errorf("%d were told again", n-before)
		}
		if l, err := h.store.Login(t.Context(), "refused"); err != nil || l.Waiting.IsZero() {
			t.Errorf("its record does not know: %+v, %v", l, err)
		}
	})
}

// TestFlinksIsAskedOnce: in a night, however many producers and crashes it has.
// Without an answer the night goes on.
func TestFlinksIsAskedOnce(t *testing.T) {
	h := newHouse(t)
	h.enrol(numbered(10)...)
	asked := func() (n int) {
		for _, c := range h.sim.Journal() {
			if c.Op == "GetNightlyRefreshStatus" {
				n++
			}
		}
		return n
	}
	r := h.routine("p")
	broken := errors.New("the roster cannot be read")
	r.MostWaiting = 0 // nothing is published, so it stops after the question
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	_, err := r.Run(ctx, the22nd, false)
	cancel()
	if !errors.Is(err, context.DeadlineExceeded) || asked() != 1 {
		t.Fatalf("asked %d times, %v", asked(), err)
	}
	for range 2 {
		_, err = h.routine("p").Run(t.Context(), the22nd, false)
		h.must(err)
	}
	if asked() != 1 {
		t.Errorf("asked %d times", asked())
	}
	t.Run("its roster is brought up to date before", func(t *testing.T) {
		r := h.routine("p")
		r.Before = func(context.Context) error { return broken }
		night := the22nd
		night.Cycle = "2026-11-23"
		if _, err := r.Run(t.Context(), night, false); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("refused, it is not asked again and the night goes on", func(t *testing.T) {
		h.sim.RefuseSecret(true)
		night := the22nd
		night.Cycle = "2026-11-24"
		n, err := h.routine("p").Run(t.Context(), night, false)
		h.must(err)
		if n.Counts["queued"]+n.Counts["already"] != 10 {
			t.Errorf("counts %v", n.Counts)
		}
	})
}

// TestProducersRace: several producers come to the same result as one.
func TestProducersRace(t *testing.T) {
	h := newHouse(t)
	h.enrol(numbered(200)...)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			n, err := h.routine(fmt.Sprint("p", i)).Run(t.Context(), the22nd, false)
			if err != nil || n.Done.IsZero() || n.Counts["queued"] != 200 {
				t.Errorf("producer %d: %+v, %v", i, n, err)
			}
		})
	}
	all.Wait()
	if n := len(held(t, h.js, event.StreamJobs)); n != 200 {
		t.Errorf("%d jobs", n)
	}
}

// TestProducerDies: another one takes the night over where it was.
func TestProducerDies(t *testing.T) {
	h := newHouse(t)
	h.enrol(numbered(500)...)
	ctx, die := context.WithCancel(t.Context())
	dying := h.routine("dying")
	dying.Progress = func(share float64, _ map[string]int) {
		if share > 0.4 {
			die()
		}
	}
	if _, err := dying.Run(ctx, the22nd, false); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	h.redis.Set("nightshift:{night:2026-11-22}:lead", "dying") // what a kill -9 leaves behind
	h.redis.SetTTL("nightshift:{night:2026-11-22}:lead", 30*time.Second)
	half := len(held(t, h.js, event.StreamJobs))
	if half == 0 || half == 500 {
		t.Fatalf("%d jobs at its death", half)
	}
	done := make(chan state.Night, 1)
	go func() {
		n, err := h.routine("next").Run(t.Context(), the22nd, false)
		if err != nil {
			t.Error(err)
		}
		done <- n
	}()
	select {
	case <-done:
		t.Fatal("the next one did not wait")
	case <-time.After(100 * time.Millisecond): // it has asked for the lead, or will
	}
	h.redis.FastForward(31 * time.Second)
	n := <-done
	// What was on its way when it died is seen to again, and is there already.
	if c := h.counts(n); c["queued"]+c["already"] != 500 || len(c) > 2 {
		t.Errorf("counts %v", c)
	}
	if n := len(held(t, h.js, event.StreamJobs)); n != 500 {
		t.Errorf("%d jobs", n)
	}
}

// TestMostWaiting: the stream never holds more than a set number of jobs and
// what one go adds to it.
func TestMostWaiting(t *testing.T) {
	h := newHouse(t)
	h.enrol(numbered(300)...)
	r := h.routine("p")
	r.MostWaiting = 100
	done := make(chan error, 1)
	go func() {
		_, err := r.Run(t.Context(), the22nd, false)
		done <- err
	}()
	for range 300 {
		if n := len(subjects(t, h.js)); n > 150 {
			t.Fatalf("%d jobs wait", n)
		}
		ack(t, take(t, h.js, event.Nightly))
	}
	h.must(<-done)
}

// TestAgain: a night that is complete is left as it is, unless it is to be run
// again: then it sees to the logins that have come since.
func TestAgain(t *testing.T) {
	h := newHouse(t)
	h.enrol("login-1")
	run := func(again bool) map[string]int {
		t.Helper()
		n, err := h.routine("p").Run(t.Context(), the22nd, again)
		h.must(err)
		return h.counts(n)
	}
	run(false)
	h.enrol("login-2")
	if diff := cmp.Diff(map[string]int{"queued": 1}, run(false)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"queued": 1, "already": 1}, run(true)); diff != "" {
		t.Error(diff)
	}
	n, err := h.store.Night(t.Context(), the22nd.Cycle)
	h.must(err)
	if diff := cmp.Diff(map[string]int{"queued": 2, "already": 1}, h.counts(n)); diff != "" {
		t.Errorf("the night's record (-want +got):\n%s", diff)
	}
}
