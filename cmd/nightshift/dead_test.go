package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// What a real worker has moved away: one is mended and refreshed, one dropped.
func TestDead(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	b.sim.Add(flinkstest.Login{ID: "bob", Username: "bob", Institution: "FlinksCapital", InstitutionID: 14, LastRefresh: time.Now().Add(-time.Hour), Accounts: 1})
	stores, js := servers(t)
	environ := b.environ(stores...)
	if r := run(t, environ, "setup"); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	equal(t, result{Stderr: "no dead letter fits\n"}, run(t, environ, "dead", "list"))
	equal(t, result{}, run(t, environ, "dead", "list", "--json"))

	const job = `{"version":1,"loginId":"bob","cycle":"2026-11-22","lane":"daily","mode":"cached","attempt":1,"published":"2026-11-22T04:00:00Z"}`
	worker := start(t, environ, "", "consume")
	for i, data := range []string{job, "\x1b[2Jno job\xff"} { // one after the other, so that their IDs are known
		m := nats.NewMsg(event.ReadySubject("bob", event.Nightly))
		m.Data = []byte(data)
		publish(t, js, m)
		await(t, func() bool { return messages(t, js, event.StreamDead) == uint64(i+1) })
	}

	t.Run("they are listed with their fault", func(t *testing.T) {
		var got []deadForm
		for line := range strings.Lines(run(t, environ, "dead", "list", "--json", "--since", "1h").Stdout) {
			f := only[deadForm](t, line)
			if time.Since(f.At) > time.Minute || f.Sequence == 0 {
				t.Errorf("got %+v", f)
			}
			f.At, f.Sequence = time.Time{}, 0
			got = append(got, f)
		}
		equal(t, []deadForm{
			{ID: 1, Reason: event.DeadInvalid, Error: `job is invalid: bad lane "daily": nightly or ondemand`, Subject: "refresh.job.bob.nightly.ready", Bytes: len(job)},
			{ID: 2, Reason: event.DeadMalformed, Error: `job is malformed: invalid character '\x1b' looking for beginning of value`, Subject: "refresh.job.bob.nightly.ready", Bytes: 11},
		}, got)
		r := run(t, environ, "dead", "list", "--reason", "malformed")
		lines := strings.Split(r.Stdout, "\n")
		equal(t, "ID WHEN REASON BYTES SUBJECT ERROR", strings.Join(strings.Fields(lines[0]), " "))
		if len(lines) != 3 || !strings.HasPrefix(lines[1], "2   20") {
			t.Errorf("got %s", r.Stdout)
		}
	})

	t.Run("one is shown field by field", func(t *testing.T) {
		r := run(t, environ, "dead", "show", "1")
		for _, want := range []string{
			"dead letter     1\n", "reason          invalid\n", "error           job is invalid: bad lane \"daily\": nightly or ondemand\n",
			"subject         refresh.job.bob.nightly.ready\n", "\n\n{\n  \"version\": 1,\n  \"loginId\": \"bob\",\n",
		} {
			if !strings.Contains(r.Stdout, want) {
				t.Errorf("no %q in\n%s", want, r.Stdout)
			}
		}
	})

	t.Run("what is no JSON is shown harmless, and raw as it is", func(t *testing.T) {
		if r := run(t, environ, "dead", "show", "2"); !strings.HasSuffix(r.Stdout, "\n\n"+`\x1b[2Jno job\xff`+"\n") {
			t.Errorf("got %q", r.Stdout)
		}
		equal(t, result{Stdout: "\x1b[2Jno job\xff"}, run(t, environ, "dead", "show", "2", "--raw"))
		equal(t, "\x1b[2Jno job\xff", string(only[deadForm](t, run(t, environ, "dead", "show", "2", "--json").Stdout).Data))
	})

	t.Run("what is still no job is refused, and stays", func(t *testing.T) {
		const fault = `job is invalid: bad lane "daily": nightly or ondemand; `
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: dead letter 1 is left as it is: " + fault + "mend a copy and pass it with --edit\n"},
			run(t, environ, "dead", "retry", "1"))
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: dead letter 2 is left as it is: " + fault + "mend what is passed with --edit\n"},
			start(t, environ, job, "dead", "retry", "2", "--edit", "-").result())
		equal(t, 2, int(messages(t, js, event.StreamDead)))
	})

	t.Run("mended, it is worked on", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "job.json")
		if err := os.WriteFile(file, []byte(strings.Replace(job, "daily", "nightly", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		equal(t, result{Stdout: "1: job of bob queued, lane nightly, cycle 2026-11-22\n"}, run(t, environ, "dead", "retry", "1", "--edit", file))
		await(t, func() bool { return messages(t, js, event.StreamJobs) == 0 })
		equal(t, map[string]string{"bob": "refreshed"}, told(t, environ))
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: there is no dead letter 1: it was dropped or retried, or is older than 30 days; see \"nightshift dead list\"\n"},
			run(t, environ, "dead", "retry", "1", "--edit", file))
	})

	t.Run("mended to a job that has ended, it is only cleared away", func(t *testing.T) {
		r := start(t, environ, strings.Replace(job, "daily", "nightly", 1), "dead", "retry", "2", "--edit", "-").result()
		equal(t, result{Stdout: "2: bob had ended in cycle 2026-11-22 already; the letter is dropped\n"}, r)
		equal(t, result{Stderr: "no dead letter fits\n"}, run(t, environ, "dead", "list"))
	})
	if r := worker.stop(); r.Code != exitOK {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
	equal(t, map[string]string{"bob": "refreshed"}, told(t, environ))
}

