package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "demo")
	want := endingOf(flinkstest.Population(60, 1, flinkstest.Mix{}, time.Now()))

	t.Run("as JSON it is one object, and every login ends as it deserves", func(t *testing.T) {
		r := run(t, []string{"NIGHTSHIFT_DATA=" + data}, "demo", "--logins", "60", "--json")
		if r.Code != exitOK {
			t.Fatalf("code %d: %s", r.Code, r.Stderr)
		}
		got := only[summary](t, r.Stdout)
		equal(t, want, got.Outcomes)
		for _, kind := range event.Types {
			if got.Outcomes[string(kind)] == 0 || len(got.Reasons[string(kind)]) == 0 {
				t.Errorf("no login ended as %s: %v", kind, got.Reasons)
			}
		}
		if got.Seconds <= 0 {
			t.Errorf("it took %v seconds", got.Seconds)
		}
		got.Seconds, got.Outcomes, got.Reasons = 0, nil, nil
		equal(t, summary{Logins: 60, Data: data}, got)
	})

	t.Run("its data can be looked at later", func(t *testing.T) {
		equal(t, want, count(told(t, nil, "--data", data)))
	})

	t.Run("the same directory again tells nothing anew, and the verdict comes last", func(t *testing.T) {
		r := run(t, nil, "demo", "--logins", "60", "--data", data)
		if r.Code != exitOK || !strings.HasSuffix(r.Stdout, "\n"+ui.Summary{}.Verdict()+"\n") {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
		if strings.ContainsAny(r.Stdout, "\x1b\r") {
			t.Errorf("control characters in plain output: %q", r.Stdout)
		}
		equal(t, want, count(told(t, nil, "--data", data)))
	})
}

// The banks of a demo know none of the logins that real jobs are about.
func TestDemoLeavesOtherJobsAlone(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if r := run(t, nil, "refresh", "a-real-login", "--data", data); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	r := run(t, nil, "demo", "--logins", "5", "--data", data)
	equal(t, result{Code: exitUsage, Stderr: "nightshift: --data: jobs of other logins wait in " + data +
		", such as one of a-real-login, and simulated banks must not decide how they end: choose another directory\n"}, r)
	equal(t, map[string]string{}, told(t, nil, "--data", data))
}

func TestDemoStopped(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	c := start(t, nil, "", "demo", "--logins", "40", "--latency", "cached=5ms,live=30s", "--data", data)
	c.until(&c.stdout, func(text string) bool { return strings.Contains(text, "cached_fresh") })
	r := c.stop()
	if want := "wait in " + data + ", the same command goes on with them\n"; r.Code != exitTrouble ||
		!strings.HasPrefix(r.Stderr, "nightshift: stopped before the end: ") || !strings.HasSuffix(r.Stderr, want) {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
}

func TestSimulatorFlags(t *testing.T) {
	for _, tc := range []struct{ rule, args, want string }{
		{"a demo needs a login", "demo --logins 0", `--logins: "0" is no whole number from 1 to 10000000`},
		{"a sandbox may have none, but not fewer", "sandbox --logins -5", `--logins: "-5" is no whole number from 0 to 10000000`},
		{"a number is a number", "demo --logins many", `--logins: "many" is no whole number from 1 to 10000000`},
		{"a mix has weights", "demo --mix refreshed", `--mix: "refreshed" has no weight; write name=weight with refreshed, mfa, reconnect, failed, fresh, stale, pending, retry, busy, lost, attributes, transport, config, later`},
		{"of parts that exist", "demo --mix happy=1", `--mix: "happy" is no part of a mix; the parts are refreshed, mfa, reconnect, failed, fresh, stale, pending, retry, busy, lost, attributes, transport, config, later`},
		{"a latency is a duration", "demo --latency live=fast", `--latency: live: "fast" is no duration: write it like 50ms or 20s`},
		{"of a call that exists", "sandbox --latency lively=1s", `--latency: "lively" is none of cached, detail, live, other`},
		{"a fault has a share", "demo --faults drop=often", `--faults: drop: "often" is no share: write it like 0.01`},
		{"that is one", "demo --faults drop=1,html=0.1", `--faults: "drop=1,html=0.1": no share may be below 0, nor their sum above 1, nor the rate below 0`},
		{"a rate is a number", "demo --faults rate=x", `--faults: rate: "x" is no number of calls a second`},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			equal(t, result{Code: exitUsage, Stderr: "nightshift: " + tc.want + "\n"}, run(t, nil, strings.Fields(tc.args)...))
		})
	}
}

// The screen colours and orders the endings by the words of the contract.
func TestScreenKnowsTheEndings(t *testing.T) {
	var words []string
	for _, kind := range event.Types {
		words = append(words, string(kind))
	}
	shown := ui.Types()
	if len(shown) != len(words) {
		t.Errorf("the screen knows %v", shown)
	}
	for _, w := range words {
		if !strings.Contains(" "+strings.Join(shown, " ")+" ", " "+w+" ") {
			t.Errorf("the screen does not know %s", w)
		}
	}
}
