package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nightshift/producer"
)

func sameZone(a, b *time.Location) bool { return a.String() == b.String() }

// all is every shared setting.
type all struct {
	Stores storeSettings
	Flinks flinksSettings
	Night  nightSettings
	Nights routineSettings
	Work   workSettings
	Hook   webhookSettings
	Widget connectSettings
	MFA    mfaSettings
	Log    logSettings
}

func defaults() all {
	return all{
		Stores: storeSettings{Data: "nightshift-data"},
		Night:  nightSettings{Window: producer.Window{From: 4 * time.Hour, To: 8 * time.Hour}, Zone: time.UTC, DaysOfTransactions: 90, Attributes: "none"},
		Nights: routineSettings{MostWaiting: 1_000_000, Missed: "skip"},
		Work: workSettings{
			Concurrency: 64, MaxAge: 24 * time.Hour, PollInterval: 3 * time.Second, PollTimeout: 30 * time.Minute,
			MaxLive: 3, RetryBase: 5 * time.Minute, RetryCap: time.Hour, Patience: 5 * time.Minute, Accounts: "keep", Grace: 30 * time.Second,
		},
		Hook: webhookSettings{Header: "flinks-authenticity-key", Path: "/flinks"},
		Log:  logSettings{Format: "auto", Level: "info"},
	}
}

