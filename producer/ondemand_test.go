package producer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

// refresh must succeed.
func refresh(t *testing.T, js jetstream.JetStream, loginID string) (event.Job, bool) {
	t.Helper()
	job, already, err := producer.Publisher{JS: js}.Refresh(t.Context(), loginID, event.Cached, event.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return job, already
}

func TestRefresh(t *testing.T) {
	js := newNight(t)
	publishOne(t, js, tonight, "a") // A job of the night is not in the way.
	opts := event.Options{Attributes: "Income", DaysOfTransactions: 90}
	first, already, err := producer.Publisher{JS: js}.Refresh(t.Context(), "a", event.Live, opts)
	if err != nil || already {
		t.Fatalf("already %v, %v", already, err)
	}
	want := event.Job{
		Version: 1, LoginID: "a", Cycle: first.Cycle, Lane: event.OnDemand, Mode: event.Live, Attempt: 1,
		Options: opts, Published: first.Published,
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
	again := func(t *testing.T, want event.Job) {
		t.Helper()
		job, already := refresh(t, js, "a")
		if diff := cmp.Diff(want, job); diff != "" || !already {
			t.Errorf("already %v %s", already, diff)
		}
	}
	t.Run("a second call finds the job that is ready", func(t *testing.T) { again(t, first) })
	msg := take(t, js, event.OnDemand)
	t.Run("or in a worker's hands", func(t *testing.T) { again(t, first) })
	parked := park(t, js, msg)
	t.Run("or parked", func(t *testing.T) { again(t, parked) })
	t.Run("and another login has its own", func(t *testing.T) {
		if job, already := refresh(t, js, "b"); already || job.LoginID != "b" {
			t.Errorf("%+v, already %v", job, already)
		}
		ack(t, take(t, js, event.OnDemand))
	})
	t.Run("after the end there is a new one", func(t *testing.T) {
		s, err := js.Stream(t.Context(), event.StreamJobs)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Purge(t.Context(), jetstream.WithPurgeSubject(event.AnyJobSubject("a", event.OnDemand))); err != nil {
			t.Fatal(err)
		}
		if job, already := refresh(t, js, "a"); already || job.Cycle == first.Cycle {
			t.Errorf("%+v, already %v", job, already)
		}
	})
}

func TestRefreshRefusesWhatFlinksDoesNotOffer(t *testing.T) {
	p := producer.Publisher{JS: newNight(t)}
	for _, test := range []struct {
		rule, loginID string
		mode          event.Mode
		opts          event.Options
		want          string
	}{
		{"a loginId with a wildcard", "a.*", event.Live, event.Options{}, `bad loginId "a.*"`},
		{"no loginId", "", event.Live, event.Options{}, "bad loginId: it is empty"},
		{"a mode", "a", "fast", event.Options{}, `bad mode "fast"`},
		{"an option", "a", event.Live, event.Options{DaysOfTransactions: 7}, "bad daysOfTransactions 7"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			job, already, err := p.Refresh(t.Context(), test.loginID, test.mode, test.opts)
			if err == nil || !strings.Contains(err.Error(), test.want) || already || cmp.Diff(event.Job{}, job) != "" {
				t.Errorf("%+v, %v, %v", job, already, err)
			}
		})
	}
	if got := subjects(t, p.JS); len(got) > 0 {
		t.Errorf("stored: %v", got)
	}
}

func TestRefreshTellsWhenThereIsNoStream(t *testing.T) {
	_, _, err := producer.Publisher{JS: newJetStream(t)}.Refresh(t.Context(), "a", event.Live, event.Options{})
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestRefreshOfAJobWhoseFirstAnswerWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js := plain(t)
		answers(t, js, []string{silence, duplicate})
		if job, already := refresh(t, js, "a"); already || job.LoginID != "a" {
			t.Errorf("%+v, already %v: it is the very job", job, already)
		}
	})
}

