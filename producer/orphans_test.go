package producer_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

// orphan makes the job of login a an orphan, and returns it with the night. A
// consumer that saw nothing but login b acked a later message, and then took
// on the whole lane.
func orphan(t *testing.T) (jetstream.JetStream, producer.Orphan) {
	t.Helper()
	js := newNight(t)
	cons, err := js.Consumer(t.Context(), event.StreamJobs, event.Nightly.Durable())
	if err != nil {
		t.Fatal(err)
	}
	cfg := cons.CachedInfo().Config
	publishOne(t, js, tonight, "a")
	publishOne(t, js, tonight, "b")
	cfg.FilterSubject = event.ReadySubject("b", event.Nightly)
	if _, err := js.UpdateConsumer(t.Context(), event.StreamJobs, cfg); err != nil {
		t.Fatal(err)
	}
	ack(t, take(t, js, event.Nightly))
	cfg.FilterSubject = event.Nightly.Filter()
	if _, err := js.UpdateConsumer(t.Context(), event.StreamJobs, cfg); err != nil {
		t.Fatal(err)
	}
	wantOrphans(t, js, producer.Orphan{Lane: event.Nightly, Subject: event.ReadySubject("a", event.Nightly), Sequence: 1})
	return js, producer.Orphan{Lane: event.Nightly, Subject: event.ReadySubject("a", event.Nightly), Sequence: 1}
}

