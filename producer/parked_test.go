package producer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// later is a due time that no test lives to see.
var later = time.Date(2099, 11, 22, 5, 0, 0, 123456789, time.UTC)

// waitingJob is a job that was parked once.
func waitingJob(loginID string, edit ...func(*event.Job)) event.Job {
	j := event.Job{
		Version: 1, LoginID: loginID, Institution: "Some Bank", Cycle: "2026-11-22",
		Lane: event.Nightly, Mode: event.Cached, Attempt: 2, Phase: event.PhaseCached,
		Options:   event.Options{DaysOfTransactions: 90},
		Published: time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC),
		Spent: event.Spent{
			Cached: 1, Live: 1, Failures: 1, FlinksCode: "RETRY_LATER",
			Started: time.Date(2026, 11, 22, 4, 1, 0, 0, time.UTC),
		},
		Extra: map[string]json.RawMessage{"costCentre": json.RawMessage(`{"id":7}`)},
	}
	for _, e := range edit {
		e(&j)
	}
	return j
}

// scheduled is the job as a worker parks it.
func scheduled(t testing.TB, j event.Job) *nats.Msg {
	t.Helper()
	data, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	m := nats.NewMsg(event.RetrySubject(j.LoginID, j.Lane))
	m.Data = data
	m.Header.Set(jetstream.ScheduleHeader, "@at "+later.Format(time.RFC3339Nano))
	m.Header.Set(jetstream.ScheduleTargetHeader, j.Subject())
	m.Header.Set(event.HeaderParked, string(event.BankUnavailable))
	m.Header.Set(event.HeaderTraceparent, traceparent)
	m.Header.Set(jetstream.MsgIDHeader, j.MsgID())
	return m
}

// send publishes a message and returns its sequence.
func send(t testing.TB, js jetstream.JetStream, m *nats.Msg) uint64 {
	t.Helper()
	ack, err := js.PublishMsg(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if ack.Duplicate {
		t.Fatalf("%s is a repeat", m.Subject)
	}
	return ack.Sequence
}

// foreign is a message as anybody may send it.
func foreign(subject, data string, headers ...string) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Data = []byte(data)
	for pair := range slices.Chunk(headers, 2) {
		m.Header.Set(pair[0], pair[1])
	}
	return m
}

