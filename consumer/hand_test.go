package consumer_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/producer/event"
	"nightshift/state"
)

// hand is a worker that a test moves step by step, so that it can die between
// any two of them. It keeps no heartbeat.
type hand struct {
	*rig
	msg   jetstream.Msg
	seq   uint64
	job   event.Job
	lease state.Lease
}

// take pulls one nightly job, as a worker named dead does.
func (r *rig) take() *hand {
	r.Helper()
	cons, err := r.js.Consumer(r.Context(), event.StreamJobs, event.Nightly.Durable())
	if err != nil {
		r.Fatal(err)
	}
	msg, err := cons.Next(jetstream.FetchMaxWait(10 * time.Second))
	if err != nil {
		r.Fatal(err)
	}
	meta, err := msg.Metadata()
	if err != nil {
		r.Fatal(err)
	}
	job, err := event.DecodeJob(msg.Subject(), msg.Data())
	if err != nil {
		r.Fatal(err)
	}
	return &hand{rig: r, msg: msg, seq: meta.Sequence.Stream, job: job, lease: state.Lease{
		LoginID: job.LoginID, Cycle: job.Cycle, Owner: "dead", Fence: meta.Sequence.Stream,
	}}
}

func (h *hand) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *hand) claim() {
	h.Helper()
	held, err := h.store.Claim(h.Context(), h.lease, 30*time.Second)
	h.must(err)
	if held.Verdict != state.Claimed {
		h.Fatalf("claim: %s", held.Verdict)
	}
}

func (h *hand) recordLive(n int) {
	h.Helper()
	h.must(h.store.RecordLive(h.Context(), h.lease, n))
	data, err := event.LiveCalls{Cycle: h.job.Cycle, Live: n}.Encode()
	h.must(err)
	_, err = h.js.Publish(h.Context(), event.LiveSubject(h.job.LoginID), data)
	h.must(err)
}

// authorize makes the call, and forgets what came back.
func (h *hand) authorize(req flinks.AuthorizeRequest) {
	h.Helper()
	token, err := h.client.GenerateAuthorizeToken(h.Context())
	h.must(err)
	_, err = h.client.Authorize(h.Context(), token, req)
	if _, answered := errors.AsType[*flinks.Error](err); !answered {
		h.must(err)
	}
}

// outcome is what the dead worker had found out.
func (h *hand) outcome() event.Outcome {
	return event.Outcome{
		LoginID: h.job.LoginID, Cycle: h.job.Cycle, Lane: h.job.Lane,
		Type: event.ReconnectRequired, Reason: event.Refused, FlinksCode: "TOLD_BY_THE_DEAD",
		Timings: event.Timings{Published: h.job.Published, Ended: time.Now().UTC()}, Job: h.job.Asked(),
	}
}

func (h *hand) keep() {
	h.Helper()
	_, err := h.rig.keep.Put(h.Context(), h.job.LoginID, []byte(`{"by":"the dead"}`))
	h.must(err)
}

func (h *hand) tell(o event.Outcome) {
	h.Helper()
	data, err := o.Encode()
	h.must(err)
	msg := &nats.Msg{Subject: o.Subject(), Data: data, Header: nats.Header(o.Headers())}
	_, err = h.js.PublishMsg(h.Context(), msg, jetstream.WithMsgID(o.ID()))
	h.must(err)
}

func (h *hand) finish(o event.Outcome) {
	h.Helper()
	h.must(h.store.Finish(h.Context(), h.lease, state.Ending{
		Type: string(o.Type), Reason: string(o.Reason), Ended: o.Timings.Ended, Refused: true,
	}))
}

// park publishes the job's continuation and returns its sequence.
func (h *hand) park(after time.Duration, change func(*event.Job)) uint64 {
	h.Helper()
	next := h.job
	next.Attempt++
	change(&next)
	data, err := json.Marshal(next)
	h.must(err)
	msg := nats.NewMsg(event.RetrySubject(next.LoginID, next.Lane))
	msg.Data = data
	msg.Header.Set(jetstream.ScheduleHeader, "@at "+time.Now().Add(after).UTC().Format(time.RFC3339Nano))
	msg.Header.Set(jetstream.ScheduleTargetHeader, next.Subject())
	ack, err := h.js.PublishMsg(h.Context(), msg, jetstream.WithMsgID(next.MsgID()))
	h.must(err)
	return ack.Sequence
}

// run works until the stream is empty, and stops.
func (r *rig) run(atMost time.Duration, change ...func(*consumer.Worker)) time.Duration {
	r.Helper()
	stop := r.start(r.worker("w", change...))
	took := r.drain(atMost)
	stop()
	return took
}

// until lets time pass until something holds.
func (r *rig) until(what string, atMost time.Duration, holds func() bool) {
	r.Helper()
	for begin := time.Now(); !holds(); time.Sleep(100*time.Millisecond + time.Since(begin)/50) {
		if time.Since(begin) > atMost {
			r.Fatalf("not within %v: %s\n%s", atMost, what, r.log)
		}
	}
}

// waiting are the jobs in the stream, parked ones included.
func (r *rig) waiting() []event.Job {
	r.Helper()
	var all []event.Job
	for _, m := range r.messages(event.StreamJobs) {
		var j event.Job
		if err := json.Unmarshal(m.Data, &j); err != nil {
			r.Fatal(err)
		}
		all = append(all, j)
	}
	return all
}

// made counts a login's calls of one kind, as [rig.calls] names them.
func (r *rig) made(loginID, call string) (n int) {
	for _, c := range r.calls(loginID) {
		if c == call {
			n++
		}
	}
	return n
}

// oneEach checks that every job has exactly one outcome.
func (r *rig) oneEach(jobs []event.Job) {
	r.Helper()
	told := map[string]int{}
	for _, o := range r.outcomes() {
		told[o.ID()]++
	}
	for _, j := range jobs {
		if told[j.OutcomeID()] != 1 {
			r.Errorf("%s has %d outcomes, want 1", j.OutcomeID(), told[j.OutcomeID()])
		}
	}
	if len(told) != len(jobs) {
		r.Errorf("%d cycles have ended, want %d", len(told), len(jobs))
	}
}

// liveWithin checks the bound of live calls, as the bank saw them.
func (r *rig) liveWithin(most int) {
	r.Helper()
	for id, s := range r.sim.LoginStats() {
		if s.Live > most {
			r.Errorf("login %s: the bank was asked %d times, at most %d are allowed", id, s.Live, most)
		}
	}
}

func (r *rig) flush() { r.redis.FlushAll() }

// diff compares two values as a whole.
func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// debugLog is the logbook with every line that a worker can write.
func (r *rig) debugLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// headers are a stored message's own, without what the server adds when it
// hands it out.
func headers(m *jetstream.RawStreamMsg) []string {
	own := maps.Clone(m.Header)
	for _, added := range []string{
		jetstream.StreamHeader, jetstream.SubjectHeader, jetstream.SequenceHeader, jetstream.TimeStampHeaer,
	} {
		delete(own, added)
	}
	return slices.Sorted(maps.Keys(own))
}
