package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
)

// Jobs that a real worker has parked for an hour: one is fired before its time,
// one is cancelled.
func TestParked(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	away := flinkstest.Answer{FlinksCode: "DISABLED_INSTITUTION"}
	login := flinkstest.Login{ID: "bob", Username: "bob", Institution: "FlinksCapital", InstitutionID: 14,
		LastRefresh: time.Now().Add(-48 * time.Hour), Accounts: 1, Live: []flinkstest.Answer{away, {}}}
	b.sim.Add(login)
	login.ID, login.Username = "eve", "eve"
	login.Institution, login.InstitutionID = "Other Bank", 15 // the first bank in maintenance keeps its other logins from asking
	b.sim.Add(login)
	stores, js := servers(t)
	environ := b.environ(append(stores, "NIGHTSHIFT_RETRY_BASE=1h", "NIGHTSHIFT_RETRY_CAP=1h")...)
	if r := start(t, environ, "loginId\nbob\neve\n", "produce", "--once", "--roster", "-", "--cycle", "2026-11-22").result(); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	worker := start(t, environ, "", "consume")
	parked := func() string { return run(t, environ, "parked", "list", "--json").Stdout }
	await(t, func() bool { return strings.Count(parked(), "\n") == 2 })

	t.Run("show tells what the worker wrote down", func(t *testing.T) {
		got := only[parkedForm](t, run(t, environ, "parked", "show", "bob", "--json").Stdout)
		if in := time.Until(got.Due); in < 30*time.Minute || in > 2*time.Hour || time.Since(got.Parked) > time.Minute {
			t.Errorf("parked at %s, due in %s", got.Parked, in)
		}
		equal(t, parkedForm{
			Sequence: got.Sequence, LoginID: "bob", Lane: event.Nightly, Parked: got.Parked, Due: got.Due, Reason: event.BankUnavailable,
			Job: &event.Job{
				Version: 1, LoginID: "bob", Cycle: "2026-11-22", Lane: event.Nightly, Mode: event.Cached, Attempt: 2, Phase: event.PhaseCached,
				Institution: "FlinksCapital", Options: event.Options{DaysOfTransactions: 90}, Published: got.Job.Published, NotAfter: got.Job.NotAfter,
				Spent: event.Spent{Cached: 1, Live: 1, Started: got.Job.Spent.Started, FlinksCode: "DISABLED_INSTITUTION"},
			},
		}, got)
	})

	t.Run("a dry run changes nothing", func(t *testing.T) {
		before := parked()
		for _, verb := range []string{"now", "cancel"} {
			r := run(t, environ, "parked", verb, "--all", "--dry-run")
			if r.Code != exitOK || r.Stderr != "" || !strings.Contains(r.Stdout, "\n2 parked jobs would ") {
				t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
			}
		}
		equal(t, before, parked())
	})

	t.Run("cancel ends a job as failed, and nothing of it is left", func(t *testing.T) {
		equal(t, result{Stdout: `{"cancelled":1,"dryRun":false,"ended":0,"gone":0,"selected":1,"unreadable":0}` + "\n"},
			run(t, environ, "parked", "cancel", "eve", "--json"))
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: eve is not parked, and has no job at all: see \"nightshift events --login eve\"\n"},
			run(t, environ, "parked", "cancel", "eve"))
		o := only[event.Outcome](t, run(t, environ, "events", "--json", "--login", "eve").Stdout)
		equal(t, event.Outcome{
			LoginID: "eve", Cycle: "2026-11-22", Lane: event.Nightly, Type: event.Failed, Reason: event.Cancelled,
			FlinksCode: "DISABLED_INSTITUTION", Institution: "Other Bank", Calls: event.Calls{Cached: 1, Live: 1}, Timings: o.Timings, Job: o.Job,
		}, o)
	})

	t.Run("now lets a worker take the job an hour before its time, and ask the bank that was in maintenance", func(t *testing.T) {
		r := run(t, environ, "parked", "now", "bob")
		if lines := strings.Split(r.Stdout, "\n"); r.Code != exitOK || len(lines) != 4 || lines[2] != "1 fired" || !strings.HasPrefix(lines[1], "bob    in ") {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
		await(t, func() bool { return messages(t, js, event.StreamJobs) == 0 })
		equal(t, map[string]string{"bob": "refreshed", "eve": "failed"}, told(t, environ))
	})

	if r := worker.stop(); r.Code != exitOK {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
	equal(t, map[string]string{"bob": "refreshed", "eve": "failed"}, told(t, environ))
}

// A job whose outcome an operator has told just when it fired ends there: the
// bank is not asked again.
func TestCancelledJobThatFires(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 1, Mix: flinkstest.Mix{Fresh: 1}})
	stores, js := servers(t)
	environ := b.environ(stores...)
	job := parkJob(t, stores, js, b.logins[0].ID, time.Hour)
	tell(t, js, event.Outcome{LoginID: job.LoginID, Cycle: job.Cycle, Lane: job.Lane, Type: event.Failed, Reason: event.Cancelled, Job: job.Asked()})
	if r := run(t, environ, "parked", "now", job.LoginID); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	worker := start(t, environ, "", "consume")
	await(t, func() bool { return messages(t, js, event.StreamJobs) == 0 })
	worker.stop()
	equal(t, map[string]string{job.LoginID: "failed"}, told(t, environ))
	equal(t, 0, b.sim.Stats().Calls["Authorize"])
}

