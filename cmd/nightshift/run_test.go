package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/cmd/internal/rig"
	"nightshift/cmd/nightshift/internal/local"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
)

// A run that is stopped loses nothing, and the same command ends it.
func TestRunGoesOn(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 60, Seed: 7, Latency: flinkstest.Latency{
		Cached: flinkstest.Lognormal{Median: 20 * time.Millisecond}, Live: flinkstest.Lognormal{Median: 400 * time.Millisecond},
	}})
	data := filepath.Join(t.TempDir(), "data")
	environ := b.environ("NIGHTSHIFT_DATA="+data, "NIGHTSHIFT_CONCURRENCY=8")
	args := []string{"run", "--roster", b.roster(t), "--cycle", "2026-11-22", "--json"}

	first := start(t, environ, "", args...)
	first.until(&first.stderr, func(text string) bool { return strings.Count(text, "cached_fresh") >= 10 })
	r := first.stop()
	if r.Code != exitTrouble || r.Stdout != "" {
		t.Fatalf("a run that is stopped ends with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	early := told(t, nil, "--data", data)
	if len(early) < 10 || len(early) >= 60 {
		t.Fatalf("%d logins were told before the stop", len(early))
	}
	verdict := fmt.Sprintf("nightshift: stopped before the end: %s in %s, the same command goes on with them\n",
		counted(60-len(early), "job waits", "jobs wait"), data)
	if !strings.HasSuffix(r.Stderr, verdict) {
		t.Errorf("got %s\nwant %s", r.Stderr, verdict)
	}

	for _, which := range []string{"the second ends it", "the third tells nothing anew"} {
		r := run(t, environ, args...)
		if r.Code != exitOK {
			t.Fatalf("%s: %d: %s", which, r.Code, r.Stderr)
		}
		got := only[summary](t, r.Stdout)
		equal(t, endingOf(b.logins), got.Outcomes)
		got.Outcomes, got.Reasons, got.Seconds = nil, nil, 0
		equal(t, summary{Logins: 60, Data: data}, got)
		equal(t, b.deserved(), told(t, nil, "--data", data))
	}
	for id, n := range b.sim.LoginStats() {
		if n.Live > 3 {
			t.Errorf("%s was asked live %d times", id, n.Live)
		}
	}
	if o := b.sim.Overlaps(); len(o) > 0 {
		t.Errorf("two sessions of one login at once: %+v", o[0])
	}
}

func TestRunWithBadLines(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 5, Mix: flinkstest.Mix{Fresh: 1}})
	list := csvOf(b.logins, "not.one", "", "two,fields")
	data := t.TempDir()
	environ := b.environ("NIGHTSHIFT_DATA=" + data)
	notes := `roster: line 7: bad loginId "not.one": only letters, digits, '-' and '_' are allowed; left out
roster: line 9: it has 2 fields, the header has 1; left out
`
	verdict := "nightshift: 2 bad lines of the roster were left out\n"

	t.Run("they are named, the others are done", func(t *testing.T) {
		r := start(t, environ, list, "run", "--roster", "-", "--cycle", "2026-11-22").result()
		if r.Code != exitBadLines || r.Stderr != notes+verdict {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
		if strings.Count(r.Stdout, "cached_fresh") != 5+1 { // A line each, and one in the summary.
			t.Errorf("got %s", r.Stdout)
		}
		if !strings.HasSuffix(r.Stdout, "\nnothing lost, nothing told twice\n") {
			t.Errorf("got %s", r.Stdout)
		}
	})

	t.Run("with --json all but the summary goes to standard error", func(t *testing.T) {
		r := start(t, environ, list, "run", "--roster", "-", "--cycle", "2026-11-23", "--json").result()
		if r.Code != exitBadLines || !strings.Contains(r.Stderr, notes) || !strings.HasSuffix(r.Stderr, verdict) {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
		got := only[summary](t, r.Stdout)
		if got.Logins != 5 || got.Outcomes["refreshed"] != 5 {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("a single one is told in the singular", func(t *testing.T) {
		r := start(t, environ, "loginId\nnot.one\n", "run", "--roster", "-").result()
		if r.Code != exitBadLines || !strings.HasSuffix(r.Stderr, "nightshift: 1 bad line of the roster was left out\n") {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
	})

	t.Run("a roster that is none is one message", func(t *testing.T) {
		r := start(t, environ, "id\n1\n", "run", "--roster", "-").result()
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: roster: line 1: the header \"id\" has no column loginId\n"}, r)
	})
}

// What waits in the stream already must not hide why a run ends.
func TestRunTellsTheCause(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 1, Latency: flinkstest.Latency{Cached: flinkstest.Lognormal{Median: time.Hour}}})
	data := t.TempDir()
	if r := run(t, b.environ(), "refresh", b.logins[0].ID, "--data", data); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	r := start(t, b.environ("NIGHTSHIFT_DATA="+data), "no header\n", "run", "--roster", "-").result()
	equal(t, result{Code: exitTrouble, Stderr: "nightshift: roster: line 1: the header \"no header\" has no column loginId " +
		"(1 job waits in " + data + ")\n"}, r)
}

func TestRunBeginsNothingWithoutItsSettings(t *testing.T) {
	b := newBank(t, population{})
	data := filepath.Join(t.TempDir(), "data")
	for _, tc := range []struct {
		rule    string
		environ []string
		args    string
		want    string
	}{
		{"a roster", b.environ(), "run", "there is no list: give --roster, where - is standard input, or --sql and --query"},
		{"a roster that is there", b.environ(), "run --roster " + data, "the list: open " + data + ": no such file or directory"},
		{"a cycle of the right form", b.environ(), "run --roster - --cycle tonight",
			`--cycle: bad cycle "tonight": it has the form 2026-11-22, 2026-11-22-r1 (a replay) or od-<ulid> (on demand)`},
		{"Flinks' address", nil, "run --roster -",
			`--flinks-url is missing (or NIGHTSHIFT_FLINKS_URL): the address of your Flinks API, or of a simulator that "nightshift sandbox" serves`},
		{"a secret", []string{"NIGHTSHIFT_FLINKS_URL=" + b.url, "NIGHTSHIFT_FLINKS_CUSTOMER_ID=x"}, "run --roster -",
			"--flinks-secret-key is missing: with --flinks-url it must be set too (or NIGHTSHIFT_FLINKS_SECRET_KEY)"},
		{"an address of Redis that can be read", b.environ("NIGHTSHIFT_REDIS_URL=redis://127.0.0.1/first"), "run --roster -",
			`--redis-url: state: bad redis URL: redis: invalid database number: "first" (want redis://host:6379/0, rediss://…, unix:///path)`},
		{"the same for consume", nil, "consume",
			`--flinks-url is missing (or NIGHTSHIFT_FLINKS_URL): the address of your Flinks API, or of a simulator that "nightshift sandbox" serves`},
		{"a cycle for produce", nil, "produce --once --roster - --cycle 2026", `--cycle: bad cycle "2026": it has the form 2026-11-22, 2026-11-22-r1 (a replay) or od-<ulid> (on demand)`},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			r := run(t, append(tc.environ, "NIGHTSHIFT_DATA="+data), strings.Fields(tc.args)...)
			equal(t, result{Code: exitUsage, Stderr: "nightshift: " + tc.want + "\n"}, r)
			missing(t, data)
		})
	}
}

