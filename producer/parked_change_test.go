package producer_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

// fate does one change that must not be an error.
func fate(t testing.TB, do func() (producer.Fate, error)) producer.Fate {
	t.Helper()
	f, err := do()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// now fires a parked job.
func now(t testing.TB, p *producer.ParkedJobs, seq uint64) producer.Fate {
	t.Helper()
	return fate(t, func() (producer.Fate, error) { return p.Now(t.Context(), seq) })
}

// cancel ends a parked job.
func cancel(t testing.TB, p *producer.ParkedJobs, seq uint64) producer.Fate {
	t.Helper()
	return fate(t, func() (producer.Fate, error) { return p.Cancel(t.Context(), seq) })
}

// held is everything that a stream holds.
func held(t testing.TB, js jetstream.JetStream, stream string) []*jetstream.RawStreamMsg {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		if m, err := s.GetMsg(t.Context(), seq); err == nil {
			all = append(all, m)
		}
	}
	return all
}

// outcomes are the types and reasons that were told, in order.
func outcomes(t testing.TB, js jetstream.JetStream) []string {
	t.Helper()
	all := []string{}
	for _, m := range held(t, js, event.StreamOutcomes) {
		o, err := event.DecodeOutcome(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s %s %s", o.LoginID, o.Cycle, o.Type, o.Reason))
	}
	return all
}

// tellAs publishes an outcome as a worker does; with an id, it is told once.
func tellAs(t testing.TB, js jetstream.JetStream, j event.Job, typ event.Type, reason event.Reason, id string) {
	t.Helper()
	o := event.Outcome{LoginID: j.LoginID, Cycle: j.Cycle, Lane: j.Lane, Type: typ, Reason: reason, Job: j.Asked()}
	data, err := o.Encode()
	if err != nil {
		t.Error(err)
	}
	m := &nats.Msg{Subject: o.Subject(), Data: data, Header: nats.Header(o.Headers())}
	if id != "" {
		m.Header.Set(jetstream.MsgIDHeader, id)
	}
	if _, err := js.PublishMsg(t.Context(), m); err != nil {
		t.Error(err)
	}
}

func TestNow(t *testing.T) {
	t.Run("it fires at once and as it stands, also just after it was parked", func(t *testing.T) {
		js := newNight(t)
		p := openParked(t, js)
		m := scheduled(t, waitingJob("ann"))
		seq := send(t, js, m)
		diff(t, producer.Fired, now(t, p, seq))
		got := take(t, js, event.Nightly)
		diff(t, string(m.Data), string(got.Data()))
		diff(t, []string{traceparent, string(event.BankUnavailable)},
			[]string{got.Headers().Get(event.HeaderTraceparent), got.Headers().Get(event.HeaderParked)})
		ack(t, got)
		if left := held(t, js, event.StreamJobs); len(left) > 0 {
			t.Errorf("left: %v", left[0])
		}
	})

	t.Run("by the server's own clock it is due already, and it expects the message that was read", func(t *testing.T) {
		js := newNight(t)
		m := scheduled(t, waitingJob("ann"))
		send(t, js, m)
		raw := held(t, js, event.StreamJobs)[0]
		diff(t, &nats.Msg{Subject: m.Subject, Data: m.Data, Header: nats.Header{
			jetstream.ScheduleHeader:            {"@at " + raw.Time.Format(time.RFC3339Nano)},
			jetstream.ScheduleTargetHeader:      {event.ReadySubject("ann", event.Nightly)},
			jetstream.ExpectedStreamHeader:      {event.StreamJobs},
			jetstream.ExpectedLastSubjSeqHeader: {fmt.Sprint(raw.Sequence)},
			event.HeaderParked:                  {string(event.BankUnavailable)},
			event.HeaderTraceparent:             {traceparent},
		}}, producer.Firing(raw))
	})

	t.Run("one that has fired is left alone", func(t *testing.T) {
		js := newNight(t)
		p := openParked(t, js)
		seq := send(t, js, scheduled(t, waitingJob("ann")))
		now(t, p, seq)
		take(t, js, event.Nightly)
		diff(t, producer.Gone, now(t, p, seq))
		diff(t, map[string]uint64{event.ReadySubject("ann", event.Nightly): 1}, subjects(t, js))
	})

	t.Run("one that was parked anew is left alone", func(t *testing.T) {
		js := newNight(t)
		p := openParked(t, js)
		seq := send(t, js, scheduled(t, waitingJob("ann")))
		again := waitingJob("ann", func(j *event.Job) { j.Attempt++ })
		next := send(t, js, scheduled(t, again))
		diff(t, producer.Gone, now(t, p, seq))
		all := list(t, p, producer.ParkedFilter{})
		if len(all) != 1 || all[0].Seq != next || !all[0].Due.Equal(later) {
			t.Errorf("got %+v", all)
		}
	})

	t.Run("a message that waits for a worker is none of them", func(t *testing.T) {
		js := newNight(t)
		seq := send(t, js, foreign(event.ReadySubject("ann", event.Nightly), "ready"))
		diff(t, producer.Gone, now(t, openParked(t, js), seq))
		diff(t, map[string]uint64{event.ReadySubject("ann", event.Nightly): 1}, subjects(t, js))
	})

	t.Run("what is no job goes to a worker, too", func(t *testing.T) {
		js := newNight(t)
		seq := send(t, js, foreign(event.RetrySubject("ann", event.Nightly), "no job\x00", "mine", "kept", jetstream.ScheduleTTLHeader, "1s"))
		diff(t, producer.Fired, now(t, openParked(t, js), seq))
		got := take(t, js, event.Nightly)
		diff(t, []string{"no job\x00", "kept"}, []string{string(got.Data()), got.Headers().Get("mine")})
	})

	t.Run("but not where no worker would find it", func(t *testing.T) {
		js := newNight(t)
		seq := send(t, js, foreign("refresh.job.ann.moon.retry", "no job"))
		diff(t, producer.Unreadable, now(t, openParked(t, js), seq))
		diff(t, map[string]uint64{"refresh.job.ann.moon.retry": 1}, subjects(t, js))
	})

	t.Run("of operators at once, one fires it", func(t *testing.T) {
		js := newNight(t)
		p := openParked(t, js)
		seq := send(t, js, scheduled(t, waitingJob("ann")))
		fates := together(8, func(int) (producer.Fate, error) { return p.Now(t.Context(), seq) })
		diff(t, map[string]int{"fired": 1, "gone": 7}, fates)
		take(t, js, event.Nightly)
		diff(t, map[string]uint64{event.ReadySubject("ann", event.Nightly): 1}, subjects(t, js))
	})
}

// together does the same several times at once, and counts what came of it.
func together(n int, do func(int) (producer.Fate, error)) map[string]int {
	var mu sync.Mutex
	counts := map[string]int{}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			f, err := do(i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				f = producer.Fate(err.Error())
			}
			counts[string(f)]++
		})
	}
	wg.Wait()
	return counts
}