// tell writes an outcome as a worker does: again where no answer comes, as when
// the connection was just lost.
func tell(t *testing.T, js jetstream.JetStream, o event.Outcome) {
	t.Helper()
	msg := nats.NewMsg(o.Subject())
	msg.Header = o.Headers()
	var err error
	if msg.Data, err = o.Encode(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err = js.PublishMsg(t.Context(), msg, jetstream.WithMsgID(o.ID())); !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func ending(job event.Job, ty event.Type, why event.Reason) event.Outcome {
	return event.Outcome{
		LoginID: job.LoginID, Cycle: job.Cycle, Lane: job.Lane, Type: ty, Reason: why,
		Timings: event.Timings{Published: job.Published, Ended: job.Published.Add(time.Second)}, Job: job,
	}
}

// awaiting waits in the background.
func awaiting(t *testing.T, js jetstream.JetStream, job event.Job) (result func() event.Outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	got := make(chan event.Outcome, 1)
	go func() {
		defer cancel()
		o, err := producer.Publisher{JS: js}.Await(ctx, job)
		if err != nil {
			t.Error(err)
		}
		got <- o
	}()
	return func() event.Outcome { return <-got }
}

// watched waits until somebody waits for outcomes.
func watched(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
		s, err := js.Stream(t.Context(), event.StreamOutcomes)
		if err != nil {
			t.Fatal(err)
		}
		waiting := 0
		for c := range s.ListConsumers(t.Context()).Info() {
			waiting += c.NumWaiting
		}
		if waiting > 0 {
			return
		}
	}
	t.Fatal("nobody waits for outcomes")
}

func TestAwait(t *testing.T) {
	t.Parallel()
	js := newNight(t)
	t.Run("told before", func(t *testing.T) {
		job, _ := refresh(t, js, "before")
		want := ending(job, event.Refreshed, event.LiveRefresh)
		tell(t, js, want)
		if diff := cmp.Diff(want, awaiting(t, js, job)()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("told after", func(t *testing.T) {
		job, _ := refresh(t, js, "after")
		want := ending(job, event.MFARequired, event.SecurityChallenge)
		result := awaiting(t, js, job)
		watched(t, js)
		tell(t, js, want)
		if diff := cmp.Diff(want, result()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("told before, and another of the kind since", func(t *testing.T) {
		job, _ := refresh(t, js, "hidden")
		want := ending(job, event.Refreshed, event.LiveRefresh)
		tell(t, js, want)
		tell(t, js, ending(tonight.Job(producer.Entry{LoginID: "hidden"}, time.Now()), event.Refreshed, event.CachedFresh))
		if diff := cmp.Diff(want, awaiting(t, js, job)()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("not another cycle's, another login's, or one that cannot be read", func(t *testing.T) {
		job, _ := refresh(t, js, "right")
		tell(t, js, ending(tonight.Job(producer.Entry{LoginID: "right"}, time.Now()), event.Refreshed, event.CachedFresh))
		other := job
		other.LoginID = "wrong"
		tell(t, js, ending(other, event.Refreshed, event.CachedFresh))
		if _, err := js.Publish(t.Context(), event.OutcomeSubject("right", event.Failed), []byte("{")); err != nil {
			t.Fatal(err)
		}
		result := awaiting(t, js, job)
		watched(t, js)
		want := ending(job, event.Failed, event.BankUnavailable)
		tell(t, js, want)
		if diff := cmp.Diff(want, result()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("until the deadline", func(t *testing.T) {
		job, _ := refresh(t, js, "never")
		for _, wait := range []time.Duration{50 * time.Millisecond, 1500 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			begin := time.Now()
			_, err := producer.Publisher{JS: js}.Await(ctx, job)
			if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took < wait || took > wait+time.Second {
				t.Errorf("%v after %v", err, took)
			}
		}
	})
	t.Run("until it is cancelled", func(t *testing.T) {
		job, _ := refresh(t, js, "cancelled")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := (producer.Publisher{JS: js}).Await(ctx, job); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not without a stream", func(t *testing.T) {
		if err := js.DeleteStream(t.Context(), event.StreamOutcomes); err != nil {
			t.Fatal(err)
		}
		job, _ := refresh(t, js, "nowhere")
		if _, err := (producer.Publisher{JS: js}).Await(t.Context(), job); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAwaitOutlivesARestartOfTheServer(t *testing.T) {
	t.Parallel() // It waits for a heartbeat that does not come.
	r := newRestartable(t)
	job, _ := refresh(t, r.js, "a")
	result := awaiting(t, r.js, job)
	watched(t, r.js)
	r.down()
	r.up()
	want := ending(job, event.Refreshed, event.LiveRefresh)
	tell(t, r.js, want)
	if diff := cmp.Diff(want, result()); diff != "" {
		t.Error(diff)
	}
}

func TestAwaitKeepsTheDeadlineWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	r := newRestartable(t)
	job, _ := refresh(t, r.js, "a")
	r.down()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begin := time.Now()
	_, err := producer.Publisher{JS: r.js}.Await(ctx, job)
	if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
		t.Errorf("%v after %v", err, took)
	}
}