func TestRunTellsWhoHasTheDirectory(t *testing.T) {
	b := newBank(t, population{})
	data := t.TempDir()
	lock, err := local.LockDir(data)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	r := run(t, b.environ("NIGHTSHIFT_DATA="+data), "run", "--roster", "-")
	equal(t, result{Code: exitTrouble, Stderr: fmt.Sprintf("nightshift: local: the data directory %s is in use by another process (pid %d): "+
		"stop it, or choose another directory\n", data, os.Getpid())}, r)
}

// A roster may be a pipe, which can be opened and read only once.
func TestRunReadsAPipe(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 3, Mix: flinkstest.Mix{Fresh: 1}})
	pipe := filepath.Join(t.TempDir(), "logins")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(pipe, []byte(csvOf(b.logins)), 0) }()
	r := run(t, b.environ("NIGHTSHIFT_DATA="+t.TempDir()), "run", "--roster", pipe, "--json")
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if got := only[summary](t, r.Stdout); r.Code != exitOK || got.Outcomes["refreshed"] != 3 {
		t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// Servers of one's own, and a refresh on demand that ends in the middle of it
// all: it belongs to nobody's night.
func TestRunOnServers(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 10, Mix: flinkstest.Mix{Fresh: 1}})
	stores, js := servers(t)
	environ := b.environ(stores...)
	if r := run(t, environ, "setup"); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	tell(t, js, event.Outcome{
		LoginID: b.logins[0].ID, Cycle: producer.OnDemandCycle(), Lane: event.OnDemand,
		Type: event.Failed, Reason: event.Busy, Timings: event.Timings{Ended: now().Add(time.Hour)},
	})
	r := start(t, environ, csvOf(b.logins), "run", "--roster", "-", "--json").result()
	if r.Code != exitOK {
		t.Fatalf("code %d: %s", r.Code, r.Stderr)
	}
	got := only[summary](t, r.Stdout)
	got.Reasons, got.Seconds = nil, 0
	equal(t, summary{Logins: 10, Outcomes: map[string]int{"refreshed": 10, "mfa_required": 0, "reconnect_required": 0, "failed": 0},
		Data: strings.TrimPrefix(stores[0], "NIGHTSHIFT_NATS_URL=")}, got)
}

