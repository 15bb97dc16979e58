package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
	"nightshift/state"
)

// endLogin writes down how a login's refresh endedAt.
func endLogin(t *testing.T, s *state.Store, login string, e state.Ending) {
	t.Helper()
	if err := s.Finish(t.Context(), state.Lease{LoginID: login, Cycle: "2026-11-22", Owner: "a"}, e); err != nil {
		t.Fatal(err)
	}
}

var endedAt = time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)

func TestLoginsList(t *testing.T) {
	t.Parallel()
	environ := []string{"", realRedis(t)}
	store := rosterStore(t, environ)
	t.Run("of an empty roster it says so", func(t *testing.T) {
		equal(t, result{Stderr: "the roster is empty: \"nightshift logins import\" puts logins on the roster\n"}, run(t, environ, "logins", "list"))
	})
	enrol(t, store, state.Enrolment{LoginID: "fine", Institution: "Some Bank"}, state.Enrolment{LoginID: "off", Scheduled: new(false)},
		state.Enrolment{LoginID: "stuck"}, state.Enrolment{LoginID: "tired"})
	endLogin(t, store, "fine", state.Ending{Type: "refreshed", Reason: "live", Ended: endedAt, Refreshed: true, Cached: true})
	endLogin(t, store, "stuck", state.Ending{Type: "reconnect_required", Reason: "refused", Code: "INVALID_LOGIN", Ended: endedAt, Institution: "Other", Waiting: true, Refused: true})
	endLogin(t, store, "tired", state.Ending{Type: "failed", Reason: "bank_unavailable", Ended: endedAt, Institution: "SOME BANK"})
	endLogin(t, store, "guest", state.Ending{Type: "failed", Reason: "busy", Ended: endedAt}) // only ever refreshed on demand

	for _, test := range []struct {
		rule  string
		flags []string
		want  []string
	}{
		{"it lists all that are on the roster", nil, []string{"fine", "off", "stuck", "tired"}},
		{"those that take part", []string{"--scheduled"}, []string{"fine", "stuck", "tired"}},
		{"those that do not", []string{"--disabled"}, []string{"off"}},
		{"those whose holder has to act", []string{"--waiting"}, []string{"stuck"}},
		{"a bank, in capitals or not", []string{"--institution", "some bank"}, []string{"fine", "tired"}},
		{"a last ending", []string{"--type", "failed"}, []string{"tired"}},
		{"a last reason", []string{"--reason", "refused"}, []string{"stuck"}},
		{"several flags must all fit", []string{"--scheduled", "--type", "refreshed", "--waiting"}, nil},
	} {
		t.Run(test.rule, func(t *testing.T) {
			r, got := run(t, environ, append([]string{"logins", "list", "--json"}, test.flags...)...), []string(nil)
			for line := range strings.Lines(r.Stdout) {
				var f rosterForm
				if err := json.Unmarshal([]byte(line), &f); err != nil {
					t.Fatal(err)
				}
				got = append(got, f.LoginID)
			}
			slices.Sort(got)
			equal(t, test.want, got)
			if want := map[bool]string{true: "no login of the roster fits\n"}[got == nil]; r.Code != exitOK || r.Stderr != want {
				t.Errorf("code %d: %s", r.Code, r.Stderr)
			}
		})
	}
	t.Run("a line of JSON has all that is remembered", func(t *testing.T) {
		l, err := store.Login(t.Context(), "stuck")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, rosterForm{
			LoginID: "stuck", Institution: "Other", Scheduled: true, Since: l.Since, Type: event.ReconnectRequired, Reason: "refused",
			FlinksCode: "INVALID_LOGIN", Cycle: "2026-11-22", Ended: endedAt, Refused: endedAt, WaitingSince: endedAt,
		}, only[rosterForm](t, run(t, environ, "logins", "list", "--json", "--waiting").Stdout))
	})
	t.Run("the table says what an operator asks first", func(t *testing.T) {
		equal(t, result{Stdout: "LOGIN  NIGHTS  LAST                REASON   CODE           ENDED                 WAITING SINCE         INSTITUTION\n" +
			"stuck  on      reconnect_required  refused  INVALID_LOGIN  2026-11-22T04:30:00Z  2026-11-22T04:30:00Z  Other\n"},
			run(t, environ, "logins", "list", "--waiting"))
	})
	t.Run("a limit says that there are more, if there are", func(t *testing.T) {
		r := run(t, environ, "logins", "list", "--limit", "3")
		equal(t, []any{4, "… and more: --limit 0 shows all\n"}, []any{strings.Count(r.Stdout, "\n"), r.Stderr})
		r = run(t, environ, "logins", "list", "--limit", "4")
		equal(t, []any{5, ""}, []any{strings.Count(r.Stdout, "\n"), r.Stderr})
	})
	t.Run("a roster that is longer than a page comes whole", func(t *testing.T) {
		many := make([]state.Enrolment, tablePage)
		for i := range many {
			many[i].LoginID = fmt.Sprint("l", i)
		}
		enrol(t, store, many...)
		if r := run(t, environ, "logins", "list"); strings.Count(r.Stdout, "WAITING SINCE") != 2 || strings.Count(r.Stdout, "\n") != tablePage+4+2 {
			t.Errorf("%d lines", strings.Count(r.Stdout, "\n"))
		}
	})
}