// parkJob puts a job where a worker would.
func parkJob(t *testing.T, stores []string, js jetstream.JetStream, login string, in time.Duration, edit ...func(*event.Job)) event.Job {
	t.Helper()
	if r := run(t, stores, "setup"); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	j := event.Job{
		Version: 1, LoginID: login, Institution: "Some Bank", Cycle: "2026-11-22", Lane: event.Nightly, Mode: event.Cached, Attempt: 2,
		Published: now(), Spent: event.Spent{Cached: 1, Live: 1, FlinksCode: "RETRY_LATER"},
	}
	for _, e := range edit {
		e(&j)
	}
	data, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	m := nats.NewMsg(event.RetrySubject(j.LoginID, j.Lane))
	m.Data = data
	m.Header.Set(jetstream.ScheduleHeader, "@at "+now().Add(in).Format(time.RFC3339Nano))
	m.Header.Set(jetstream.ScheduleTargetHeader, j.Subject())
	m.Header.Set(event.HeaderParked, string(event.BankUnavailable))
	publish(t, js, m)
	return j
}

func publish(t *testing.T, js jetstream.JetStream, m *nats.Msg) uint64 {
	t.Helper()
	ack, err := js.PublishMsg(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

func TestParkedList(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	for _, flags := range []string{"", " --json"} {
		want := result{}
		if flags == "" {
			want.Stderr = "no parked job fits\n"
		}
		equal(t, want, run(t, stores, strings.Fields("parked list"+flags)...))
	}
	parkJob(t, stores, js, "ann", 3*time.Hour)
	parkJob(t, stores, js, "bob", 30*time.Minute, func(j *event.Job) { j.Spent.FlinksCode, j.Institution = "X\x1b[2J", "Other" })
	parkJob(t, stores, js, "cid", 2*time.Hour, func(j *event.Job) { j.Lane, j.Cycle = event.OnDemand, "2026-11-23" })
	bad := nats.NewMsg(event.RetrySubject("dan", event.Nightly))
	bad.Data = []byte("no job")
	seq := publish(t, js, bad)

	listed := func(flags string) (logins []string) {
		t.Helper()
		r := run(t, stores, append([]string{"parked", "list"}, strings.Fields(flags)...)...)
		if r.Code != exitOK {
			t.Fatalf("%s: %s", flags, r.Stderr)
		}
		for i, line := range strings.Split(strings.TrimSpace(r.Stdout), "\n") {
			if i > 0 {
				logins = append(logins, strings.Fields(line)[0])
			}
		}
		return logins
	}
	for _, tc := range []struct{ rule, flags, want string }{
		{"those that fire first first, what will never fire before them", "", "dan bob cid ann"},
		{"some of them, and how many more", "--limit 2", "dan bob …"},
		{"of a login", "--login cid", "cid"},
		{"of a lane", "--lane nightly", "dan bob ann"},
		{"of a cycle", "--cycle 2026-11-23", "cid"},
		{"of a reason", "--reason bank_unavailable", "bob cid ann"},
		{"of a bank", "--institution other", "bob"},
		{"of a code", "--code retry_later", "cid ann"},
		{"due soon", "--due-within 150m", "bob cid"},
		{"all that together", "--due-within 150m --code RETRY_LATER --lane ondemand", "cid"},
	} {
		t.Run(tc.rule, func(t *testing.T) { equal(t, strings.Fields(tc.want), listed(tc.flags)) })
	}

	t.Run("the columns say what an operator asks first, and foreign text cannot steer the terminal", func(t *testing.T) {
		r := run(t, stores, "parked", "list", "--login", "bob")
		lines := strings.Split(r.Stdout, "\n")
		equal(t, "LOGIN DUE REASON CODE ATTEMPT LANE CYCLE INSTITUTION DUE AT", strings.Join(strings.Fields(lines[0]), " "))
		row := strings.Fields(lines[1])
		due, err := time.Parse(time.RFC3339, row[len(row)-1])
		if in := time.Until(due); err != nil || in > 30*time.Minute || in < 25*time.Minute || !strings.HasPrefix(row[2], "29m") && row[2] != "30m" {
			t.Errorf("due in %s at %s", row[2], row[len(row)-1])
		}
		equal(t, "bob in _ bank_unavailable X?[2J 2 nightly 2026-11-22 Other _", strings.Join(append(append([]string{row[0], row[1], "_"}, row[3:len(row)-1]...), "_"), " "))
	})

	t.Run("with --json in the order of the stream, what cannot be read with its fault", func(t *testing.T) {
		var got []string
		for line := range strings.Lines(run(t, stores, "parked", "list", "--json").Stdout) {
			f := only[parkedForm](t, line)
			got = append(got, fmt.Sprint(f.LoginID, " ", f.Lane, " ", f.Job != nil, f.Error != ""))
		}
		equal(t, []string{"ann nightly true false", "bob nightly true false", "cid ondemand true false", "dan nightly false true"}, got)
	})

	t.Run("what cannot be read is shown with the way to mend it", func(t *testing.T) {
		r := run(t, stores, "parked", "show", "dan")
		for _, want := range []string{fmt.Sprintf("sequence        %d\n", seq), "job is malformed", `"nightshift parked now dan"`} {
			if !strings.Contains(r.Stdout, want) {
				t.Errorf("no %q in\n%s", want, r.Stdout)
			}
		}
	})

	t.Run("a job in each lane is shown", func(t *testing.T) {
		parkJob(t, stores, js, "cid", time.Hour)
		r := run(t, stores, "parked", "show", "cid")
		if strings.Count(r.Stdout, "login           cid\n") != 2 || strings.Count(r.Stdout, "attempt         2 comes next\n") != 2 {
			t.Errorf("got\n%s", r.Stdout)
		}
	})
}

func TestParkedChange(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	parkJob(t, stores, js, "ann", time.Hour)
	parkJob(t, stores, js, "bob", time.Hour, func(j *event.Job) { j.Spent.FlinksCode = "OTHER" })
	ready := nats.NewMsg(event.ReadySubject("eve", event.OnDemand))
	publish(t, js, ready)

	t.Run("a login that is not parked is told apart from one whose job is at work", func(t *testing.T) {
		r := run(t, stores, "parked", "now", "eve", "nobody", "eve")
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: eve is not parked: its job waits for a worker, or one has it in hand\n" +
			"nobody is not parked, and has no job at all: see \"nightshift events --login nobody\"\n"}, r)
	})

	t.Run("flags narrow the logins that are named, and those left out are told", func(t *testing.T) {
		r := run(t, stores, "parked", "cancel", "ann", "bob", "--code", "other", "--json")
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: ann has no parked job that fits the flags\n",
			Stdout: `{"cancelled":1,"dryRun":false,"ended":0,"gone":0,"selected":1,"unreadable":0}` + "\n"}, r)
	})

	t.Run("what cannot be read has no outcome; a worker buries it", func(t *testing.T) {
		bad := nats.NewMsg(event.RetrySubject("bob", event.Nightly))
		publish(t, js, bad)
		r := run(t, stores, "parked", "cancel", "bob")
		if !strings.HasSuffix(r.Stdout, "\n0 cancelled, 1 cannot be read, left alone: see \"nightshift parked show LOGIN\"\n") {
			t.Errorf("got %+v", r)
		}
	})

	t.Run("nothing that fits is no failure, so that it can be repeated", func(t *testing.T) {
		equal(t, result{Stderr: "no parked job fits\n"}, run(t, stores, "parked", "cancel", "--code", "NONE"))
		equal(t, result{Stdout: `{"dryRun":false,"fired":0,"gone":0,"selected":0,"unreadable":0}` + "\n"},
			run(t, stores, "parked", "now", "--code", "NONE", "--json"))
	})

	t.Run("very many are shown in part", func(t *testing.T) {
		for i := range shownPicks + 5 {
			parkJob(t, stores, js, fmt.Sprintf("x%d", i), time.Hour, func(j *event.Job) { j.Cycle = "2026-11-25" })
		}
		r := run(t, stores, "parked", "now", "--cycle", "2026-11-25")
		if strings.Count(r.Stdout, "\n") != 1+shownPicks+2 || !strings.HasSuffix(r.Stdout, "\n… and 5 more\n25 fired\n") {
			t.Errorf("got %s", r.Stdout)
		}
	})
}