// settle runs a command that has every setting and returns what it was given.
func settle(environ []string, args ...string) (all, error) {
	var s all
	a := &app{env: environ, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	root := a.newRootCommand()
	cmd := &cobra.Command{Use: "work", RunE: func(*cobra.Command, []string) error { return nil }}
	a.settings(cmd, &s.Stores, &s.Flinks, &s.Night, &s.Nights, &s.Work, &s.Work.Push, &s.Hook, &s.Widget, &s.MFA, &s.Log)
	root.AddCommand(cmd)
	root.SetArgs(append([]string{"work"}, args...))
	return s, root.Execute()
}

func TestSettings(t *testing.T) {
	file := write(t, "  from the file\n")
	for _, tc := range []struct {
		rule    string
		environ []string
		args    []string
		want    func(*all)
	}{
		{"nothing given leaves the defaults", nil, nil, func(*all) {}},
		{"the environment beats the default", []string{"NIGHTSHIFT_POLL_INTERVAL=7s"}, nil,
			func(s *all) { s.Work.PollInterval = 7 * time.Second }},
		{"a flag beats the environment", []string{"NIGHTSHIFT_POLL_INTERVAL=7s"}, []string{"--poll-interval=9s"},
			func(s *all) { s.Work.PollInterval = 9 * time.Second }},
		{"a flag beats a variable that is wrong", []string{"NIGHTSHIFT_REPLICAS=x"}, []string{"--replicas=3"},
			func(s *all) { s.Stores.Replicas = 3 }},
		{"a flag may repeat the default", []string{"NIGHTSHIFT_REPLICAS=3"}, []string{"--replicas=0"}, func(*all) {}},
		{"an empty variable counts as none", []string{"NIGHTSHIFT_REPLICAS="}, nil, func(*all) {}},
		{"of two the last one counts", []string{"NIGHTSHIFT_REPLICAS=1", "NIGHTSHIFT_REPLICAS=3"}, nil,
			func(s *all) { s.Stores.Replicas = 3 }},
		{"a secret may come from a file", []string{"NIGHTSHIFT_FLINKS_SECRET_KEY_FILE=" + file}, nil,
			func(s *all) { s.Flinks.SecretKey = "from the file" }},
		{"a flag beats the file, which is not read", []string{"NIGHTSHIFT_FLINKS_SECRET_KEY_FILE=/none"}, []string{"--flinks-secret-key=k"},
			func(s *all) { s.Flinks.SecretKey = "k" }},
		{"several servers with commas", nil, []string{"--nats-url", "nats://a:4222,tls://b:4222"},
			func(s *all) { s.Stores.NATSURL = "nats://a:4222,tls://b:4222" }},
		{"a switch needs no value", nil, []string{"--webhooks"}, func(s *all) { s.Work.Push.Webhooks = true }},
		{"it may be a variable", []string{"NIGHTSHIFT_WEBHOOKS=1"}, nil, func(s *all) { s.Work.Push.Webhooks = true }},
		{"and be switched off again", []string{"NIGHTSHIFT_WEBHOOKS=true"}, []string{"--webhooks=false"}, func(*all) {}},
		{"a window may cross midnight", nil, []string{"--window", "22:30-02:00"},
			func(s *all) { s.Night.Window = producer.Window{From: 22*time.Hour + 30*time.Minute, To: 2 * time.Hour} }},
		{"other programs' variables are none of ours", []string{"NIGHT=1", "nightshift_x=1", "PATH=/bin"}, nil, func(*all) {}},
		{"what Kubernetes says of its services is none of ours", []string{
			"NIGHTSHIFT_SERVICE_HOST=10.0.0.1", "NIGHTSHIFT_SERVICE_PORT=80", "NIGHTSHIFT_SERVICE_PORT_HTTP=80",
			"NIGHTSHIFT_PORT=tcp://10.0.0.1:80", "NIGHTSHIFT_CONSUMER_PORT_9090_TCP_ADDR=10.0.0.1",
			"NIGHTSHIFT_PORT_80_TCP=tcp://10.0.0.1:80",
		}, nil, func(*all) {}},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			want := defaults()
			tc.want(&want)
			got, err := settle(tc.environ, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(sameZone)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSettingsErrors(t *testing.T) {
	file, empty := write(t, "key"), write(t, " \n")
	for _, tc := range []struct {
		rule    string
		environ string
		args    string
		want    string
	}{
		{"a variable that is none names the nearest", "NIGHTSHIFT_NATZ_URL=x", "", "unknown environment variable NIGHTSHIFT_NATZ_URL: did you mean NIGHTSHIFT_NATS_URL?"},
		{"one that is far off names the list", "NIGHTSHIFT_FLUX_CAPACITOR=x", "", `unknown environment variable NIGHTSHIFT_FLUX_CAPACITOR: see "nightshift settings"`},
		{"an empty one is misspelt all the same", "NIGHTSHIFT_NATZ_URL=", "", "unknown environment variable NIGHTSHIFT_NATZ_URL: did you mean NIGHTSHIFT_NATS_URL?"},
		{"only a secret may come from a file", "NIGHTSHIFT_WINDOW_FILE=x", "", "unknown environment variable NIGHTSHIFT_WINDOW_FILE: did you mean NIGHTSHIFT_WINDOW?"},
		{"an unknown flag names the nearest", "", "--poll-intervall=3s", `unknown flag --poll-intervall for "nightshift work": did you mean --poll-interval?`},
		{"a flag without a value says so", "", "--window", "--window needs a value"},
		{"a wrong value names the flag", "", "--poll-interval=3", `--poll-interval: "3" is no duration: write it like 3s, 30m or 24h`},
		{"or the variable", "NIGHTSHIFT_POLL_INTERVAL=3", "", `NIGHTSHIFT_POLL_INTERVAL: "3" is no duration: write it like 3s, 30m or 24h`},
		{"a span may be too short", "", "--poll-interval=0s", "--poll-interval: 0s is too short: the least is 10ms"},
		{"a number has bounds", "", "--concurrency=0", `--concurrency: "0" is no whole number from 1 to 50000`},
		{"a choice names the words", "", "--log-format=xml", `--log-format: "xml" is none of auto, text, json`},
		{"a switch is on or off", "", "--webhooks=perhaps", `--webhooks: "perhaps" is neither true nor false`},
		{"a language is one of Connect's", "", "--connect-language=de", `--connect-language: "de" is none of en, fr`},
		{"a choice of numbers too", "", "--replicas=2", `--replicas: "2" is none of 0, 1, 3`},
		{"a window has two times", "", "--window=04:00", `--window: "04:00" is no window: write two different times of day, like 04:00-08:00`},
		{"of the day", "", "--window=04:00-24:30", `--window: "04:00-24:30" is no window: write two different times of day, like 04:00-08:00`},
		{"that differ", "", "--window=04:00-04:00", `--window: "04:00-04:00" is no window: write two different times of day, like 04:00-08:00`},
		{"a URL has a known scheme and is not repeated", "", "--nats-url=user:pass@host", "--nats-url: not a URL that begins with nats:// or tls:// or ws:// or wss://"},
		{"each of several URLs", "", "--nats-url=nats://a:4222,b", "--nats-url: not a URL that begins with nats:// or tls:// or ws:// or wss://"},
		{"a secret of two lines is not repeated", "NIGHTSHIFT_FLINKS_API_KEY=s3\ncret", "", "NIGHTSHIFT_FLINKS_API_KEY: the secret must be one line"},
		{"a secret from two places is a mistake", "NIGHTSHIFT_FLINKS_API_KEY=a|NIGHTSHIFT_FLINKS_API_KEY_FILE=" + file, "", "NIGHTSHIFT_FLINKS_API_KEY and NIGHTSHIFT_FLINKS_API_KEY_FILE are both set: keep one of them"},
		{"a secret's file must be there", "NIGHTSHIFT_FLINKS_API_KEY_FILE=/none/such", "", "NIGHTSHIFT_FLINKS_API_KEY_FILE: open /none/such: no such file or directory"},
		{"and hold something", "NIGHTSHIFT_FLINKS_API_KEY_FILE=" + empty, "", "NIGHTSHIFT_FLINKS_API_KEY_FILE: the file " + empty + " is empty"},
		{"Flinks needs a customer", "", "--flinks-url=https://x --flinks-secret-key=k", "--flinks-customer-id is missing: with --flinks-url it must be set too (or NIGHTSHIFT_FLINKS_CUSTOMER_ID)"},
		{"and a key", "", "--flinks-url=https://x --flinks-customer-id=c", "--flinks-secret-key is missing: with --flinks-url it must be set too (or NIGHTSHIFT_FLINKS_SECRET_KEY)"},
		{"polls must fit their time-out", "", "--poll-interval=3s --poll-timeout=1s", "--poll-interval (3s) is longer than --poll-timeout (1s)"},
		{"retries must fit their cap", "", "--retry-base=2h", "--retry-base (2h) is longer than --retry-cap (1h)"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			_, err := settle(strings.Split(tc.environ, "|"), strings.Fields(tc.args)...)
			if err == nil || err.Error() != tc.want {
				t.Fatalf("got  %v\nwant %s", err, tc.want)
			}
			a := &app{stderr: &bytes.Buffer{}, begun: true}
			if code := a.report(err); code != exitUsage {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// Every setting has a default that its own form would take, so that a value
// copied from the help works.
func TestDefaultsCanBeGiven(t *testing.T) {
	fs := allSettings()
	var args []string
	fs.VisitAll(func(f *pflag.Flag) {
		if f.DefValue != "" {
			args = append(args, "--"+f.Name+"="+f.DefValue)
		}
	})
	got, err := settle(nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaults(), got, cmp.Comparer(sameZone)); diff != "" {
		t.Error(diff)
	}
}

func TestHelpShowsSettings(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, stderr: &out}
	root := a.newRootCommand()
	cmd := &cobra.Command{Use: "work", Short: "Work jobs off", GroupID: groupNight, Example: "  nightshift work", Run: func(*cobra.Command, []string) {}}
	a.settings(cmd, &storeSettings{}, &flinksSettings{}, &nightSettings{}, &workSettings{}, &logSettings{})
	root.AddCommand(cmd)
	root.SetArgs([]string{"work", "--help"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	golden(t, "help-work.txt", out.String())
}

func TestSettingsCommand(t *testing.T) {
	t.Run("lists for the terminal", func(t *testing.T) {
		golden(t, "settings.txt", run(t, nil, "settings").Stdout)
	})
	t.Run("and for the README", func(t *testing.T) {
		golden(t, "settings.md", run(t, nil, "settings", "--markdown").Stdout)
	})
}

// The table of the README comes from the code; -update writes it.
func TestREADME(t *testing.T) {
	const file, begin, end = "../../README.md", "<!-- settings: begin -->\n", "<!-- settings: end -->\n"
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(content), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("the README has no place for the settings: put %q and %q where the table belongs", begin, end)
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+settingsTable()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(settingsTable(), old); diff != "" {
		t.Errorf("the README's settings are old; task golden writes them anew (-want +got):\n%s", diff)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const password = "s3cret"
	s := struct {
		Key  Secret
		Addr Address
		Many Address
	}{password, "redis://:" + password + "@host:6379/0?password=" + password, "nats://" + password + "@a,nats://u:" + password + "@b"}
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	log.Info("x", "key", s.Key, "addr", s.Addr, "many", s.Many, "all", s)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "key", s.Key, "addr", s.Addr, "many", s.Many, "all", s)
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v %v", s, &s), "%+v": fmt.Sprintf("%+v", s), "%#v": fmt.Sprintf("%#v", s),
		"%s": fmt.Sprintf("%s %s %s", s.Key, s.Addr, s.Many), "%q": fmt.Sprintf("%q", s.Key), "%x": fmt.Sprintf("%x", s.Key),
		"print": fmt.Sprint(s.Key, s.Addr), "json": string(asJSON), "slog": logged.String(),
		"String": s.Key.String() + s.Addr.String() + s.Many.String(),
	} {
		if strings.Contains(text, password) || strings.Contains(text, fmt.Sprintf("%x", password)) {
			t.Errorf("%s shows the secret: %s", name, text)
		}
	}
	if s.Key.Reveal() != password || !strings.Contains(s.Addr.Reveal(), password) {
		t.Error("Reveal does not give the secret away")
	}
	if got, want := s.Addr.String(), "redis://:xxxxx@host:6379/0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"version", "settings", "run"}
	for word, want := range map[string]string{
		"verson": "version", "setings": "settings", "rnu": "run", "vers": "", "completely-else": "", "": "",
	} {
		t.Run(word, func(t *testing.T) {
			if got := nearest(word, known); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// write makes a file with the content and returns its path.
func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