func TestCancel(t *testing.T) {
	const annCancelled = "ann 2026-11-22 failed cancelled"

	t.Run("it is told as a worker would, and nothing is left", func(t *testing.T) {
		js := newNight(t)
		job := waitingJob("ann")
		seq := send(t, js, scheduled(t, job))
		diff(t, producer.Cancelled, cancel(t, openParked(t, js), seq))
		diff(t, 0, len(held(t, js, event.StreamJobs)))
		all := held(t, js, event.StreamOutcomes)
		if len(all) != 1 {
			t.Fatalf("%d outcomes", len(all))
		}
		got, err := event.DecodeOutcome(all[0].Data)
		if err != nil {
			t.Fatal(err)
		}
		if ago := time.Since(got.Timings.Ended); ago < 0 || ago > time.Minute {
			t.Errorf("it ended %v ago", ago)
		}
		want := event.Outcome{
			LoginID: "ann", Cycle: "2026-11-22", Lane: event.Nightly,
			Type: event.Failed, Reason: event.Cancelled, FlinksCode: "RETRY_LATER", Institution: "Some Bank",
			Calls:   event.Calls{Cached: 1, Live: 1},
			Timings: event.Timings{Published: job.Published, Started: job.Spent.Started, Ended: got.Timings.Ended},
			Job:     job.Asked(),
		}
		diff(t, want, got)
		for name, value := range want.Headers() { // as CloudEvents asks
			diff(t, value, all[0].Header[name])
		}
		diff(t, []string{"refresh.outcome.ann.failed", "ann:2026-11-22", traceparent},
			[]string{all[0].Subject, all[0].Header.Get(jetstream.MsgIDHeader), all[0].Header.Get(event.HeaderTraceparent)})
	})

	t.Run("cut off after its outcome, the next call completes it", func(t *testing.T) {
		js := newNight(t)
		job := waitingJob("ann")
		seq := send(t, js, scheduled(t, job))
		tellAs(t, js, job, event.Failed, event.Cancelled, job.OutcomeID())
		diff(t, producer.Cancelled, cancel(t, openParked(t, js), seq))
		diff(t, []string{annCancelled}, outcomes(t, js))
		diff(t, 0, len(held(t, js, event.StreamJobs)))
	})

	t.Run("one that ended in another way is only cleared away", func(t *testing.T) {
		js := newNight(t)
		job := waitingJob("ann")
		seq := send(t, js, scheduled(t, job))
		tellAs(t, js, job, event.Refreshed, event.LiveRefresh, "") // longer ago than the stream knows ids
		diff(t, producer.Ended, cancel(t, openParked(t, js), seq))
		diff(t, []string{"ann 2026-11-22 refreshed live_refresh"}, outcomes(t, js))
		diff(t, 0, len(held(t, js, event.StreamJobs)))
	})

	t.Run("also when the login has ended another job since", func(t *testing.T) {
		js := newNight(t)
		job := waitingJob("ann")
		seq := send(t, js, scheduled(t, job))
		tellAs(t, js, job, event.Refreshed, event.LiveRefresh, job.OutcomeID())
		other := waitingJob("ann", func(j *event.Job) { j.Cycle = "2026-11-23" })
		tellAs(t, js, other, event.Failed, event.Cancelled, other.OutcomeID())
		diff(t, producer.Ended, cancel(t, openParked(t, js), seq))
		diff(t, []string{"ann 2026-11-22 refreshed live_refresh", "ann 2026-11-23 failed cancelled"}, outcomes(t, js))
		diff(t, 0, len(held(t, js, event.StreamJobs)))
	})

	t.Run("an outcome of another cycle does not count", func(t *testing.T) {
		js := newNight(t)
		seq := send(t, js, scheduled(t, waitingJob("ann")))
		tellAs(t, js, waitingJob("ann", func(j *event.Job) { j.Cycle = "2026-11-21" }), event.Refreshed, event.LiveRefresh, "")
		diff(t, producer.Cancelled, cancel(t, openParked(t, js), seq))
		diff(t, []string{"ann 2026-11-21 refreshed live_refresh", annCancelled}, outcomes(t, js))
	})

	t.Run("one that was parked anew goes on", func(t *testing.T) {
		js := newNight(t)
		p := openParked(t, js)
		seq := send(t, js, scheduled(t, waitingJob("ann")))
		next := send(t, js, scheduled(t, waitingJob("ann", func(j *event.Job) { j.Attempt++ })))
		diff(t, producer.Gone, cancel(t, p, seq))
		diff(t, []string{}, outcomes(t, js))
		if all := list(t, p, producer.ParkedFilter{}); len(all) != 1 || all[0].Seq != next {
			t.Errorf("got %+v", all)
		}
	})

	t.Run("one that has fired goes on", func(t *testing.T) {
		js := newNight(t)
		p := openParked(t, js)
		seq := send(t, js, scheduled(t, waitingJob("ann")))
		now(t, p, seq)
		take(t, js, event.Nightly)
		diff(t, producer.Gone, cancel(t, p, seq))
		diff(t, []string{}, outcomes(t, js))
		diff(t, 1, len(held(t, js, event.StreamJobs)))
	})

	t.Run("one whose outcome cannot be told stays parked", func(t *testing.T) {
		js := newNight(t)
		p := openParked(t, js)
		seq := send(t, js, scheduled(t, waitingJob("ann")))
		if err := js.DeleteStream(t.Context(), event.StreamOutcomes); err != nil {
			t.Fatal(err)
		}
		if f, err := p.Cancel(t.Context(), seq); err == nil {
			t.Errorf("it is %s", f)
		}
		diff(t, 1, len(held(t, js, event.StreamJobs)))
	})

	t.Run("what is no job has no outcome, and stays", func(t *testing.T) {
		js := newNight(t)
		seq := send(t, js, foreign(event.RetrySubject("ann", event.Nightly), "no job"))
		diff(t, producer.Unreadable, cancel(t, openParked(t, js), seq))
		diff(t, []string{}, outcomes(t, js))
		diff(t, 1, len(held(t, js, event.StreamJobs)))
	})
}