func TestSetup(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	want := result{Stdout: `stream        REFRESH_JOBS
stream        REFRESH_OUTCOMES
stream        REFRESH_LIVE
stream        REFRESH_PUSHES
stream        REFRESH_DEAD
stream        REFRESH_ACCOUNTS
consumer      nightly
consumer      ondemand
consumer      pushes
object store  refresh-accounts
`}

	for _, rule := range []string{"creates what is needed", "and can be repeated"} {
		t.Run(rule, func(t *testing.T) { equal(t, want, run(t, stores, "setup")) })
	}

	t.Run("says the same in JSON", func(t *testing.T) {
		type parts struct {
			Streams     []string `json:"streams"`
			Consumers   []string `json:"consumers"`
			ObjectStore string   `json:"objectStore"`
		}
		equal(t, parts{
			[]string{"REFRESH_JOBS", "REFRESH_OUTCOMES", "REFRESH_LIVE", "REFRESH_PUSHES", "REFRESH_DEAD", "REFRESH_ACCOUNTS"}, []string{"nightly", "ondemand", "pushes"}, "refresh-accounts",
		}, only[parts](t, run(t, stores, "setup", "--json").Stdout))
	})

	t.Run("names a stream that is not as it must be, and the field", func(t *testing.T) {
		s, err := js.Stream(t.Context(), event.StreamDead)
		if err != nil {
			t.Fatal(err)
		}
		config := s.CachedInfo().Config
		config.MaxAge = time.Hour
		if _, err := js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: producer: stream REFRESH_DEAD exists with other settings: " +
			"max_age is 1h0m0s, Nightshift needs 720h0m0s; change it there, or give the part another name or account\n"}, run(t, stores, "setup"))
	})

	for rule, file := range map[string]string{"is not there": filepath.Join(t.TempDir(), "none"), "is no file": t.TempDir()} {
		t.Run("does not wait for credentials whose file "+rule, func(t *testing.T) {
			r := run(t, stores, "setup", "--nats-creds", file)
			if r.Code != exitTrouble || !strings.Contains(r.Stderr, file+": ") || strings.Contains(r.Stderr, "again") {
				t.Errorf("code %d: %s", r.Code, r.Stderr)
			}
		})
	}
}

// laterAddr is an address on which nobody listens yet.
func laterAddr(t *testing.T) string {
	t.Helper()
	addr := freeAddr(t)
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Fatalf("%s is taken", addr)
	}
	return addr
}

// logLines decodes a log in JSON, each line of which must be an object.
func logLines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Errorf("not JSON: %s", line)
		}
		all = append(all, m)
	}
	return all
}

// A run whose last calls end within the grace time is a whole one.
func TestRunStoppedAtTheLastMoment(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 2, Mix: flinkstest.Mix{Fresh: 1}, Latency: flinkstest.Latency{
		Detail: flinkstest.Lognormal{Median: 700 * time.Millisecond},
	}})
	c := start(t, b.environ("NIGHTSHIFT_DATA="+t.TempDir(), "NIGHTSHIFT_GRACE=20s"), csvOf(b.logins), "run", "--roster", "-", "--json")
	await(t, func() bool { return b.sim.Stats().Calls["Authorize"] == 2 })
	r := c.stop()
	if got := only[summary](t, r.Stdout); r.Code != exitOK || got.Outcomes["refreshed"] != 2 {
		t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// What the outcome stream holds is what was told, whoever is to blame.
func TestRunFindsWhatIsLostOrToldTwice(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 3, Mix: flinkstest.Mix{Fresh: 1}})
	stores, js := servers(t)
	environ := b.environ(stores...)
	roster := b.roster(t)
	again := func() result { return run(t, environ, "run", "--roster", roster, "--cycle", "2026-11-22", "--json") }
	if r := again(); r.Code != exitOK {
		t.Fatalf("code %d: %s", r.Code, r.Stderr)
	}
	stream, err := js.Stream(t.Context(), event.StreamOutcomes)
	if err != nil {
		t.Fatal(err)
	}
	one, err := stream.GetLastMsgForSubject(t.Context(), event.AnyOutcomeSubject(b.logins[0].ID))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("an outcome that is there twice", func(t *testing.T) {
		if _, err := js.Publish(t.Context(), one.Subject, one.Data); err != nil {
			t.Fatal(err)
		}
		r := again()
		if got := only[summary](t, r.Stdout); r.Code != exitLost || got.Duplicates != 1 || got.Lost != 0 || got.Outcomes["refreshed"] != 3 {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
	})

	t.Run("and one that is gone", func(t *testing.T) {
		if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject(one.Subject)); err != nil {
			t.Fatal(err)
		}
		r := run(t, environ, "run", "--roster", roster, "--cycle", "2026-11-22")
		if r.Code != exitLost || !strings.HasSuffix(r.Stdout, "\nWARNING: 1 lost, 0 told twice\n") {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
	})
}

// freeAddr is an address on loopback that nobody uses.
func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := rig.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