// Two operators give the same command at the same time.
func TestParkedByTwo(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	const n = 60
	for i := range n {
		parkJob(t, stores, js, fmt.Sprintf("x%d", i), time.Hour)
	}
	both := []*command{start(t, stores, "", "parked", "cancel", "--all", "--json"), start(t, stores, "", "parked", "cancel", "--all", "--json")}
	sum := 0
	for _, c := range both {
		r := c.result()
		got := only[map[string]any](t, r.Stdout)
		if r.Code != exitOK || got["ended"] != 0.0 || got["cancelled"].(float64)+got["gone"].(float64) != got["selected"] {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
		sum += int(got["cancelled"].(float64))
	}
	if sum < n {
		t.Errorf("%d cancelled of %d", sum, n)
	}
	equal(t, 0, int(messages(t, js, event.StreamJobs)))
	equal(t, n, len(told(t, stores)))
}

func TestParkedRefuses(t *testing.T) {
	const form = `only letters, digits, '-' and '_' are allowed`
	const nothing = "nothing is chosen: name the logins, choose with flags, or take --all"
	data := t.TempDir() + "/data"
	for _, tc := range []struct{ rule, args, want string }{
		{"no subcommand", "", `"nightshift parked" needs a subcommand: cancel, list, now, show`},
		{"an unknown one", "lst", `unknown command "lst" for "nightshift parked": did you mean list?`},
		{"a directory where nothing is", "list", "nothing was ever stored in " + data + ": name the directory with --data, or the server with --nats-url"},
		{"a word for list", "list bob", `"nightshift parked list" takes no arguments, but got "bob"`},
		{"a bad login", "list --login a.b", `bad loginId "a.b": ` + form},
		{"a bad cycle", "list --cycle now", `--cycle: bad cycle "now": it has the form 2026-11-22, 2026-11-22-r1 (a replay) or od-<ulid> (on demand)`},
		{"an unknown lane", "list --lane day", `--lane: "day" is none of nightly, ondemand`},
		{"an unknown reason", "now --reason lazy", `--reason: "lazy" is none of ` + strings.Join(words(event.Reasons[event.Failed]), ", ")},
		{"a time without a unit", "list --due-within 5", `--due-within: "5" is no duration: write it like 3s, 30m or 24h`},
		{"no time at all", "list --due-within 0s", "--due-within: 0s is too short: the least is 1ns"},
		{"a limit below 0", "list --limit=-1", `--limit: "-1" is no whole number from 0 to 1000000000`},
		{"a limit for a script", "list --limit 3 --json", "--limit is for reading: with --json every job is printed"},
		{"no login to show", "show", `"nightshift parked show" takes one loginId, but got 0 words`},
		{"a wildcard to show", "show *", `bad loginId "*": ` + form},
		{"to fire nothing in particular", "now", nothing},
		{"to cancel nothing in particular", "cancel --json", nothing},
		{"all and one", "cancel --all bob", "--all takes everything: leave it out, or leave out the logins and the flags that choose"},
		{"all and some", "now --all --lane nightly", "--all takes everything: leave it out, or leave out the logins and the flags that choose"},
		{"a bad login to fire", "now bob a.b", `bad loginId "a.b": ` + form},
		{"yes and no", "now --all --yes --dry-run", "if any flags in the group [dry-run yes] are set none of the others can be; [dry-run yes] were all set"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			equal(t, result{Code: exitUsage, Stderr: "nightshift: " + tc.want + "\n"},
				run(t, []string{"NIGHTSHIFT_DATA=" + data}, append([]string{"parked"}, strings.Fields(tc.args)...)...))
			missing(t, data)
		})
	}
}