func TestLoginsShow(t *testing.T) {
	t.Parallel()
	environ, js := servers(t)
	store := rosterStore(t, environ)
	enrol(t, store, state.Enrolment{LoginID: "new"}, state.Enrolment{LoginID: "off", Scheduled: new(false)}, state.Enrolment{LoginID: "stuck", Institution: "Some Bank"})
	endLogin(t, store, "stuck", state.Ending{Type: "reconnect_required", Reason: "refused", Code: "INVALID_LOGIN", Ended: endedAt, Cached: true, Waiting: true, Refused: true})
	job := parkJob(t, environ, js, "stuck", time.Hour)
	job.LoginID, job.Attempt = "guest", 1
	data, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), job.Subject(), data); err != nil {
		t.Fatal(err)
	}
	told := event.Outcome{LoginID: "stuck", Cycle: "2026-11-23", Lane: event.Nightly, Type: event.Failed, Reason: event.Cancelled,
		Timings: event.Timings{Published: endedAt, Ended: endedAt.Add(24 * time.Hour)}, Job: job.Asked()}
	told.Job.LoginID, told.Job.Cycle = "stuck", "2026-11-23"
	tell(t, js, told)

	// show leaves out what passes while the test runs.
	show := func(login string) []string {
		t.Helper()
		r := run(t, environ, "logins", "show", login)
		if r.Code != exitOK || r.Stderr != "" {
			t.Fatalf("code %d: %s", r.Code, r.Stderr)
		}
		var lines []string
		for line := range strings.Lines(r.Stdout) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
			value = strings.TrimSpace(value)
			if at := strings.Index(value, "since 20"); at >= 0 {
				value = value[:at] + "since …"
			}
			if before, _, ok := strings.Cut(value, "Z, "); ok {
				value = before + "Z, …"
			}
			if before, after, ok := strings.Cut(value, "fires in "); ok {
				value = before + "fires in …" + after[strings.Index(after, ":"):]
			}
			lines = append(lines, name+"="+value)
		}
		return lines
	}
	t.Run("one that is due", func(t *testing.T) {
		equal(t, []string{"login=new", "roster=on it since …", "next night=yes: it is due: it was never refreshed"}, show("new"))
	})
	t.Run("one that was taken out, and what brings it back", func(t *testing.T) {
		equal(t, []string{"login=off", "roster=on it, but taken out of the nights; since …",
			"next night=no: it does not take part in the nights", `mend="nightshift logins enable off"`}, show("off"))
	})
	t.Run("one whose holder has to act: the record, the outcome, the job", func(t *testing.T) {
		equal(t, []string{
			"login=stuck", "institution=Some Bank", "roster=on it since …", "next night=no: its holder was told to act and has not yet",
			"last ending=reconnect_required, refused (INVALID_LOGIN)", "of cycle=2026-11-22", "ended=2026-11-22T04:30:00Z, …",
			"cached call=2026-11-22T04:30:00Z, …", "refused=2026-11-22T04:30:00Z, …", "waiting since=2026-11-22T04:30:00Z, …",
			"last told=failed, cancelled of cycle 2026-11-23, 2026-11-23T04:30:00Z, …",
			`parked job=bank_unavailable, fires in …: see "nightshift parked show stuck"`,
			`mend=when its holder has connected again: "nightshift logins reconnected stuck"`,
		}, show("stuck"))
	})
	t.Run("the same as JSON", func(t *testing.T) {
		got := only[knownForm](t, run(t, environ, "logins", "show", "stuck", "--json").Stdout)
		l, err := store.Login(t.Context(), "stuck")
		if err != nil {
			t.Fatal(err)
		}
		want := knownForm{rosterForm: rosterJSON(l), Listed: true, Why: "waiting_for_holder", Parked: got.Parked, Outcome: got.Outcome}
		equal(t, fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got))
		equal(t, "failed bank_unavailable", fmt.Sprint(got.Outcome.Type, " ", got.Parked[0].Reason))
	})
	t.Run("one that is not on the roster, and has a job", func(t *testing.T) {
		equal(t, []string{"login=guest", `roster=not on it: "nightshift logins import" puts logins on the roster`,
			"next night=no: it is not on the roster", "job=waits for a worker, or one has it in hand"}, show("guest"))
	})
	t.Run("one that nobody knows", func(t *testing.T) {
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: nobody is not on the roster: \"nightshift logins import\" puts logins on the roster\n"},
			run(t, environ, "logins", "show", "nobody"))
	})
}