func openParked(t testing.TB, js jetstream.JetStream) *producer.ParkedJobs {
	t.Helper()
	p, err := producer.OpenParked(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func list(t testing.TB, p *producer.ParkedJobs, f producer.ParkedFilter) []producer.Parked {
	t.Helper()
	var all []producer.Parked
	for one, err := range p.List(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

func diff(t testing.TB, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.Transformer("error", func(err error) string { return fmt.Sprint(err) }), cmpopts.IgnoreUnexported(nats.Msg{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestListParked(t *testing.T) {
	js := newNight(t)
	p := openParked(t, js)
	if all := list(t, p, producer.ParkedFilter{}); len(all) > 0 {
		t.Fatalf("an empty stream has %v", all)
	}
	ann, bob := waitingJob("ann"), waitingJob("bob", func(j *event.Job) { j.Lane = event.OnDemand })
	send(t, js, foreign(event.ReadySubject("cid", event.Nightly), "ready, not parked"))
	seqs := []uint64{
		send(t, js, scheduled(t, ann)),
		send(t, js, scheduled(t, bob)),
		send(t, js, foreign("refresh.job.eve.nightly.retry", "no job", event.HeaderParked, "busy")),
		// A message may pretend to be the server's own word.
		send(t, js, foreign("refresh.job.fay.moon.retry", "", "Status", "404", jetstream.SequenceHeader, "1", jetstream.SubjectHeader, "x", jetstream.TimeStampHeaer, "y")),
	}
	noTime := scheduled(t, waitingJob("gus"))
	noTime.Header.Del(jetstream.ScheduleHeader)
	noTime.Header.Del(jetstream.ScheduleTargetHeader)
	seqs = append(seqs, send(t, js, noTime))

	all := list(t, p, producer.ParkedFilter{})
	for i := range all {
		if since := time.Since(all[i].Since); since < 0 || since > time.Minute {
			t.Errorf("parked %v ago", since)
		}
		all[i].Since = time.Time{}
	}
	diff(t, []producer.Parked{
		{Seq: seqs[0], LoginID: "ann", Lane: event.Nightly, Due: later, Reason: event.BankUnavailable, Job: ann},
		{Seq: seqs[1], LoginID: "bob", Lane: event.OnDemand, Due: later, Reason: event.BankUnavailable, Job: bob},
		{Seq: seqs[2], LoginID: "eve", Lane: event.Nightly, Reason: event.Busy,
			Err: errors.New("job is malformed: invalid character 'o' in literal null (expecting 'u')")},
		{Seq: seqs[3], LoginID: "fay", Lane: "moon", Err: errors.New("job is malformed: unexpected end of JSON input")},
		{Seq: seqs[4], LoginID: "gus", Lane: event.Nightly, Reason: event.BankUnavailable, Job: waitingJob("gus"),
			Err: errors.New("it has no time to fire at")},
	}, all)
	if got := subjects(t, js); len(got) != 6 {
		t.Errorf("reading took something away: %v", slices.Collect(maps.Keys(got)))
	}

	t.Run("logins are looked up by themselves, in any lane", func(t *testing.T) {
		got := list(t, p, producer.ParkedFilter{Logins: []string{"bob", "nobody", "ann", "bob"}})
		if len(got) != 2 || got[0].LoginID != "bob" || got[1].LoginID != "ann" {
			t.Errorf("got %v", got)
		}
	})
}

// What is read in several requests is as complete as in one.
func TestListParkedInBatches(t *testing.T) {
	js := newNight(t)
	const n = 2*producer.BatchMessages + 7
	var want []string
	for i := range n {
		id := fmt.Sprintf("login-%d", i)
		if _, err := js.PublishMsgAsync(scheduled(t, waitingJob(id))); err != nil {
			t.Fatal(err)
		}
		if _, err := js.PublishMsgAsync(foreign(event.ReadySubject(id, event.OnDemand), "beside it")); err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
	}
	<-js.PublishAsyncComplete()
	var got []string
	for _, one := range list(t, openParked(t, js), producer.ParkedFilter{}) {
		got = append(got, one.LoginID)
	}
	diff(t, want, got)
}

func TestParkedFilter(t *testing.T) {
	ann := producer.Parked{LoginID: "ann", Lane: event.Nightly, Reason: event.Busy, Due: later, Job: waitingJob("ann")}
	bad := producer.Parked{LoginID: "ann", Lane: event.Nightly, Reason: event.Busy, Err: errors.New("bad")}
	for _, tc := range []struct {
		rule      string
		f         producer.ParkedFilter
		ann, bad_ bool
	}{
		{"nothing asked fits all", producer.ParkedFilter{}, true, true},
		{"its login", producer.ParkedFilter{Logins: []string{"bob", "ann"}}, true, true},
		{"another login", producer.ParkedFilter{Logins: []string{"bob"}}, false, false},
		{"its lane", producer.ParkedFilter{Lane: event.Nightly}, true, true},
		{"the other lane", producer.ParkedFilter{Lane: event.OnDemand}, false, false},
		{"its reason, which only a job has", producer.ParkedFilter{Reason: event.Busy}, true, false},
		{"another reason", producer.ParkedFilter{Reason: event.Throttled}, false, false},
		{"its cycle", producer.ParkedFilter{Cycle: "2026-11-22"}, true, false},
		{"another cycle", producer.ParkedFilter{Cycle: "2026-11-22-r1"}, false, false},
		{"its bank, whatever the capitals", producer.ParkedFilter{Institution: "some bank"}, true, false},
		{"a part of its bank's name", producer.ParkedFilter{Institution: "Some"}, false, false},
		{"its code, whatever the capitals", producer.ParkedFilter{Code: "retry_later"}, true, false},
		{"another code", producer.ParkedFilter{Code: "RETRY"}, false, false},
		{"due before a later time", producer.ParkedFilter{DueBefore: later.Add(1)}, true, false},
		{"due before its own time", producer.ParkedFilter{DueBefore: later}, false, false},
		{"all must fit", producer.ParkedFilter{Reason: event.Busy, Code: "OTHER"}, false, false},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			diff(t, []bool{tc.ann, tc.bad_}, []bool{tc.f.Match(ann), tc.f.Match(bad)})
		})
	}
}

// FuzzDecodeParked: whatever lies on a retry subject, it is a job with a time,
// or says what is wrong with it.
func FuzzDecodeParked(f *testing.F) {
	good := scheduled(f, waitingJob("ann"))
	f.Add(good.Subject, good.Header.Get(jetstream.ScheduleHeader), "busy", good.Data)
	f.Add("refresh.job.a.b.retry", "@at tomorrow", "", []byte("{}"))
	f.Add("x", "@every 1s", "\x00", []byte(nil))
	f.Fuzz(func(t *testing.T, subject, schedule, reason string, data []byte) {
		m := foreign(subject, string(data), jetstream.ScheduleHeader, schedule, event.HeaderParked, reason)
		p := producer.DecodeParked(&jetstream.RawStreamMsg{Subject: subject, Header: m.Header, Data: data})
		if p.Err == nil && (p.Due.IsZero() && !strings.Contains(schedule, "0001-01-01") || p.Job.Check() != nil || p.Job.LoginID != p.LoginID || p.Job.Lane != p.Lane) {
			t.Errorf("taken for a job: %+v", p)
		}
	})
}

// FuzzReadReply: headers that anybody can send do not stop a list, and none
// makes it read backwards.
func FuzzReadReply(f *testing.F) {
	f.Add("Nats-Sequence", "0", "7", "2026-11-22T04:00:00Z")
	f.Add("Status", "404", "", "")
	f.Fuzz(func(t *testing.T, name, value, seq, stamp string) {
		m := nats.NewMsg("reply")
		m.Header.Add(name, value)
		m.Header.Add(jetstream.SequenceHeader, seq) // the server's own come last
		m.Header.Add(jetstream.TimeStampHeaer, stamp)
		got, err := producer.ReadReply(m)
		if err == nil && got != nil && fmt.Sprint(got.Sequence) != strings.TrimLeft(seq, "0") && got.Sequence != 0 {
			t.Errorf("sequence %q was read as %d", seq, got.Sequence)
		}
	})
}
