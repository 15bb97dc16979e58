package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/cmd/nightshift/internal/local"
	"nightshift/producer/event"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	ended := time.Date(2026, 11, 22, 5, 0, 0, 0, time.Local)
	outcome := func(login, cycle string, kind event.Type, reason event.Reason, code string) event.Outcome {
		return event.Outcome{LoginID: login, Cycle: cycle, Lane: event.Nightly, Type: kind, Reason: reason, FlinksCode: code,
			Institution: "Some Bank", Calls: event.Calls{Cached: 1, Live: 1}, Timings: event.Timings{Published: ended, Ended: ended}}
	}
	all := []event.Outcome{
		outcome("ann", "2026-11-21", event.Refreshed, event.LiveRefresh, ""),
		outcome("bob", "2026-11-21", event.MFARequired, event.SecurityChallenge, ""),
		outcome("ann", "2026-11-22", event.ReconnectRequired, event.CredentialsRefused, "INVALID_PASSWORD"),
		outcome("cid", "2026-11-22", event.Failed, event.BankUnavailable, "RETRY_LATER"),
	}
	lines := make([]string, len(all)) // as JSON

	t.Run("an empty stream has none", func(t *testing.T) {
		equal(t, result{}, run(t, stores, "events"))
		equal(t, result{}, run(t, stores, "events", "--json"))
	})

	followed := start(t, stores, "", "events", "--follow", "--json", "--login", "ann")
	for i, o := range all {
		lines[i] = tell(t, js, o)
	}

	t.Run("all are printed, the oldest first", func(t *testing.T) {
		equal(t, result{Stdout: strings.Join([]string{
			"05:00:00  refreshed           ann                                   Some Bank           live_refresh                            2 attempts",
			"05:00:00  mfa_required        bob                                   Some Bank           security_challenge                      2 attempts",
			"05:00:00  reconnect_required  ann                                   Some Bank           credentials_refused INVALID_PASSWORD    2 attempts",
			"05:00:00  failed              cid                                   Some Bank           bank_unavailable RETRY_LATER            2 attempts",
			"",
		}, "\n")}, run(t, stores, "events"))
	})

	for _, tc := range []struct {
		rule, flags string
		want        []int
	}{
		{"with --json as they were told", "", []int{0, 1, 2, 3}},
		{"of a type", "--type failed", []int{3}},
		{"of a login", "--login ann", []int{0, 2}},
		{"of a cycle", "--cycle 2026-11-21", []int{0, 1}},
		{"of all that together", "--login ann --cycle 2026-11-22 --type reconnect_required", []int{2}},
		{"of which there may be none", "--login ann --type failed", nil},
		{"since a while", "--since 1h", []int{0, 1, 2, 3}},
		{"which may be too short", "--since 1ms", nil},
		{"since a day", "--since 2020-11-22", []int{0, 1, 2, 3}},
		{"until one", "--until 2020-11-22", nil},
		{"between two moments", "--since 2020-11-22T04:30:00Z --until 1ms", []int{0, 1, 2, 3}},
		{"of several logins", "--login bob,cid --login ann", []int{0, 1, 2, 3}},
		{"of some", "--login bob --login cid", []int{1, 3}},
		{"of a reason", "--reason bank_unavailable", []int{3}},
		{"of a FlinksCode, in any spelling", "--code invalid_password", []int{2}},
		{"of a bank", "--institution other", nil},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			var want strings.Builder
			for _, i := range tc.want {
				want.WriteString(lines[i])
			}
			equal(t, result{Stdout: want.String()}, run(t, stores, append(strings.Fields(tc.flags), "events", "--json")...))
		})
	}

	t.Run("followed, they come until one stops, which is no failure", func(t *testing.T) {
		followed.until(&followed.stdout, func(text string) bool { return strings.Count(text, "\n") == 2 })
		last := tell(t, js, outcome("ann", "2026-11-23", event.Refreshed, event.CachedFresh, ""))
		followed.until(&followed.stdout, func(text string) bool { return strings.Count(text, "\n") == 3 })
		equal(t, result{Stdout: lines[0] + lines[2] + last}, followed.stop())
	})

	empty := t.TempDir()
	for _, tc := range []struct{ rule, args, want string }{
		{"an unknown type", "--type done", `--type: "done" is none of refreshed, mfa_required, reconnect_required, failed`},
		{"a bad cycle", "--cycle now", `--cycle: bad cycle "now": it has the form 2026-11-22, 2026-11-22-r1 (a replay) or od-<ulid> (on demand)`},
		{"a bad login", "--login a.b", `--login: bad loginId "a.b": only letters, digits, '-' and '_' are allowed`},
		{"a time ahead", "--since=-1h", `--since: "-1h" is no time: write it like 24h (ago), 2026-11-22 or 2026-11-22T04:30:00Z`},
		{"to follow what is told before", "--follow --until 1h", "--until ends with the past, --follow goes on: give one of them"},
		{"a directory where nothing is", "--data " + empty, "nothing was ever stored in " + empty + ": name the directory with --data, or the server with --nats-url"},
	} {
		t.Run("refuses "+tc.rule, func(t *testing.T) {
			equal(t, result{Code: exitUsage, Stderr: "nightshift: " + tc.want + "\n"},
				run(t, nil, append([]string{"events"}, strings.Fields(tc.args)...)...))
		})
	}
}

// Whoever follows need not notice that the server was restarted.
func TestEventsSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve := func(addr string) *local.NATS {
		s, err := local.StartNATS(t.Context(), dir, local.NATSOptions{Listen: addr})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := serve("127.0.0.1:0")
	url := first.URL()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(url, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	o := event.Outcome{LoginID: "ann", Cycle: "2026-11-22", Lane: event.Nightly, Type: event.Refreshed, Reason: event.CachedFresh}
	followed := start(t, []string{"NIGHTSHIFT_NATS_URL=" + url}, "", "events", "--follow", "--json")
	js := dialJetStream(t, url)
	for !streamExists(t, js) {
		followed.until(&followed.stdout, func(string) bool { return true })
	}
	one := tell(t, js, o)
	followed.until(&followed.stdout, func(text string) bool { return text == one })

	first.Close()
	followed.logs("NATS is unreachable; trying again until it answers")
	second := serve("127.0.0.1:" + port)
	defer second.Close()
	followed.logs("NATS has recovered")
	o.Cycle = "2026-11-23"
	two := tell(t, dialJetStream(t, url), o)
	followed.until(&followed.stdout, func(text string) bool { return text == one+two })
	if r := followed.stop(); r.Code != exitOK {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
}

func streamExists(t *testing.T, js jetstream.JetStream) bool {
	t.Helper()
	_, err := js.Stream(t.Context(), event.StreamOutcomes)
	return err == nil
}

// tell puts an outcome into the stream, and returns its data as a line.
func tell(t *testing.T, js jetstream.JetStream, o event.Outcome) string {
	t.Helper()
	data, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), o.Subject(), data, jetstream.WithMsgID(o.ID())); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s\n", data)
}
