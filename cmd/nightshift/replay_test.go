package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
)

// ended is an outcome of the night of 2026-11-22, with the job it came of.
func ended(login string, kind event.Type, why event.Reason, bank string) event.Outcome {
	job := event.Job{
		Version: 1, LoginID: login, Cycle: "2026-11-22", Lane: event.OnDemand, Mode: event.Cached, Attempt: 1,
		NotAfter: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), Published: time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC),
	}
	return event.Outcome{LoginID: login, Cycle: job.Cycle, Lane: job.Lane, Type: kind, Reason: why, Institution: bank, Job: job}
}

// replayAgain runs "replay --json", which must go well.
func replayAgain(t *testing.T, environ []string, flags string) replayed {
	t.Helper()
	r := run(t, environ, append([]string{"replay", "--json"}, strings.Fields(flags)...)...)
	if r.Code != exitOK {
		t.Fatalf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	return only[replayed](t, r.Stdout)
}

func TestReplay(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	t.Run("there may be nothing yet", func(t *testing.T) {
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: no outcome has the cycle 2026-11-22; " +
			strings.TrimPrefix(stores[0], "NIGHTSHIFT_NATS_URL=") + " holds none of any night\n"},
			run(t, stores, "replay", "--cycle", "2026-11-22"))
	})
	for _, o := range []event.Outcome{
		ended("ann", event.Failed, event.BankUnavailable, "Some Bank"),
		ended("bob", event.Refreshed, event.CachedFresh, "Some Bank"),
		ended("cid", event.Failed, event.BankUnavailable, "Some Bank"),
		ended("dan", event.ReconnectRequired, event.CredentialsRefused, "Other Bank"),
		ended("eve", event.Failed, event.Throttled, ""),
		ended("fay", event.Failed, event.BankUnavailable, "Other Bank"),
	} {
		tell(t, js, o)
	}
	const table = `logins  type                reason               institution
2       failed              bank_unavailable     Some Bank
1       failed              bank_unavailable     Other Bank
1       failed              throttled            -
1       reconnect_required  credentials_refused  Other Bank

left out  why
1         ended refreshed; --type refreshed replays these too

to replay: 5 logins, in 2026-11-22-r1: ann, cid, dan and 2 more
`
	t.Run("a dry run shows what would be done, and does nothing", func(t *testing.T) {
		equal(t, result{Stdout: table + "dry run, nothing was queued: the same command with --yes instead of --dry-run queues 5 jobs\n"},
			run(t, stores, "replay", "--cycle", "2026-11-22", "--dry-run"))
		if jobs, outcomes := messages(t, js, event.StreamJobs), messages(t, js, event.StreamOutcomes); jobs != 0 || outcomes != 6 {
			t.Errorf("%d jobs, %d outcomes", jobs, outcomes)
		}
	})

	some := replayed{
		DryRun: true, Matched: 3, Replay: 3, Left: 3, Cycles: map[string]int{"2026-11-22-r1": 3},
		By: []share{
			{event.Failed, event.BankUnavailable, "Some Bank", 2},
			{event.Failed, event.BankUnavailable, "Other Bank", 1},
		},
	}
	t.Run("and tells the same in JSON", func(t *testing.T) {
		equal(t, some, replayAgain(t, stores, "--reason bank_unavailable --dry-run"))
	})

	t.Run("a replay publishes jobs of their own cycle, on the lane of the night", func(t *testing.T) {
		some.DryRun, some.Queued, some.Left = false, 3, 0
		equal(t, some, replayAgain(t, stores, "--reason bank_unavailable --live"))
		job := jobOf(t, js, "fay")
		equal(t, event.Job{
			Version: 1, LoginID: "fay", Cycle: "2026-11-22-r1", Lane: event.Nightly, Mode: event.Live, Attempt: 1,
			Institution: "Other Bank", Published: job.Published,
		}, job)
		if ago := time.Since(job.Published); ago < 0 || ago > time.Minute {
			t.Errorf("published %v ago", ago)
		}
	})

	t.Run("what is queued stays queued once, whatever selects it", func(t *testing.T) {
		equal(t, result{
			Stdout: table + "2 queued, 3 already queued\n",
			Stderr: "replaying: 0 of 5\nreplaying: 1 of 5 (20 %)\nreplaying: 2 of 5 (40 %)\nreplaying: 3 of 5 (60 %)\nreplaying: 4 of 5 (80 %)\nreplaying: 5 of 5 (100 %)\n",
		}, run(t, stores, "replay", "--cycle", "2026-11-22"))
		if job := jobOf(t, js, "dan"); job.Mode != event.Cached || messages(t, js, event.StreamJobs) != 5 {
			t.Errorf("got %+v", job)
		}
	})

	t.Run("when all has its outcome, there is nothing to do, and that is well", func(t *testing.T) {
		for _, login := range []string{"ann", "eve"} {
			o := ended(login, event.Failed, event.Busy, "")
			o.Cycle = event.NextReplay(o.Cycle)
			tell(t, js, o)
		}
		equal(t, result{Stdout: `left out  why
2         replayed already

nothing to replay: 2 outcomes match, and all are left out; what came of the replay is in --cycle 2026-11-22-r1
`}, run(t, stores, "replay", "--cycle", "2026-11-22", "--login", "ann,eve"))
	})

	t.Run("what came of a replay waits for its cycle to be named", func(t *testing.T) {
		equal(t, replayed{
			DryRun: true, Matched: 2, LeftOut: producer.LeftOut{Replayed: 1, OfReplay: 1}, By: []share{}, Cycles: map[string]int{},
		}, replayAgain(t, stores, "--type failed --login eve --dry-run"))
		equal(t, replayed{
			DryRun: true, Matched: 1, Replay: 1, Left: 1, By: []share{{event.Failed, event.Busy, "", 1}}, Cycles: map[string]int{"2026-11-22-r2": 1},
		}, replayAgain(t, stores, "--cycle 2026-11-22-r1 --login eve --dry-run"))
	})

	for _, tc := range []struct{ rule, flags, want string }{
		{"a cycle that never was", "--cycle 2026-11-21", "no outcome has the cycle 2026-11-21; the last cycles are 2026-11-22, 2026-11-22-r1"},
		{"or not of these logins", "--cycle 2026-11-22-r1 --login bob", "no outcome has the cycle 2026-11-22-r1; the last cycles of these logins are 2026-11-22"},
		{"one in which there is nothing of the kind", "--cycle 2026-11-22 --reason busy", "no outcome matches; the last cycles are 2026-11-22, 2026-11-22-r1"},
		{"nor since", "--type mfa_required --since 2020-01-01", "no outcome matches; the last cycles since 2020-01-01T00:00:00Z are 2026-11-22, 2026-11-22-r1"},
	} {
		t.Run("that nothing matches is trouble: "+tc.rule, func(t *testing.T) {
			equal(t, result{Code: exitTrouble, Stderr: "nightshift: " + tc.want + "\n"},
				run(t, stores, append([]string{"replay"}, strings.Fields(tc.flags)...)...))
		})
	}
	t.Run("for a script, too, which gets its counts all the same", func(t *testing.T) {
		r := run(t, stores, "replay", "--json", "--type", "mfa_required")
		equal(t, replayed{By: []share{}, Cycles: map[string]int{}}, only[replayed](t, r.Stdout))
		if r.Code != exitTrouble || r.Stderr == "" {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
	})
	t.Run("a long list is cut", func(t *testing.T) {
		for i := range 25 {
			tell(t, js, ended(fmt.Sprint("login-", i), event.Failed, event.Busy, fmt.Sprintf("Bank %02d", i)))
		}
		r := run(t, stores, "replay", "--reason", "busy", "--cycle", "2026-11-22", "--dry-run")
		if !strings.Contains(r.Stdout, "Bank 19\nand 5 smaller groups\n\n") || strings.Contains(r.Stdout, "Bank 20") {
			t.Errorf("got %s", r.Stdout)
		}
	})
}