// Whoever is faster, a worker or one of two operators, there is one outcome.
func TestCancelAtOnce(t *testing.T) {
	js := newNight(t)
	p := openParked(t, js)
	const logins = 40
	jobs := make([]event.Job, logins)
	seqs := make([]uint64, logins)
	for i := range logins {
		jobs[i] = waitingJob(fmt.Sprintf("login-%d", i))
		seqs[i] = send(t, js, scheduled(t, jobs[i]))
	}
	var wg sync.WaitGroup
	fates := make([][]producer.Fate, logins)
	for i := range logins {
		wg.Go(func() { tellAs(t, js, jobs[i], event.Refreshed, event.CachedFresh, jobs[i].OutcomeID()) })
		fates[i] = make([]producer.Fate, 2)
		for operator := range 2 {
			wg.Go(func() { fates[i][operator], _ = p.Cancel(t.Context(), seqs[i]) })
		}
	}
	wg.Wait()
	diff(t, 0, len(held(t, js, event.StreamJobs)))
	all := outcomes(t, js)
	if len(all) != logins {
		t.Errorf("%d outcomes of %d logins", len(all), logins)
	}
	for i, f := range fates {
		said := slices.Contains(f, producer.Cancelled)
		is := slices.Contains(all, jobs[i].LoginID+" 2026-11-22 failed cancelled")
		if said != is || slices.Contains(f, "") {
			t.Errorf("%s: the operators heard %v, but cancelled is %v", jobs[i].LoginID, f, is)
		}
	}
}