func TestWords(t *testing.T) {
	at := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	for _, tc := range []struct{ rule, got, want string }{
		{"due later", dueWords(at.Add(90*time.Second), at), "in 1m30s"},
		{"due at this second", dueWords(at.Add(400*time.Millisecond), at), "now"},
		{"overdue is due", dueWords(at.Add(-time.Hour), at), "now"},
		{"without a time", dueWords(time.Time{}, at), "never"},
		{"a time to come", timeWords(at.Add(time.Hour), at), "2026-11-22T05:00:00Z, in 1h"},
		{"a time gone by", timeWords(at.Add(-time.Minute), at), "2026-11-22T03:59:00Z, 1m ago"},
		{"this moment", timeWords(at, at), "2026-11-22T04:00:00Z, now"},
		{"no time", timeWords(time.Time{}, at), ""},
		{"letters and lines stay", safe("é\n\tx"), "é\n\tx"},
		{"what steers a terminal does not", safe("\x1b[2J\r\u202e\xff\u0000"), `\x1b[2J\r\u202e\xff\x00`},
		{"every fate that somebody had", fateWords([]producer.Fate{producer.Cancelled, producer.Ended, producer.Gone},
			map[producer.Fate]int{producer.Ended: 2}), "0 cancelled, 2 had ended before"},
	} {
		t.Run(tc.rule, func(t *testing.T) { equal(t, tc.want, tc.got) })
	}
	equal(t, "one\ntwo", everyError([]error{errors.New("one"), errors.New("two")}).Error())
	equal(t, "x\nx\nx\nx\nx\n… and 4 more", everyError(repeated(errors.New("x"), 9)).Error())
}

