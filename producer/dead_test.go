package producer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

// bury puts a dead letter into the stream, as a worker does.
func bury(t testing.TB, js jetstream.JetStream, reason event.DeadReason, data string) (id uint64) {
	t.Helper()
	return send(t, js, foreign(event.DeadSubject(reason), data,
		event.HeaderDeadError, "what is wrong", event.HeaderDeadSubject, "refresh.job.ann.nightly.ready", event.HeaderDeadSequence, "7"))
}

func openDead(t testing.TB, js jetstream.JetStream) *producer.DeadLetters {
	t.Helper()
	d, err := producer.OpenDead(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func text(t testing.TB, j event.Job) string {
	t.Helper()
	data, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestDeadLetters(t *testing.T) {
	js := newNight(t)
	d := openDead(t, js)
	first := bury(t, js, event.DeadMalformed, "no job \x00\xff")
	second := send(t, js, foreign(event.DeadSubject("strange"), "", event.HeaderDeadSequence, "x"))
	read := func(f producer.DeadFilter) []producer.DeadLetter {
		t.Helper()
		var all []producer.DeadLetter
		for one, err := range d.List(t.Context(), f) {
			if err != nil {
				t.Fatal(err)
			}
			one.At = time.Time{}
			all = append(all, one)
		}
		return all
	}
	all := []producer.DeadLetter{
		{ID: first, Reason: event.DeadMalformed, Error: "what is wrong", Subject: "refresh.job.ann.nightly.ready", Seq: 7, Data: []byte("no job \x00\xff")},
		{ID: second, Reason: "strange", Data: []byte{}},
	}
	diff(t, all, read(producer.DeadFilter{}))
	diff(t, all[:1], read(producer.DeadFilter{Reason: event.DeadMalformed, Since: time.Now().Add(-time.Minute)}))
	diff(t, 0, len(read(producer.DeadFilter{Since: time.Now().Add(time.Minute)})))

	t.Run("one is read by its ID", func(t *testing.T) {
		got, ok, err := d.Get(t.Context(), first)
		if err != nil || !ok || string(got.Data) != "no job \x00\xff" || time.Since(got.At).Abs() > time.Minute {
			t.Errorf("%+v, %v, %v", got, ok, err)
		}
	})
	t.Run("one that is dropped is gone, and dropping it again is no error", func(t *testing.T) {
		for i, want := range []bool{true, false} {
			ok, err := d.Drop(t.Context(), first)
			if err != nil || ok != want {
				t.Errorf("time %d: %v, %v", i, ok, err)
			}
		}
		if _, ok, err := d.Get(t.Context(), first); ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
		diff(t, all[1:], read(producer.DeadFilter{}))
	})
	t.Run("one that never was is gone, too", func(t *testing.T) {
		if ok, err := d.Drop(t.Context(), 9_999); ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
	})
}

func TestDecodeDead(t *testing.T) {
	good := waitingJob("ann")
	for _, tc := range []struct {
		rule, data, want string
	}{
		{"a valid job", text(t, good), ""},
		{"nothing", "", "job is malformed: unexpected end of JSON input"},
		{"no JSON", "hello", "job is malformed: invalid character 'h' looking for beginning of value"},
		{"a version of tomorrow", strings.Replace(text(t, good), `"version":1`, `"version":2`, 1), "job is version: version 2, this Nightshift reads version 1"},
		{"a lane that there is not", strings.Replace(text(t, good), `"nightly"`, `"daily"`, 1), `job is invalid: bad lane "daily": nightly or ondemand`},
		{"a loginId that would reach other subjects", strings.Replace(text(t, good), `"ann"`, `"a.b"`, 1),
			`job is invalid: bad loginId "a.b": only letters, digits, '-' and '_' are allowed`},
		{"far too much", strings.Repeat(" ", 70_000), "job is invalid: it has 70000 bytes, at most 65536 are allowed"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			job, err := producer.DecodeDead([]byte(tc.data))
			if tc.want == "" {
				diff(t, good, job)
				return
			}
			if err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestRetryDead(t *testing.T) {
	retry := func(t *testing.T, js jetstream.JetStream, id uint64, j event.Job) producer.Retried {
		t.Helper()
		r, err := openDead(t, js).Retry(t.Context(), id, j)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	queuedOnce := map[string]uint64{event.ReadySubject("ann", event.Nightly): 1}

	t.Run("the job is queued as it stands, and the letter is gone", func(t *testing.T) {
		js := newNight(t)
		job := waitingJob("ann")
		id := bury(t, js, event.DeadInvalid, "bad")
		diff(t, producer.Retried{Job: job}, retry(t, js, id, job))
		diff(t, text(t, job), string(take(t, js, event.Nightly).Data()))
		diff(t, 0, len(held(t, js, event.StreamDead)))
	})

	t.Run("also when the message that was moved away had the job's own id a moment ago", func(t *testing.T) {
		js := newNight(t)
		job := waitingJob("ann", func(j *event.Job) { j.Attempt = 1 })
		bad := foreign(job.Subject(), "version 2", jetstream.MsgIDHeader, job.MsgID())
		send(t, js, bad)
		ack(t, take(t, js, event.Nightly))
		id := bury(t, js, event.DeadVersion, "version 2")
		retry(t, js, id, job)
		diff(t, queuedOnce, subjects(t, js))
	})

	t.Run("cut off before the letter is gone, the next call completes it", func(t *testing.T) {
		js := newNight(t)
		job := waitingJob("ann")
		id := bury(t, js, event.DeadInvalid, "bad")
		retry(t, js, bury(t, js, event.DeadInvalid, "the same elsewhere"), job)
		diff(t, producer.Retried{Job: job}, retry(t, js, id, job))
		diff(t, queuedOnce, subjects(t, js))
		diff(t, 0, len(held(t, js, event.StreamDead)))
	})

	t.Run("also when a worker was done with the job meanwhile", func(t *testing.T) {
		js := newNight(t)
		job := waitingJob("ann")
		id := bury(t, js, event.DeadInvalid, "bad")
		tellAs(t, js, job, event.Refreshed, event.CachedFresh, job.OutcomeID())
		diff(t, producer.Retried{Job: job, Ended: true}, retry(t, js, id, job))
		diff(t, 0, len(held(t, js, event.StreamJobs)))
		diff(t, 0, len(held(t, js, event.StreamDead)))
	})

	t.Run("another job of the login is not pushed aside, and the letter stays", func(t *testing.T) {
		for _, parked := range []bool{false, true} {
			js := newNight(t)
			other := waitingJob("ann", func(j *event.Job) { j.Cycle = "2026-11-23" })
			m := scheduled(t, other)
			if !parked {
				m = foreign(other.Subject(), text(t, other))
			}
			send(t, js, m)
			id := bury(t, js, event.DeadInvalid, "bad")
			_, err := openDead(t, js).Retry(t.Context(), id, waitingJob("ann"))
			if want := "producer: another job of the login is in the way: that of cycle 2026-11-23 waits in lane nightly"; !errors.Is(err, producer.ErrOtherJob) || err.Error() != want {
				t.Errorf("got %v", err)
			}
			diff(t, 1, len(held(t, js, event.StreamJobs)))
			diff(t, 1, len(held(t, js, event.StreamDead)))
		}
	})

	t.Run("the other lane is no matter", func(t *testing.T) {
		js := newNight(t)
		other := waitingJob("ann", func(j *event.Job) { j.Cycle, j.Lane = "2026-11-23", event.OnDemand })
		send(t, js, foreign(other.Subject(), text(t, other)))
		retry(t, js, bury(t, js, event.DeadInvalid, "bad"), waitingJob("ann"))
		diff(t, 2, len(held(t, js, event.StreamJobs)))
	})

	t.Run("a job that breaks a rule is not published, and the letter stays", func(t *testing.T) {
		js := newNight(t)
		id := bury(t, js, event.DeadInvalid, "bad")
		_, err := openDead(t, js).Retry(t.Context(), id, waitingJob("ann", func(j *event.Job) { j.Lane = "daily" }))
		if err == nil || !strings.Contains(err.Error(), `bad lane "daily"`) {
			t.Errorf("got %v", err)
		}
		diff(t, 0, len(held(t, js, event.StreamJobs)))
		diff(t, 1, len(held(t, js, event.StreamDead)))
	})

	t.Run("of operators at once, one publishes it", func(t *testing.T) {
		js := newNight(t)
		d := openDead(t, js)
		id := bury(t, js, event.DeadInvalid, "bad")
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { _, errs[i] = d.Retry(t.Context(), id, waitingJob("ann")) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		diff(t, queuedOnce, subjects(t, js))
		diff(t, 0, len(held(t, js, event.StreamDead)))
	})
}

// FuzzDecodeLetter: no headers and no subject make a reader panic.
func FuzzDecodeLetter(f *testing.F) {
	f.Add("refresh.dead.invalid", "7", "wrong", []byte("{}"))
	f.Fuzz(func(t *testing.T, subject, seq, why string, data []byte) {
		m := foreign(subject, string(data), event.HeaderDeadSequence, seq, event.HeaderDeadError, why)
		d := producer.DecodeLetter(&jetstream.RawStreamMsg{Subject: subject, Header: m.Header, Data: data})
		if d.Error != why || d.Seq != 0 && fmt.Sprint(d.Seq) != strings.TrimLeft(seq, "0") {
			t.Errorf("%+v", d)
		}
		if job, err := producer.DecodeDead(data); err == nil && job.Check() != nil {
			t.Errorf("taken for a job: %+v", job)
		}
	})
}
