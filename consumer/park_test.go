package consumer_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/consumer"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
)

// parkedMsg looks a parked job up as an operator does, by its subject.
func (r *rig) parkedMsg(loginID string) *jetstream.RawStreamMsg {
	r.Helper()
	s, err := r.js.Stream(r.Context(), event.StreamJobs)
	if err != nil {
		r.Fatal(err)
	}
	m, err := s.GetLastMsgForSubject(r.Context(), event.RetrySubject(loginID, event.Nightly))
	if err != nil {
		r.Fatal(err)
	}
	return m
}

func (r *rig) job(data []byte) event.Job {
	r.Helper()
	var j event.Job
	if err := json.Unmarshal(data, &j); err != nil {
		r.Fatal(err)
	}
	return j
}

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// TestParkedJob follows one job through two long waits to its outcome.
func TestParkedJob(t *testing.T) {
	bubble(t, func(r *rig) {
		down := flinkstest.Answer{FlinksCode: "DISABLED_INSTITUTION"}
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{down, down, {}}})
		msg, err := producer.JobMsg(nightly("login-1", func(j *event.Job) {
			j.Extra = map[string]json.RawMessage{"costCentre": json.RawMessage(`{"id":7}`)}
		}))
		if err != nil {
			r.Fatal(err)
		}
		msg.Header.Set(event.HeaderTraceparent, traceparent)
		if _, err := r.js.PublishMsg(r.Context(), msg); err != nil {
			r.Fatal(err)
		}
		r.start(r.worker("w"))

		for live := 1; live <= 2; live++ {
			var m *jetstream.RawStreamMsg
			r.until("it is parked", 2*time.Hour, func() bool {
				all := r.messages(event.StreamJobs)
				if len(all) == 1 && strings.HasSuffix(all[0].Subject, ".retry") && r.job(all[0].Data).Attempt == live+1 {
					m = r.parkedMsg("login-1")
				}
				return m != nil
			})
			checkParked(r, m, live)
			if o := r.count(event.StreamOutcomes); o != 0 {
				t.Errorf("%d outcomes while the job is parked", o)
			}
		}
		r.drain(3 * time.Hour)
		o := r.messages(event.StreamOutcomes)[0]
		if got := o.Header.Get(event.HeaderTraceparent); got != traceparent {
			t.Errorf("traceparent of the outcome is %q", got)
		}
		if told := r.only(); told.Type != event.Refreshed || told.Calls.Live != 3 || string(told.Job.Extra["costCentre"]) != `{"id":7}` {
			t.Errorf("outcome %+v", told)
		}
	})
}

// checkParked holds a parked message to what it promises.
func checkParked(r *rig, m *jetstream.RawStreamMsg, live int) {
	r.Helper()
	diff(r.T, "headers", []string{
		jetstream.ExpectedStreamHeader, jetstream.MsgIDHeader,
		jetstream.MsgRollup, // by the server: one schedule per subject
		jetstream.ScheduleHeader, jetstream.ScheduleTargetHeader, event.HeaderParked, event.HeaderTraceparent,
	}, headers(m))
	if got := m.Header.Get(jetstream.ScheduleTargetHeader); got != event.ReadySubject("login-1", event.Nightly) {
		r.Errorf("it will go to %s", got)
	}
	if why := m.Header.Get(event.HeaderParked); why != string(event.BankUnavailable) {
		r.Errorf("it is parked because of %q", why)
	}
	if m.Header.Get(event.HeaderTraceparent) != traceparent {
		r.Errorf("headers %v", m.Header)
	}
	at, ok := strings.CutPrefix(m.Header.Get(jetstream.ScheduleHeader), "@at ")
	due, err := time.Parse(time.RFC3339Nano, at)
	if err != nil || !ok {
		r.Fatalf("schedule %q: %v", m.Header.Get(jetstream.ScheduleHeader), err)
	}
	j := r.job(m.Data)
	if string(j.Extra["costCentre"]) != `{"id":7}` {
		r.Errorf("unknown fields are %v", j.Extra)
	}
	if j.Attempt != live+1 || j.Spent.Live != live || j.Spent.FlinksCode != "DISABLED_INSTITUTION" {
		r.Errorf("job %+v", j)
	}
	// The wait is the policy's own: read it off the decision that led here.
	before := consumer.Work{Job: j}
	before.Phase = event.PhaseLive
	wait := consumer.DefaultPolicy().Step(before, code("DISABLED_INSTITUTION"), m.Time).After
	if off := due.Sub(m.Time.Add(wait)); off.Abs() > time.Millisecond {
		r.Errorf("due %v after it was parked, want %v", due.Sub(m.Time), wait)
	}
}

// TestDueTime: a parked job is not early, not by a fraction of a second, and
// not much late.
func TestDueTime(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour), Live: []flinkstest.Answer{{FlinksCode: "RETRY_LATER", Latency: 1234 * time.Millisecond}, {}}})
		r.publish(nightly("login-1"))
		r.start(r.worker("w"))
		time.Sleep(10 * time.Second)
		at := strings.TrimPrefix(r.parkedMsg("login-1").Header.Get(jetstream.ScheduleHeader), "@at ")
		due, err := time.Parse(time.RFC3339Nano, at)
		if err != nil || due.Nanosecond() == 0 {
			t.Fatalf("due at %q, want it with its fraction of a second (%v)", at, err)
		}
		calls := len(r.sim.Journal())
		r.drain(time.Hour)
		if late := r.sim.Journal()[calls].Start.Sub(due); late < 0 || late > 2*time.Second {
			t.Errorf("it came back %v after its time", late)
		}
	})
}