func repeated(err error, n int) (all []error) {
	for range n {
		all = append(all, err)
	}
	return all
}

func TestSoonest(t *testing.T) {
	at := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	for _, limit := range []int{0, 1, 3, 100} {
		s := soonest{limit: limit}
		for i := range 50 {
			s.add(producer.Parked{Due: at.Add(time.Duration(i*37%50) * time.Second)})
			if limit > 0 && len(s.jobs) > 2*limit {
				t.Fatalf("%d jobs are kept for %d", len(s.jobs), limit)
			}
		}
		got := s.sorted()
		if want := min(50, limit); limit > 0 && len(got) != want || limit == 0 && len(got) != 50 || s.seen != 50 {
			t.Errorf("limit %d: %d of %d", limit, len(got), s.seen)
		}
		for i, p := range got {
			if !p.Due.Equal(at.Add(time.Duration(i) * time.Second)) {
				t.Errorf("limit %d: place %d has %s", limit, i, p.Due)
			}
		}
	}
}

func TestBulk(t *testing.T) {
	ids := make([]uint64, 200)
	screen := func() *ui.Screen { return ui.NewScreen(io.Discard, ui.Style{}) }

	t.Run("does each once", func(t *testing.T) {
		for i := range ids {
			ids[i] = uint64(i)
		}
		var mu sync.Mutex
		seen := map[uint64]int{}
		err := bulk(t.Context(), screen(), "doing", ids, func(_ context.Context, id uint64) error {
			mu.Lock()
			defer mu.Unlock()
			seen[id]++
			return nil
		})
		if err != nil || len(seen) != len(ids) {
			t.Errorf("%v, %d done", err, len(seen))
		}
	})

	t.Run("stopped, it lets what was begun finish, begins nothing more and says what is left", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var mu sync.Mutex
		begun, finished := 0, 0
		hold := make(chan struct{})
		err := bulk(ctx, screen(), "doing", ids, func(ctx context.Context, _ uint64) error {
			mu.Lock()
			begun++
			last := begun == bulkAtOnce
			mu.Unlock()
			if last {
				stop()
				close(hold)
			}
			<-hold
			mu.Lock()
			defer mu.Unlock()
			if ctx.Err() == nil {
				finished++
			}
			return ctx.Err()
		})
		// One more may be on its way to begin when the stop comes.
		if finished != begun || begun > bulkAtOnce+1 {
			t.Errorf("%d begun, %d finished", begun, finished)
		}
		if want := fmt.Sprintf("stopped: %d of 200 are left; the same command does the rest", 200-finished); err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
	})

	t.Run("a failure ends it, and says what is left", func(t *testing.T) {
		err := bulk(t.Context(), screen(), "doing", ids[:1], func(context.Context, uint64) error { return io.ErrUnexpectedEOF })
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasSuffix(err.Error(), "(1 of 1 are left; the same command does the rest)") {
			t.Errorf("got %v", err)
		}
	})
}
