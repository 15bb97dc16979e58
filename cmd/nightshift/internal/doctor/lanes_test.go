package doctor

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

func TestFacts(t *testing.T) {
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	pause := []string{"nats consumer resume REFRESH_JOBS nightly"}
	consume := []string{"nightshift consume", "or, if workers are running, look in their logs for why pulling is paused"}
	for _, tc := range []struct {
		rule string
		have facts
		want Check
	}{
		{"nothing to do, and nobody there", facts{}, ok("", "no job waits, and no worker is pulling")},
		{"nothing to do", facts{pulls: 2}, ok("", "no job waits, workers are pulling")},
		{"work goes on", facts{ready: 12, inHand: 3, pulls: 1, oldest: ago(time.Hour), active: now},
			ok("", "12 jobs ready, 3 in hand, the oldest queued 1h ago")},
		{"all workers are busy", facts{ready: 1, inHand: 3, oldest: ago(90 * time.Second), active: ago(4 * time.Minute)},
			ok("", "1 job ready, 3 in hand, the oldest queued 2m ago")},
		{"nobody pulls", facts{ready: 2, oldest: ago(3 * time.Second), active: now},
			Check{Found: Warning, Says: "2 jobs ready, 0 in hand, the oldest queued 3s ago, and no worker is pulling", Mend: consume}},
		{"nobody finishes anything", facts{ready: 2, inHand: 3, oldest: ago(50 * time.Hour), active: ago(6 * time.Minute)},
			Check{Found: Warning, Says: "2 jobs ready, 3 in hand, the oldest queued 2 days ago, but none was taken or finished for 6m: the workers may be dead",
				Mend: []string{"look in the workers' logs", "nightshift consume"}}},
		{"the last jobs take long", facts{inHand: 1, pulls: 3, oldest: ago(time.Hour), active: ago(20 * time.Minute)},
			ok("", "0 jobs ready, 1 in hand, the oldest queued 1h ago")},
		{"jobs come back again and again", facts{inHand: 20, repeated: 10, pulls: 1, oldest: now, active: now},
			Check{Found: Warning, Says: "0 jobs ready, 20 in hand, the oldest queued 0s ago, 10 of them not for the first time: workers die, or hand jobs back",
				Mend: []string{"look in the workers' logs for the reason"}}},
		{"some come back after a restart", facts{inHand: 9, repeated: 9, pulls: 1, oldest: now, active: now},
			ok("", "0 jobs ready, 9 in hand, the oldest queued 0s ago")},
		{"few of many come back", facts{inHand: 21, repeated: 10, pulls: 1, oldest: now, active: now},
			ok("", "0 jobs ready, 21 in hand, the oldest queued 0s ago")},
		{"paused", facts{ready: 1, pulls: 1, oldest: now, active: now, paused: time.Hour},
			Check{Found: Warning, Says: "1 job ready, 0 in hand, the oldest queued 0s ago; the consumer is paused for another 1h", Mend: pause}},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			tc.have.now = now
			equal(t, tc.want, tc.have.judge("", event.Nightly))
		})
	}
}

// The facts of a real lane.
func TestLanes(t *testing.T) {
	t.Parallel()
	p := onlyNATS(t)
	look := func() facts {
		t.Helper()
		f, err := laneFacts(t.Context(), p.JS, event.Nightly)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	counts := func(f facts) facts {
		return facts{ready: f.ready, inHand: f.inHand, repeated: f.repeated, pulls: f.pulls}
	}
	compare := func(want facts) {
		t.Helper()
		if got := counts(look()); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	compare(facts{})
	publish(t, p.JS, "a", "b", "c")
	compare(facts{ready: 3})
	msg := take(t, p.JS)
	compare(facts{ready: 2, inHand: 1})
	if err := msg.Nak(); err != nil {
		t.Fatal(err)
	}
	take(t, p.JS)
	compare(facts{ready: 2, inHand: 1, repeated: 1})
	if f := look(); f.now.Sub(f.active) > 10*time.Second || f.now.Sub(f.oldest) > 10*time.Second {
		t.Errorf("got %+v", f)
	}
	t.Run("a worker that waits for a job is seen", func(t *testing.T) {
		cons, err := p.JS.Consumer(t.Context(), event.StreamJobs, "ondemand")
		if err != nil {
			t.Fatal(err)
		}
		batch, err := cons.Fetch(1, jetstream.FetchMaxWait(2*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		until(t, func() bool {
			f, err := laneFacts(t.Context(), p.JS, event.OnDemand)
			return err == nil && f.pulls > 0
		})
		for range batch.Messages() {
			t.Error("a job came")
		}
	})
	t.Run("a consumer that is paused is seen", func(t *testing.T) {
		if _, err := p.JS.PauseConsumer(t.Context(), event.StreamJobs, "nightly", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got := look().paused; got < 50*time.Minute {
			t.Errorf("got %s", got)
		}
	})
	t.Run("without its consumer a lane is skipped", func(t *testing.T) {
		if err := p.JS.DeleteConsumer(t.Context(), event.StreamJobs, "nightly"); err != nil {
			t.Fatal(err)
		}
		equal(t, skipped("jobs nightly", "its consumer is missing"), (&visit{Patient: p}).lane(t.Context(), event.Nightly))
	})
}

// A worker that is between two pulls at the first look is no stall.
func TestNoStallBetweenTwoPulls(t *testing.T) {
	t.Parallel()
	p := onlyNATS(t)
	publish(t, p.JS, "a")
	seen := make(chan struct{}, 16)
	sub, err := p.Conn.Subscribe("$JS.API.DIRECT.GET."+event.StreamJobs, func(*nats.Msg) { seen <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	got := make(chan Check, 1)
	go func() { got <- (&visit{Patient: p}).lane(t.Context(), event.Nightly) }()
	<-seen // The last request of the first look.
	take(t, p.JS)
	equal(t, OK, (<-got).Found)
}

func TestParked(t *testing.T) {
	t.Parallel()
	p := onlyNATS(t)
	look := func(orphaned int) []Check { return (&visit{Patient: p, orphaned: orphaned}).parked(t.Context()) }
	equal(t, []Check{ok("jobs parked", "none")}, look(0))
	publish(t, p.JS, "x", "y")
	for range 2 {
		take(t, p.JS)
		equal(t, []Check{ok("jobs parked", "none")}, look(0))
	}
	park(t, p.JS, "c")
	equal(t, []Check{ok("jobs parked", "1 job")}, look(0))
	park(t, p.JS, "d")
	equal(t, []Check{ok("jobs parked", "2 jobs")}, look(0))
	orphan(t, p.JS)
	equal(t, []Check{ok("jobs parked", "2 jobs")}, look(1))

	t.Run("one that is long overdue", func(t *testing.T) {
		now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
		equal(t, Check{Name: "jobs parked", Found: Warning,
			Says: "7 jobs, one of them overdue for 3m: the NATS server does not fire scheduled messages",
			Mend: []string{"restart the NATS server; in a cluster: nats stream cluster step-down REFRESH_JOBS"},
		}, judgeParked("jobs parked", 7, "@at 2026-11-22T04:57:00.5Z", now))
		equal(t, ok("jobs parked", "7 jobs"), judgeParked("jobs parked", 7, "@at 2026-11-22T04:59:00Z", now))
		equal(t, ok("jobs parked", "7 jobs"), judgeParked("jobs parked", 7, "@every 5m", now))
	})
}