// jobOf is the job that a login has on the nightly lane.
func jobOf(t *testing.T, js jetstream.JetStream, login string) event.Job {
	t.Helper()
	s, err := js.Stream(t.Context(), event.StreamJobs)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := s.GetLastMsgForSubject(t.Context(), event.ReadySubject(login, event.Nightly))
	if err != nil {
		t.Fatal(err)
	}
	job, err := event.DecodeJob(msg.Subject, msg.Data)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// work works off what is queued, until so many outcomes of the cycle are told,
// and tells how each login ended in it. Nothing may be left.
func work(t *testing.T, environ []string, js jetstream.JetStream, cycle string, outcomes int) map[string]string {
	t.Helper()
	follow := start(t, environ, "", "events", "--follow", "--json", "--cycle", cycle)
	worker := start(t, environ, "", "consume")
	follow.until(&follow.stdout, func(text string) bool { return strings.Count(text, "\n") >= outcomes })
	await(t, func() bool { return messages(t, js, event.StreamJobs) == 0 })
	if r := worker.stop(); r.Code != exitOK {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
	follow.stop()
	return told(t, environ, "--cycle", cycle)
}

// night22 is a bank whose night of 2026-11-22 is over: what it is called, and
// what its logins do when they are asked.
func night22(t *testing.T) (b *bank, environ []string, js jetstream.JetStream) {
	t.Helper()
	b = newBank(t, population{})
	later := flinkstest.Answer{FlinksCode: "RETRY_LATER"}
	for id, live := range map[string][]flinkstest.Answer{
		"never":   {later},
		"mended":  {later, later, later, {}}, // --max-live times
		"refused": {{FlinksCode: "INVALID_PASSWORD"}},
	} {
		b.logins = append(b.logins, flinkstest.Login{ID: id, Username: id, Live: live})
	}
	for i := range 10 {
		id := fmt.Sprint("mended-", i)
		b.logins = append(b.logins, flinkstest.Login{ID: id, Username: id, Live: []flinkstest.Answer{later, later, later, {}}})
	}
	b.logins = append(b.logins, flinkstest.Login{ID: "fresh", Username: "fresh", LastRefresh: time.Now().Add(-time.Hour)})
	b.sim.Add(b.logins...)
	stores, js := servers(t)
	environ = b.environ(stores...)
	if r := start(t, environ, csvOf(b.logins), "run", "--roster", "-", "--cycle", "2026-11-22").result(); r.Code != exitOK {
		t.Fatalf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	return b, environ, js
}

func TestReplayOfANight(t *testing.T) {
	t.Parallel()
	b, environ, js := night22(t)
	equal(t, map[string]int{"refreshed": 1, "mfa_required": 0, "reconnect_required": 1, "failed": 12}, count(told(t, environ)))

	t.Run("two operators at once double nothing", func(t *testing.T) {
		one := start(t, environ, "", "replay", "--json", "--type", "failed", "--cycle", "2026-11-22")
		two := start(t, environ, "", "replay", "--json", "--type", "failed", "--since", "1h")
		queued := 0
		for _, c := range []*command{one, two} {
			r := only[replayed](t, c.result().Stdout)
			if queued += r.Queued; r.Replay != 12 || r.Queued+r.Already != 12 {
				t.Errorf("got %+v", r)
			}
		}
		if n := messages(t, js, event.StreamJobs); queued != 12 || n != 12 {
			t.Errorf("%d queued, %d jobs", queued, n)
		}
		want := map[string]string{"mended": "refreshed", "never": "failed"}
		for i := range 10 {
			want["mended-"+strconv.Itoa(i)] = "refreshed"
		}
		equal(t, want, work(t, environ, js, "2026-11-22-r1", 12))
	})

	t.Run("and afterwards there is nothing to replay", func(t *testing.T) {
		got := replayAgain(t, environ, "--type failed --since 1h")
		equal(t, replayed{
			Matched: 13, LeftOut: producer.LeftOut{Replayed: 12, OfReplay: 1}, By: []share{}, Cycles: map[string]int{},
		}, got)
		if n := messages(t, js, event.StreamJobs); n != 0 {
			t.Errorf("%d jobs", n)
		}
	})

	t.Run("what failed again is replayed in the next cycle", func(t *testing.T) {
		got := replayAgain(t, environ, "--cycle 2026-11-22-r1 --type failed")
		equal(t, map[string]int{"2026-11-22-r2": 1}, got.Cycles)
		equal(t, map[string]string{"never": "failed"}, work(t, environ, js, "2026-11-22-r2", 1))
	})

	t.Run("who was refreshed since is left out", func(t *testing.T) {
		o := ended("never", event.Refreshed, event.CachedFresh, "")
		o.Cycle = producer.OnDemandCycle()
		tell(t, js, o)
		got := replayAgain(t, environ, "--cycle 2026-11-22-r2")
		equal(t, producer.LeftOut{RefreshedSince: 1}, got.LeftOut)
	})

	t.Run("whom the bank refused is not asked live again", func(t *testing.T) {
		before := b.sim.LiveCalls("refused")
		replayAgain(t, environ, "--type reconnect_required --cycle 2026-11-22")
		equal(t, "reconnect_required", work(t, environ, js, "2026-11-22-r1", 13)["refused"])
		if n := b.sim.LiveCalls("refused"); n != before {
			t.Errorf("%d live calls", n-before)
		}
	})

	t.Run("--live asks the bank, though the data is fresh", func(t *testing.T) {
		if n := b.sim.LiveCalls("fresh"); n != 0 {
			t.Fatalf("%d live calls", n)
		}
		replayAgain(t, environ, "--type refreshed --cycle 2026-11-22 --live")
		equal(t, "refreshed", work(t, environ, js, "2026-11-22-r1", 14)["fresh"])
		if n := b.sim.LiveCalls("fresh"); n != 1 {
			t.Errorf("%d live calls", n)
		}
	})
}

// A replay is stopped half way; workers do a part of it, which fails again;
// and the same command does the rest.
func TestReplayGoesOn(t *testing.T) {
	t.Parallel()
	const logins = 40
	b := newBank(t, population{})
	for i := range logins {
		id := fmt.Sprint("login-", i)
		b.logins = append(b.logins, flinkstest.Login{ID: id, Username: id, Live: []flinkstest.Answer{{FlinksCode: "RETRY_LATER"}}})
	}
	b.sim.Add(b.logins...)
	stores, js := servers(t)
	environ := b.environ(append(stores, "NIGHTSHIFT_MAX_LIVE=1")...)
	if r := run(t, environ, "setup"); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	for _, l := range b.logins {
		tell(t, js, ended(l.ID, event.Failed, event.FlinksUnreachable, ""))
	}
	args := []string{"replay", "--type", "failed", "--since", "1h"}

	first := start(t, environ, "", append(args, "--rate", "20", "--json")...)
	first.logs("replaying: 12 of 40")
	r := first.stop()
	got := only[replayed](t, r.Stdout)
	if got.Queued < 12 || got.Queued >= logins || got.Queued+got.Left != logins || r.Code != exitTrouble {
		t.Fatalf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if n := messages(t, js, event.StreamJobs); int(n) != got.Queued {
		t.Errorf("%d jobs, %d were queued", n, got.Queued)
	}
	verdict := fmt.Sprintf("\nnightshift: stopped: %d of 40 jobs are queued; the same command with --since 20", got.Queued)
	if !strings.Contains(r.Stderr, verdict) || !strings.HasSuffix(r.Stderr, " goes on with the rest\n") {
		t.Errorf("got %s\nwant %s", r.Stderr, verdict)
	}

	work(t, environ, js, "2026-11-22-r1", got.Queued)
	again := replayAgain(t, environ, strings.Join(args[1:], " "))
	if again.Queued != got.Left || again.LeftOut != (producer.LeftOut{Replayed: got.Queued, OfReplay: got.Queued}) {
		t.Errorf("got %+v", again)
	}
	if ended := work(t, environ, js, "2026-11-22-r1", logins); len(ended) != logins {
		t.Errorf("%d logins ended", len(ended))
	}
	for id, n := range b.sim.LoginStats() {
		if n.Live != 1 {
			t.Errorf("%s was asked live %d times", id, n.Live)
		}
	}
	if n := messages(t, js, event.StreamOutcomes); n != 2*logins {
		t.Errorf("%d outcomes", n)
	}
}

// tellFailed tells failures of so many logins.
func tellFailed(t *testing.T, js jetstream.JetStream, logins int) {
	t.Helper()
	for i := range logins {
		o := ended(fmt.Sprint("login-", i), event.Failed, event.FlinksUnreachable, "")
		data, err := o.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.PublishAsync(o.Subject(), data); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
}

// What is on its way when a replay is stopped arrives, and is counted.
func TestReplayCountsWhatIsQueued(t *testing.T) {
	t.Parallel()
	const logins = 4000
	stores, js := servers(t)
	if r := run(t, stores, "setup"); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	tellFailed(t, js, logins)
	c := start(t, stores, "", "replay", "--type", "failed", "--rate", "5000", "--json")
	c.logs("replaying: 400 of 4,000")
	r := c.stop()
	got := only[replayed](t, r.Stdout)
	if n := messages(t, js, event.StreamJobs); int(n) != got.Queued || got.Left == 0 || got.Queued+got.Left != logins {
		t.Errorf("%d jobs; %s", n, r.Stdout)
	}
	if again := replayAgain(t, stores, "--type failed --rate 100000"); again.Queued != got.Left || again.Already != got.Queued {
		t.Errorf("got %+v", again)
	}
}

// With NATS gone, what is on its way is not waited for without end.
func TestReplayStoppedWithoutNATS(t *testing.T) {
	t.Parallel()
	server := natsServer(t, "127.0.0.1:0")
	stores := []string{"NIGHTSHIFT_NATS_URL=" + server.URL()}
	if r := run(t, stores, "setup"); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	tellFailed(t, dialJetStream(t, server.URL()), 4000)
	c := start(t, stores, "", "replay", "--type", "failed", "--rate", "1000")
	c.logs("replaying: 400 of 4,000")
	server.Close()
	c.logs("NATS is unreachable")
	begin := time.Now()
	r := c.stop()
	if r.Code != exitTrouble || !strings.Contains(r.Stderr, "\nnightshift: stopped: ") || !strings.HasSuffix(r.Stderr, " of 4000 jobs are queued; the same command goes on with the rest\n") {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
	if took := time.Since(begin); took > 3*lastAnswers+10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestReplayStoppedWhileItWaits(t *testing.T) {
	c := start(t, []string{"NIGHTSHIFT_NATS_URL=nats://" + laterAddr(t)}, "", "replay", "--type", "failed")
	c.logs("is unreachable")
	if r := c.stop(); r.Code != exitTrouble || r.Stdout != "" || !strings.HasSuffix(r.Stderr, "\nnightshift: stopped\n") {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
}

// An embedded server's files will do: what is queued there, "consume" or "run"
// in the same directory works off.
func TestReplayInADirectory(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 3, Mix: flinkstest.Mix{Fresh: 1}})
	environ := b.environ("NIGHTSHIFT_DATA=" + t.TempDir())
	again := func(cycle string) {
		t.Helper()
		r := run(t, environ, "run", "--roster", b.roster(t), "--cycle", cycle)
		if r.Code != exitOK {
			t.Fatalf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
	}
	again("2026-11-22")
	if got := replayAgain(t, environ, "--reason cached_fresh"); got.Queued != 3 {
		t.Errorf("got %+v", got)
	}
	again("2026-11-23")
	equal(t, b.deserved(), told(t, environ, "--cycle", "2026-11-22-r1"))
}

func TestReplayRefuses(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	words := commas(reasons())
	for _, tc := range []struct{ rule, args, want string }{
		{"everything", "", "replay needs a selection: at least one of --cycle, --type, --reason, --code, --institution, --login, --since, --until"},
		{"everything, slowly", "--live --rate 1 --yes", "replay needs a selection: at least one of --cycle, --type, --reason, --code, --institution, --login, --since, --until"},
		{"a word", "2026-11-22", `"nightshift replay" takes no arguments, but got "2026-11-22"`},
		{"a cycle of no form", "--cycle 22", `--cycle: bad cycle "22": it has the form 2026-11-22, 2026-11-22-r1 (a replay) or od-<ulid> (on demand)`},
		{"an unknown type", "--type fail", `--type: "fail" is none of refreshed, mfa_required, reconnect_required, failed`},
		{"a reason that is misspelt", "--reason bankunavailable", `--reason: "bankunavailable" is no reason: did you mean bank_unavailable?`},
		{"one that is like none", "--reason weather", `--reason: "weather" is none of ` + words},
		{"a reason of another type", "--type mfa_required --reason busy", "--reason busy is none of --type mfa_required, whose reasons are security_challenge, challenge_listed"},
		{"a time that is none", "--since yesterday", `--since: "yesterday" is no time: write it like 24h (ago), 2026-11-22 or 2026-11-22T04:30:00Z`},
		{"a time without its zone", "--until 2026-11-22T04:30:00", `--until: "2026-11-22T04:30:00" is no time: write it like 24h (ago), 2026-11-22 or 2026-11-22T04:30:00Z`},
		{"a day that never was", "--since 2026-02-30", `--since: "2026-02-30" is no time: write it like 24h (ago), 2026-11-22 or 2026-11-22T04:30:00Z`},
		{"a time that runs backwards", "--since 2026-11-22 --until 2026-11-21", "--since 2026-11-22T00:00:00Z is not before --until 2026-11-21T00:00:00Z"},
		{"no time at all", "--since 2026-11-22 --until 2026-11-22", "--since 2026-11-22T00:00:00Z is not before --until 2026-11-22T00:00:00Z"},
		{"a bad login among good ones", "--login a,b.c", `--login: bad loginId "b.c": only letters, digits, '-' and '_' are allowed`},
		{"an empty login", "--type failed --login=", "--login: bad loginId: it is empty"},
		{"an empty code", "--type failed --code=", "--code: it is empty"},
		{"an empty bank", "--type failed --institution=", "--institution: it is empty"},
		{"to publish nothing a second", "--type failed --rate 0", `--rate: "0" is no whole number from 1 to 100000`},
		{"both to do it and not to", "--type failed --dry-run --yes", "if any flags in the group [dry-run yes] are set none of the others can be; [dry-run yes] were all set"},
		{"a directory where nothing is", "--type failed", "nothing was ever stored in " + data + ": name the directory with --data, or the server with --nats-url"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			equal(t, result{Code: exitUsage, Stderr: "nightshift: " + tc.want + "\n"},
				run(t, []string{"NIGHTSHIFT_DATA=" + data}, append([]string{"replay"}, strings.Fields(tc.args)...)...))
			missing(t, data)
		})
	}
}

func TestSelectionIsCompleted(t *testing.T) {
	for _, command := range []string{"replay", "events"} {
		for flag, want := range map[string]string{
			"--type":   "refreshed\nmfa_required\nreconnect_required\nfailed\n:4\n",
			"--reason": strings.Join(reasons(), "\n") + "\n:4\n",
		} {
			t.Run(command+" "+flag, func(t *testing.T) {
				equal(t, want, run(t, nil, "__complete", command, flag, "").Stdout)
			})
		}
	}
}