func wantOrphans(t *testing.T, js jetstream.JetStream, want ...producer.Orphan) {
	t.Helper()
	got, err := producer.Orphans(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func rescue(t *testing.T, js jetstream.JetStream, o producer.Orphan, want producer.Rescued) {
	t.Helper()
	got, err := o.Rescue(t.Context(), js)
	if err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// nothingComes tells that the lane has no job for a worker.
func nothingComes(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	info, err := js.Consumer(t.Context(), event.StreamJobs, event.Nightly.Durable())
	if err != nil {
		t.Fatal(err)
	}
	if c := info.CachedInfo(); c.NumPending+uint64(c.NumAckPending) != 0 {
		t.Errorf("%d jobs wait, %d are in hand", c.NumPending, c.NumAckPending)
	}
}

func encode(t *testing.T, job event.Job) []byte {
	t.Helper()
	data, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// toldOf writes an outcome as a worker does.
func toldOf(t *testing.T, js jetstream.JetStream, login, cycle string) {
	t.Helper()
	o := event.Outcome{LoginID: login, Cycle: cycle, Lane: event.Nightly, Type: event.Refreshed}
	if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: o.Subject(), Header: nats.Header(o.Headers())}); err != nil {
		t.Fatal(err)
	}
}

// meanwhile lets something happen just before or after a publication.
type meanwhile struct {
	jetstream.JetStream
	before, after func()
}

func (m meanwhile) PublishMsg(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if m.before != nil {
		m.before()
	}
	ack, err := m.JetStream.PublishMsg(ctx, msg, opts...)
	if m.after != nil {
		m.after()
	}
	return ack, err
}

func TestOrphansAreNotWhatWorkersHaveInHand(t *testing.T) {
	t.Parallel()
	js := newNight(t)
	publishOne(t, js, tonight, "a")
	publishOne(t, js, tonight, "b")
	publishOne(t, js, tonight, "c")
	wantOrphans(t, js) // Waiting.
	first, second := take(t, js, event.Nightly), take(t, js, event.Nightly)
	wantOrphans(t, js) // In hand.
	ack(t, second)
	wantOrphans(t, js) // In hand, and a later one is done.
	if err := first.NakWithDelay(time.Hour); err != nil {
		t.Fatal(err)
	}
	wantOrphans(t, js) // Handed back for later.
	park(t, js, take(t, js, event.Nightly))
	wantOrphans(t, js) // Parked.
	t.Run("a lane without a consumer has none", func(t *testing.T) {
		if err := js.DeleteConsumer(t.Context(), event.StreamJobs, event.Nightly.Durable()); err != nil {
			t.Fatal(err)
		}
		wantOrphans(t, js)
	})
}

func TestRescue(t *testing.T) {
	t.Parallel()
	ready := event.ReadySubject("a", event.Nightly)
	t.Run("the same job comes to a worker, once", func(t *testing.T) {
		js, o := orphan(t)
		nothingComes(t, js)
		stream, err := js.Stream(t.Context(), event.StreamJobs)
		if err != nil {
			t.Fatal(err)
		}
		before, err := stream.GetMsg(t.Context(), o.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		rescue(t, js, o, producer.Requeued)
		wantOrphans(t, js)
		if diff := cmp.Diff(map[string]uint64{ready: 1}, subjects(t, js)); diff != "" {
			t.Error(diff)
		}
		msg := take(t, js, event.Nightly)
		if diff := cmp.Diff(string(before.Data), string(msg.Data())); diff != "" {
			t.Error(diff)
		}
		ack(t, msg)
		nothingComes(t, js)
	})
	t.Run("a crash before the deletion doubles nothing", func(t *testing.T) {
		js, o := orphan(t)
		again := nats.NewMsg(ready)
		again.Data = encode(t, tonight.Job(producer.Entry{LoginID: "a"}, time.Now()))
		if _, err := js.PublishMsg(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		rescue(t, js, o, producer.Removed)
		if diff := cmp.Diff(map[string]uint64{ready: 1}, subjects(t, js)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a job that goes on parked is not begun again", func(t *testing.T) {
		js, o := orphan(t)
		job := tonight.Job(producer.Entry{LoginID: "a"}, time.Now())
		job.Attempt = 2
		parked := nats.NewMsg(event.RetrySubject("a", event.Nightly))
		parked.Data = encode(t, job)
		parked.Header.Set(jetstream.ScheduleHeader, "@at "+time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano))
		parked.Header.Set(jetstream.ScheduleTargetHeader, ready)
		if _, err := js.PublishMsg(t.Context(), parked); err != nil {
			t.Fatal(err)
		}
		rescue(t, js, o, producer.Removed)
		if diff := cmp.Diff(map[string]uint64{parked.Subject: 1}, subjects(t, js)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a job that has ended is not done again, however long ago", func(t *testing.T) {
		js, o := orphan(t)
		toldOf(t, js, "a", "2026-11-21")
		toldOf(t, js, "a", tonight.Cycle)
		toldOf(t, js, "a", "2026-11-23")
		rescue(t, js, o, producer.Removed)
		if diff := cmp.Diff(map[string]uint64{}, subjects(t, js)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the outcome of another cycle or login is not its outcome", func(t *testing.T) {
		js, o := orphan(t)
		toldOf(t, js, "a", "2026-11-21")
		toldOf(t, js, "b", tonight.Cycle)
		rescue(t, js, o, producer.Requeued)
	})
	t.Run("the job of a later cycle does not stand for it", func(t *testing.T) {
		js, o := orphan(t)
		tomorrow := tonight
		tomorrow.Cycle = "2026-11-23"
		next := nats.NewMsg(ready)
		next.Data = encode(t, tomorrow.Job(producer.Entry{LoginID: "a"}, time.Now()))
		if _, err := js.PublishMsg(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		rescue(t, js, o, producer.Requeued)
		if diff := cmp.Diff(map[string]uint64{ready: 2}, subjects(t, js)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("what is no job goes where it can be seen, by way of a worker", func(t *testing.T) {
		js, _ := orphan(t)
		broken, err := js.Publish(t.Context(), event.ReadySubject("c", event.Nightly), []byte("no job"))
		if err != nil {
			t.Fatal(err)
		}
		rescue(t, js, producer.Orphan{Lane: event.Nightly, Subject: event.ReadySubject("c", event.Nightly), Sequence: broken.Sequence}, producer.Requeued)
		if got := string(take(t, js, event.Nightly).Data()); got != "no job" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("of two rescues at once only one queues it", func(t *testing.T) {
		js, o := orphan(t)
		rescue(t, meanwhile{js, func() { rescue(t, js, o, producer.Requeued) }, nil}, o, producer.Absent)
		if diff := cmp.Diff(map[string]uint64{ready: 1}, subjects(t, js)); diff != "" {
			t.Error(diff)
		}
		rescue(t, js, o, producer.Absent)
	})
	t.Run("an orphan that is deleted meanwhile is no trouble", func(t *testing.T) {
		js, o := orphan(t)
		rescue(t, meanwhile{js, nil, func() {
			stream, err := js.Stream(t.Context(), event.StreamJobs)
			if err == nil {
				err = stream.DeleteMsg(t.Context(), o.Sequence)
			}
			if err != nil {
				t.Error(err)
			}
		}}, o, producer.Requeued)
	})
	t.Run("without the outcomes nothing is touched", func(t *testing.T) {
		js, o := orphan(t)
		if err := js.DeleteStream(t.Context(), event.StreamOutcomes); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Rescue(t.Context(), js); err == nil {
			t.Error("no error")
		}
		wantOrphans(t, js, o)
	})
}

// TestRescueAll: what is an orphan twice is rescued, and what was only acked
// at that moment is left alone.
func TestRescueAll(t *testing.T) {
	t.Parallel()
	t.Run("an orphan comes back to the workers", func(t *testing.T) {
		t.Parallel()
		js, _ := orphan(t)
		got, err := producer.RescueAll(t.Context(), js, time.Millisecond)
		if diff := cmp.Diff(map[producer.Rescued]int{producer.Requeued: 1}, got); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
		take(t, js, event.Nightly)
	})
	t.Run("where there is none nothing happens, at once", func(t *testing.T) {
		t.Parallel()
		js := newNight(t)
		publishOne(t, js, tonight, "a")
		if got, err := producer.RescueAll(t.Context(), js, time.Hour); err != nil || got != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("one that is gone the second time was none", func(t *testing.T) {
		t.Parallel()
		js, o := orphan(t)
		done := make(chan map[producer.Rescued]int, 1)
		go func() {
			got, _ := producer.RescueAll(t.Context(), js, time.Second)
			done <- got
		}()
		stream, err := js.Stream(t.Context(), event.StreamJobs)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(300*time.Millisecond, func() { _ = stream.DeleteMsg(context.Background(), o.Sequence) })
		if got := <-done; len(got) != 0 {
			t.Errorf("rescued %v", got)
		}
	})
}