// What Flinks says of its schedule is what it was told.
func TestLoginsSchedule(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	old := time.Now().Add(-20 * 24 * time.Hour) // Flinks lists it while it is scheduled.
	for _, id := range []string{"ann", "bob"} {
		b.sim.Add(flinkstest.Login{ID: id, Username: id, Institution: "FlinksCapital", LastRefresh: old, Scheduled: true})
	}
	stores, _ := servers(t)
	environ := b.environ(stores...)
	store := rosterStore(t, stores)
	enrol(t, store, state.Enrolment{LoginID: "ann", Institution: "Some Bank"}, state.Enrolment{LoginID: "bob"}, state.Enrolment{LoginID: "gone"})
	endLogin(t, store, "ann", state.Ending{Type: "refreshed", Reason: "live", Ended: endedAt, Refreshed: true})
	before, err := store.Login(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	atFlinks := func() []string {
		t.Helper()
		c := &flinks.Client{BaseURL: b.url, CustomerID: flinkstest.DefaultCustomerID, SecretKey: testSecret, APIKey: testAPIKey}
		status, err := c.GetNightlyRefreshStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, card := range status.IneligibleCards {
			ids = append(ids, card.LoginID)
		}
		slices.Sort(ids)
		return ids
	}
	unknown := `: "nightshift logins import" puts logins on the roster` + "\n"

	t.Run("disabled, it is so here and at Flinks, and its record stays", func(t *testing.T) {
		equal(t, result{Stdout: "1 disabled\n"}, run(t, environ, "logins", "disable", "ann"))
		equal(t, []string{"bob"}, atFlinks())
		after, err := store.Login(t.Context(), "ann")
		before.Scheduled = false
		equal(t, []any{before, nil}, []any{after, err})
	})
	t.Run("a list may come from standard input, and each failure is told", func(t *testing.T) {
		r := start(t, environ, "bob\n\n gone \nnobody\nbob\n", "logins", "disable", "-").result()
		equal(t, result{exitTrouble, "1 disabled\n",
			"nightshift: gone: flinks: SetScheduledRefresh: HTTP 401 INVALID_LOGIN\nnobody is not on the roster" + unknown}, r)
		equal(t, []string{}, atFlinks())
		equal(t, map[string]string{"ann": "off Some Bank", "bob": "off ", "gone": "on "}, rosterOf(t, store))
	})
	t.Run("enabled, it is so again; as JSON", func(t *testing.T) {
		r := run(t, environ, "logins", "enable", "ann", "bob", "nobody", "--json")
		equal(t, changed{Selected: 3, Changed: 2, Failed: []loginFault{{"nobody", "nobody is not on the roster" + strings.TrimSpace(unknown)}}}, only[changed](t, r.Stdout))
		equal(t, exitTrouble, r.Code)
		equal(t, []string{"ann", "bob"}, atFlinks())
		equal(t, map[string]string{"ann": "on Some Bank", "bob": "on ", "gone": "on "}, rosterOf(t, store))
	})
	t.Run("local, Flinks is not asked, nor must it be known", func(t *testing.T) {
		calls := b.sim.Stats().Calls["SetScheduledRefresh"]
		equal(t, result{Stdout: "2 disabled\n"}, run(t, stores, "logins", "disable", "ann", "gone", "--local"))
		equal(t, calls, b.sim.Stats().Calls["SetScheduledRefresh"])
		equal(t, map[string]string{"ann": "off Some Bank", "bob": "on ", "gone": "off "}, rosterOf(t, store))
	})
	t.Run("a Flinks that is tired is asked again", func(t *testing.T) {
		b.sim.SetFaults(flinkstest.Faults{MaxRate: 3}) // in a second
		defer b.sim.SetFaults(flinkstest.Faults{})
		equal(t, result{Stdout: "2 enabled\n"}, run(t, environ, "logins", "enable", "ann", "bob"))
		equal(t, "on Some Bank", rosterOf(t, store)["ann"])
	})
	t.Run("what befalls every login ends it, and here nothing is changed", func(t *testing.T) {
		before := rosterOf(t, store)
		b.sim.SetFaults(flinkstest.Faults{ServerError: 1})
		defer b.sim.SetFaults(flinkstest.Faults{})
		r := run(t, environ, "logins", "disable", "ann", "bob")
		if r.Code != exitTrouble || r.Stdout != "" || !strings.Contains(r.Stderr, " (2 of 2 are left; the same command does the rest)\n") {
			t.Errorf("got %+v", r)
		}
		equal(t, before, rosterOf(t, store))
	})
}

func TestLoginsNamed(t *testing.T) {
	t.Parallel()
	environ := []string{"NIGHTSHIFT_REDIS_URL=redis://127.0.0.1:1"}
	for _, verb := range []string{"enable", "disable", "reconnected", "remove"} {
		for _, test := range []struct{ rule, args, stdin, want string }{
			{"somebody must be named", "", "", "no login is named: give one or more, or - for a list on standard input"},
			{"so in a list", "-", "\n\n", "no login is named: give one or more, or - for a list on standard input"},
			{"a bad name is refused before anything begins", "ann b.ob", "", `bad loginId "b.ob": only letters, digits, '-' and '_' are allowed`},
			{"so in a list, by its line", "-", "ann\n\nb ob\n", `standard input: line 3: bad loginId "b ob": only letters, digits, '-' and '_' are allowed`},
		} {
			t.Run(verb+": "+test.rule, func(t *testing.T) {
				r := start(t, environ, test.stdin, append([]string{"logins", verb}, strings.Fields(test.args)...)...).result()
				equal(t, result{Code: exitUsage, Stderr: "nightshift: " + test.want + "\n"}, r)
			})
		}
	}
	r := run(t, environ, "logins", "enable", "ann")
	if r.Code != exitUsage || !strings.Contains(r.Stderr, "--flinks-url is missing") || !strings.Contains(r.Stderr, "--local") {
		t.Errorf("got %+v", r)
	}
}

func TestLoginsReconnectedAndRemove(t *testing.T) {
	t.Parallel()
	environ, _ := servers(t)
	store := rosterStore(t, environ)
	enrol(t, store, state.Enrolment{LoginID: "ann"}, state.Enrolment{LoginID: "bob"}, state.Enrolment{LoginID: "eve"})
	endLogin(t, store, "ann", state.Ending{Type: "reconnect_required", Reason: "refused", Code: "INVALID_LOGIN", Ended: endedAt, Waiting: true, Refused: true})
	endLogin(t, store, "guest", state.Ending{Type: "failed", Reason: "busy", Ended: endedAt})
	unknown := ` is not on the roster: "nightshift logins import" puts logins on the roster` + "\n"

	t.Run("reconnected, nothing stands in its way any longer", func(t *testing.T) {
		equal(t, result{exitTrouble, "1 noted as reconnected\n", "nightshift: nobody" + unknown}, run(t, environ, "logins", "reconnected", "ann", "nobody"))
		l, err := store.Login(t.Context(), "ann")
		if err != nil || !l.Waiting.IsZero() || !l.RefusedAt.IsZero() || time.Since(l.Since) > time.Minute || l.Type != "reconnect_required" {
			t.Errorf("got %+v, %v", l, err)
		}
	})
	t.Run("a dry run removes nothing, and shows what would be", func(t *testing.T) {
		equal(t, result{Stdout: "LOGIN  NIGHTS  LAST  REASON  CODE  ENDED  WAITING SINCE  INSTITUTION\n" +
			"bob    on\n1 login would be removed: --yes does it\n"}, run(t, environ, "logins", "remove", "bob", "--dry-run"))
		equal(t, result{exitTrouble, "", "nightshift: nobody" + unknown}, run(t, environ, "logins", "remove", "nobody", "--dry-run"))
		equal(t, result{Stdout: `{"selected":2,"changed":0,"dryRun":true,"failed":[]}` + "\n"}, run(t, environ, "logins", "remove", "ann", "bob", "--dry-run", "--json"))
		equal(t, map[string]string{"ann": "on ", "bob": "on ", "eve": "on "}, rosterOf(t, store))
	})
	t.Run("removed, they are gone", func(t *testing.T) {
		equal(t, result{exitTrouble, "2 removed\n", "nightshift: guest" + unknown + "nobody" + unknown}, run(t, environ, "logins", "remove", "ann", "bob", "nobody", "guest"))
		equal(t, map[string]string{"eve": "on "}, rosterOf(t, store))
	})
	t.Run("of very many only the first are told, but in JSON all", func(t *testing.T) {
		var list strings.Builder
		for i := range 150 {
			fmt.Fprintf(&list, "x%03d\n", i)
		}
		r := start(t, environ, list.String(), "logins", "reconnected", "-").result()
		if lines := strings.Split(r.Stderr, "\n"); !slices.Contains(lines, "… and 130 more; --json prints them all") || r.Code != exitTrouble || r.Stdout != "" {
			t.Errorf("got %+v", r)
		}
		all := only[changed](t, start(t, environ, list.String(), "logins", "reconnected", "-", "--json").result().Stdout)
		equal(t, []any{150, "x149" + strings.TrimSpace(unknown)}, []any{len(all.Failed), strings.Replace(all.Failed[149].Error, "x149 ", "x149", 1)})
	})
}