func TestAtWork(t *testing.T) {
	js := newNight(t)
	p := openParked(t, js)
	send(t, js, scheduled(t, waitingJob("ann")))
	send(t, js, foreign(event.ReadySubject("bob", event.OnDemand), "x"))
	for login, want := range map[string]bool{"ann": false, "bob": true, "cid": false} {
		got, err := p.AtWork(t.Context(), login)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", login, got, err)
		}
	}
}

// A job may fire at any moment of being cancelled: what the operator hears is
// what was told.
func TestCancelWhatGoes(t *testing.T) {
	js := newNight(t)
	p := openParked(t, js)
	const logins = 100
	seqs := make([]uint64, logins)
	for i := range logins {
		seqs[i] = send(t, js, scheduled(t, waitingJob(fmt.Sprintf("login-%d", i))))
	}
	fates := make([]producer.Fate, logins)
	var wg sync.WaitGroup
	for i := range logins {
		wg.Go(func() { _, _ = p.Now(t.Context(), seqs[i]) })
		wg.Go(func() { fates[i], _ = p.Cancel(t.Context(), seqs[i]) })
	}
	wg.Wait()
	all := outcomes(t, js)
	for i, f := range fates {
		is := slices.Contains(all, fmt.Sprintf("login-%d 2026-11-22 failed cancelled", i))
		if is != (f == producer.Cancelled) || !is && f != producer.Gone {
			t.Errorf("login-%d: the operator heard %q, but cancelled is %v", i, f, is)
		}
	}
}