// bury puts a dead letter where a worker would.
func bury(t *testing.T, js jetstream.JetStream, reason event.DeadReason, data string) {
	t.Helper()
	m := nats.NewMsg(event.DeadSubject(reason))
	m.Data = []byte(data)
	m.Header.Set(event.HeaderDeadError, "what is wrong")
	publish(t, js, m)
}

func TestDeadRetry(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	waiting := parkJob(t, stores, js, "bob", time.Hour)
	valid := func(login string) string {
		return fmt.Sprintf(`{"version":1,"loginId":%q,"cycle":"2026-11-21","lane":"nightly","mode":"cached","attempt":1,"published":"2026-11-21T04:00:00Z","notAfter":"2026-11-21T08:00:00Z"}`, login)
	}
	bury(t, js, event.DeadVersion, valid("ann"))
	bury(t, js, event.DeadVersion, valid("bob"))
	bury(t, js, event.DeadVersion, "no job")

	t.Run("each is told, those that are refused at the end", func(t *testing.T) {
		r := run(t, stores, "dead", "retry", "1", "2", "3", "1")
		equal(t, result{
			Code:   exitTrouble,
			Stdout: "1: job of ann queued, lane nightly, cycle 2026-11-21\n",
			Stderr: "note: its window ended at 2026-11-21T08:00:00Z, so it will fail as window_closed; without notAfter it has no window\n" +
				"nightshift: dead letter 2 is left as it is: producer: another job of the login is in the way: that of cycle " + waiting.Cycle +
				" waits in lane nightly; retry it when that has ended, or drop it\n" +
				"dead letter 3 is left as it is: job is malformed: invalid character 'o' in literal null (expecting 'u'); mend a copy and pass it with --edit\n",
		}, r)
		equal(t, 2, int(messages(t, js, event.StreamDead)))
		equal(t, 2, int(messages(t, js, event.StreamJobs)))
	})

	t.Run("with --json a line for each that is queued", func(t *testing.T) {
		r := start(t, stores, valid("cid"), "dead", "retry", "3", "--edit", "-", "--json").result()
		got := only[retriedForm](t, r.Stdout)
		if r.Code != exitOK || r.Stderr != "" || got.ID != 3 || got.Ended || got.Job.LoginID != "cid" {
			t.Errorf("%+v: %+v", r, got)
		}
	})
}

