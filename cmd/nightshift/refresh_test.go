package main

import (
	"strings"
	"testing"
	"time"

	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// queued is what "refresh --json" prints.
type queued struct {
	Job     event.Job `json:"job"`
	Already bool      `json:"already"`
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	bob := flinkstest.Login{ID: "bob", Username: "bob", Institution: "FlinksCapital", InstitutionID: 14, LastRefresh: time.Now().Add(-time.Hour), Accounts: 1}
	eve := bob
	eve.ID, eve.Username, eve.Live = "eve", "eve", []flinkstest.Answer{{FlinksCode: "INVALID_PASSWORD"}}
	b.sim.Add(bob, eve)
	stores, js := servers(t)
	environ := b.environ(stores...)

	var first queued
	t.Run("queues a job on the lane of its own", func(t *testing.T) {
		first = only[queued](t, run(t, environ, "refresh", "bob", "--json").Stdout)
		equal(t, queued{Job: event.Job{
			Version: 1, LoginID: "bob", Cycle: first.Job.Cycle, Lane: event.OnDemand, Mode: event.Cached, Attempt: 1,
			Options: event.Options{DaysOfTransactions: 90}, Published: first.Job.Published,
		}}, first)
	})

	t.Run("says when one is queued already, and which", func(t *testing.T) {
		equal(t, result{Stdout: "bob was queued already, cycle " + first.Job.Cycle + "\n"}, run(t, environ, "refresh", "bob", "--live"))
		equal(t, queued{first.Job, true}, only[queued](t, run(t, environ, "refresh", "bob", "--json").Stdout))
		if n := messages(t, js, event.StreamJobs); n != 1 {
			t.Errorf("%d jobs", n)
		}
	})

	t.Run("gives waiting up, but not the job", func(t *testing.T) {
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: no outcome of bob after 300ms; the job goes on: see \"nightshift events --login bob\"\n"},
			run(t, environ, "refresh", "bob", "--wait", "--timeout", "300ms"))
	})

	worker := start(t, environ, "", "consume")
	t.Run("waits for the outcome and prints it", func(t *testing.T) {
		r := run(t, environ, "refresh", "bob", "--wait")
		if f := strings.Fields(r.Stdout); r.Code != exitOK || len(f) != 7 || f[1] != "refreshed" || f[2] != "bob" || f[4] != "cached_fresh" {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
	})

	t.Run("asks the bank when told to", func(t *testing.T) {
		r := run(t, environ, "refresh", "eve", "--wait", "--live", "--json")
		o, err := event.DecodeOutcome([]byte(r.Stdout))
		if err != nil || r.Code != exitOK || strings.Count(r.Stdout, "\n") != 1 {
			t.Fatalf("code %d, %v: %s%s", r.Code, err, r.Stdout, r.Stderr)
		}
		equal(t, event.Calls{Live: 1}, o.Calls)
		if o.Type != event.ReconnectRequired || o.FlinksCode != "INVALID_PASSWORD" || o.Lane != event.OnDemand {
			t.Errorf("got %+v", o)
		}
	})
	if r := worker.stop(); r.Code != exitOK {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
}

func TestRefreshRefuses(t *testing.T) {
	const form = `only letters, digits, '-' and '_' are allowed`
	for _, tc := range []struct {
		rule string
		args []string
		want string
	}{
		{"no login", nil, `"nightshift refresh" takes one loginId, but got 0 words`},
		{"two", []string{"a", "b"}, `"nightshift refresh" takes one loginId, but got 2 words`},
		{"a dot", []string{"a.b"}, `bad loginId "a.b": ` + form},
		{"a blank", []string{"a b"}, `bad loginId "a b": ` + form},
		{"a wildcard", []string{"*"}, `bad loginId "*": ` + form},
		{"all that follows", []string{">"}, `bad loginId ">": ` + form},
		{"nothing", []string{""}, `bad loginId: it is empty`},
		{"to wait for nobody", []string{"a", "--wait"}, "--wait needs --nats-url: with the embedded server nobody can work while this command waits"},
		{"a time-out without a unit", []string{"a", "--timeout", "5"}, `--timeout: "5" is no duration: write it like 3s, 30m or 24h`},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			data := t.TempDir() + "/data"
			equal(t, result{Code: exitUsage, Stderr: "nightshift: " + tc.want + "\n"},
				run(t, []string{"NIGHTSHIFT_DATA=" + data}, append([]string{"refresh"}, tc.args...)...))
			missing(t, data)
		})
	}
}
