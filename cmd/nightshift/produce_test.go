package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

func TestProduce(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 5})
	stores, js := servers(t)
	produce := []string{"produce", "--once", "--cycle", "2026-11-22", "--roster"}

	t.Run("every login is queued once", func(t *testing.T) {
		r := run(t, stores, append(produce, b.roster(t))...)
		equal(t, result{
			Stdout: "cycle 2026-11-22: 5 queued, 0 already queued or done, 0 bad lines\n",
			Stderr: "publishing: 0 of 5\n",
		}, r)
	})

	t.Run("and not again", func(t *testing.T) {
		r := run(t, stores, append(produce, b.roster(t), "--json")...)
		equal(t, produced{Cycle: "2026-11-22", Already: 5}, only[produced](t, r.Stdout))
		if n := messages(t, js, event.StreamJobs); n != 5 {
			t.Errorf("%d jobs", n)
		}
	})

	t.Run("standard input is a roster, and its bad lines are named", func(t *testing.T) {
		r := start(t, stores, csvOf(b.logins[:1], "new-one", "*"), append(produce, "-", "--json")...).result()
		equal(t, produced{Cycle: "2026-11-22", Queued: 1, Already: 1, Bad: 1}, only[produced](t, r.Stdout))
		r.Stdout = ""
		equal(t, result{Code: exitBadLines, Stderr: "roster: line 4: bad loginId \"*\": only letters, digits, '-' and '_' are allowed; left out\n" +
			"nightshift: 1 bad line of the roster was left out\n"}, r)
	})

	t.Run("a roster may be NDJSON", func(t *testing.T) {
		r := start(t, stores, `{"loginId":"new-two"}`+"\n", append(produce, "-", "--json")...).result()
		equal(t, produced{Cycle: "2026-11-22", Queued: 1}, only[produced](t, r.Stdout))
	})

	t.Run("an empty roster is a mistake that no repetition mends", func(t *testing.T) {
		equal(t, result{
			Code:   exitTrouble,
			Stdout: "cycle 2026-11-22: 0 queued, 0 already queued or done, 0 bad lines\n",
			Stderr: "nightshift: roster: it is empty; want CSV with a header that has a column loginId, or NDJSON\n",
		}, start(t, stores, "", append(produce, "-")...).result())
	})

	t.Run("one without logins is none", func(t *testing.T) {
		r := start(t, stores, "loginId\n", append(produce, "-")...).result()
		equal(t, result{Stdout: "cycle 2026-11-22: 0 queued, 0 already queued or done, 0 bad lines\n"}, r)
	})

	t.Run("a job says what was asked for", func(t *testing.T) {
		r := start(t, stores, "login_id,institution\nnew-three,Bank\n", append(produce, "-", "--live",
			"--attributes", "Income", "--days-of-transactions", "365", "--window", "00:00-23:59")...).result()
		if r.Code != exitOK {
			t.Fatal(r.Stderr)
		}
		s, err := js.Stream(t.Context(), event.StreamJobs)
		if err != nil {
			t.Fatal(err)
		}
		msg, err := s.GetLastMsgForSubject(t.Context(), event.ReadySubject("new-three", event.Nightly))
		if err != nil {
			t.Fatal(err)
		}
		job, err := event.DecodeJob(msg.Subject, msg.Data)
		if err != nil {
			t.Fatal(err)
		}
		want := event.Job{
			Version: 1, LoginID: "new-three", Institution: "Bank", Cycle: "2026-11-22", Lane: event.Nightly, Mode: event.Live, Attempt: 1,
			Options: event.Options{Attributes: "Income", DaysOfTransactions: 365},
			// It is taken from the clock, which the test of the window covers.
			NotAfter: job.NotAfter, Published: job.Published,
		}
		equal(t, want, job)
	})
}

// Who is first on the spot waits for the others, says for whom, and says when
// the wait is over.
func TestProduceWaitsForNATS(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 3, Mix: flinkstest.Mix{Fresh: 1}})
	addr := laterAddr(t)
	c := start(t, []string{"NIGHTSHIFT_NATS_URL=nats://user:hush@" + addr}, csvOf(b.logins), "produce", "--once", "--roster", "-", "--json")
	c.logs("NATS at nats://user:xxxxx@" + addr + " is unreachable; trying again until it answers")
	natsServer(t, addr)
	r := c.result()
	if r.Code != exitOK || only[produced](t, r.Stdout).Queued != 3 {
		t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if !strings.Contains(r.Stderr, "NATS at nats://user:xxxxx@"+addr+" has recovered") || strings.Contains(r.Stderr, "hush") {
		t.Errorf("got %s", r.Stderr)
	}
}

func TestProduceStoppedWhileItWaits(t *testing.T) {
	c := start(t, []string{"NIGHTSHIFT_NATS_URL=nats://" + laterAddr(t)}, "", "produce", "--once", "--roster", "-")
	c.logs("is unreachable")
	if r := c.stop(); r.Code != exitTrouble || !strings.HasSuffix(r.Stderr, "\nnightshift: stopped\n") {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
}

func messages(t *testing.T, js jetstream.JetStream, stream string) uint64 {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}