func TestDeadDrop(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	if r := run(t, stores, "setup"); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	for range 3 {
		bury(t, js, event.DeadMalformed, "x")
	}
	for range shownPicks + 2 {
		bury(t, js, event.DeadInvalid, "x")
	}
	left := func() int { return int(messages(t, js, event.StreamDead)) }

	t.Run("a dry run drops nothing", func(t *testing.T) {
		r := run(t, stores, "dead", "drop", "--all", "--dry-run")
		if !strings.HasSuffix(r.Stdout, "\n… and 5 more\n25 dead letters would be dropped: --yes does it\n") || left() != 25 {
			t.Errorf("%d left: %+v", left(), r)
		}
	})
	t.Run("by IDs, telling of those that are not there", func(t *testing.T) {
		r := run(t, stores, "dead", "drop", "2", "77", "2", "--json")
		equal(t, result{Code: exitTrouble, Stdout: `{"selected":1,"dryRun":false,"dropped":1,"gone":0}` + "\n",
			Stderr: "nightshift: there is no dead letter 77: it was dropped or retried, or is older than 30 days; see \"nightshift dead list\"\n"}, r)
		equal(t, 24, left())
	})
	t.Run("by reason", func(t *testing.T) {
		if r := run(t, stores, "dead", "drop", "--reason", "malformed"); !strings.HasSuffix(r.Stdout, "\n2 dropped\n") || left() != 22 {
			t.Errorf("%d left: %+v", left(), r)
		}
	})
	t.Run("all, by two operators at once", func(t *testing.T) {
		sum := 0
		both := []*command{start(t, stores, "", "dead", "drop", "--all", "--json"), start(t, stores, "", "dead", "drop", "--all", "--json")}
		for _, c := range both {
			r := c.result()
			d := only[dropped](t, r.Stdout)
			if r.Code != exitOK || d.Dropped+d.Gone != d.Selected {
				t.Errorf("%+v", r)
			}
			sum += d.Dropped
		}
		equal(t, []int{22, 0}, []int{sum, left()})
	})
	t.Run("nothing that fits is no failure", func(t *testing.T) {
		equal(t, result{Stderr: "no dead letter fits\n"}, run(t, stores, "dead", "drop", "--all"))
	})
	equal(t, []string{"3 dropped", "3 dropped, 1 gone already: somebody else was faster"}, []string{droppedWords(3, 0), droppedWords(3, 1)})
}

// A message of the largest size does not flood a terminal.
func TestDeadShowsTheBeginning(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	if r := run(t, stores, "setup"); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	data := strings.Repeat("x", 512<<10)
	bury(t, js, event.DeadMalformed, data)
	if r := run(t, stores, "dead", "show", "1"); !strings.HasSuffix(r.Stdout, "\n"+data[:mostShown]+"\n… and 507904 bytes more: --raw prints them all\n") {
		t.Errorf("%d bytes: …%s", len(r.Stdout), r.Stdout[max(0, len(r.Stdout)-100):])
	}
	equal(t, result{Stdout: data}, run(t, stores, "dead", "show", "1", "--raw"))
}

func TestDeadRefuses(t *testing.T) {
	data := t.TempDir() + "/data"
	const all = "--all takes everything: leave it out, or leave out the IDs and the flags that choose"
	for _, tc := range []struct{ rule, args, want string }{
		{"no subcommand", "", `"nightshift dead" needs a subcommand: drop, list, retry, show`},
		{"a directory where nothing is", "list", "nothing was ever stored in " + data + ": name the directory with --data, or the server with --nats-url"},
		{"an unknown reason", "list --reason ill", `--reason: "ill" is none of malformed, version, invalid`},
		{"a time that is none", "list --since soon", `--since: "soon" is no time: write it like 24h (ago), 2026-11-22 or 2026-11-22T04:30:00Z`},
		{"no ID to show", "show", `"nightshift dead show" takes one ID, but got 0 words`},
		{"a word for an ID", "show x", `"x" is no ID: take a number of the first column of "nightshift dead list"`},
		{"an ID below 1", "retry 0", `"0" is no ID: take a number of the first column of "nightshift dead list"`},
		{"two forms at once", "show 1 --raw --json", "--raw and --json are two forms: take one"},
		{"no ID to retry", "retry", `"nightshift dead retry" needs an ID: see "nightshift dead list"`},
		{"one edit for two", "retry 1 2 --edit -", "--edit mends one letter: name one ID, not 2"},
		{"an edit that is not there", "retry 1 --edit " + data, "--edit: open " + data + ": no such file or directory"},
		{"an edit of nothing", "retry 1 --edit -", "--edit: - is empty"},
		{"to drop nothing in particular", "drop", "nothing is chosen: name the IDs, choose with flags, or take --all"},
		{"to drop all and one", "drop 1 --all", all},
		{"to drop all and some", "drop --reason invalid --all", all},
		{"to drop one by its kind", "drop 1 --reason invalid", "name IDs or choose with flags, not both"},
		{"yes and no", "drop 1 --yes --dry-run", "if any flags in the group [dry-run yes] are set none of the others can be; [dry-run yes] were all set"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			equal(t, result{Code: exitUsage, Stderr: "nightshift: " + tc.want + "\n"},
				run(t, []string{"NIGHTSHIFT_DATA=" + data}, append([]string{"dead"}, strings.Fields(tc.args)...)...))
			missing(t, data)
		})
	}
}
