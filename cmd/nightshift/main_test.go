package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the goldens anew")

func TestRunErrors(t *testing.T) {
	for _, tc := range []struct {
		rule string
		args string
		want string
	}{
		{"an unknown command names the nearest", "verson", `unknown command "verson" for "nightshift": did you mean version?`},
		{"one that is like no other names the list", "frobnicate", `unknown command "frobnicate" for "nightshift": see "nightshift --help"`},
		{"its flags are not blamed for it", "verson --json", `unknown command "verson" for "nightshift": did you mean version?`},
		{"so it is below a command", "completion bsh", `unknown command "bsh" for "nightshift completion": did you mean bash?`},
		{"and in the help", "help verson", `unknown command "verson" for "nightshift": did you mean version?`},
		{"an unknown flag names the nearest", "version --jsn", `unknown flag --jsn for "nightshift version": did you mean --json?`},
		{"an unknown letter names the list", "version -x", `unknown flag -x for "nightshift version": see "nightshift version --help"`},
		{"a word too many is refused", "version now", `"nightshift version" takes no arguments, but got "now"`},
		{"a bool with a wrong value is refused", "version --json=perhaps", `invalid argument "perhaps" for "--json" flag: strconv.ParseBool: parsing "perhaps": invalid syntax`},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			want := result{Code: exitUsage, Stderr: "nightshift: " + tc.want + "\n"}
			if diff := cmp.Diff(want, run(t, nil, strings.Fields(tc.args)...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunAnswers(t *testing.T) {
	for _, args := range []string{"", "--help", "help", "help version", "version --help", "help settings", "completion --help"} {
		t.Run("help is an answer: "+args, func(t *testing.T) {
			// A broken environment is no reason to withhold it.
			got := run(t, []string{"NIGHTSHIFT_TYPO=1"}, strings.Fields(args)...)
			if got.Code != exitOK || got.Stderr != "" || !strings.Contains(got.Stdout, "Usage:") {
				t.Errorf("got %+v", got)
			}
		})
	}

	t.Run("the root help tells the exit codes", func(t *testing.T) {
		if got := run(t, nil, "--help"); !strings.Contains(got.Stdout, exitCodes) {
			t.Errorf("got %s", got.Stdout)
		}
	})

	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		t.Run("completes in "+shell, func(t *testing.T) {
			got := run(t, nil, "completion", shell)
			if got.Code != exitOK || got.Stderr != "" || !strings.Contains(got.Stdout, "nightshift") {
				t.Errorf("got %d, %s", got.Code, got.Stderr)
			}
		})
	}

	t.Run("completion knows the commands", func(t *testing.T) {
		got := run(t, nil, "__complete", "ver")
		if got.Code != exitOK || !strings.HasPrefix(got.Stdout, "version\t") {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("completion knows the topics of help", func(t *testing.T) {
		got := run(t, nil, "__complete", "help", "")
		if got.Code != exitOK || !strings.Contains(got.Stdout, "settings\n") {
			t.Errorf("got %+v", got)
		}
	})
}

func TestReport(t *testing.T) {
	broken := context.DeadlineExceeded
	for _, tc := range []struct {
		rule  string
		begun bool
		err   error
		want  result
	}{
		{"no error is 0", true, nil, result{Code: exitOK}},
		{"what breaks at work is trouble", true, broken, result{Code: exitTrouble, Stderr: "nightshift: context deadline exceeded\n"}},
		{"what breaks before is usage", false, broken, result{Code: exitUsage, Stderr: "nightshift: context deadline exceeded\n"}},
		{"a command may choose its code", true, exit(exitLost, broken), result{Code: exitLost, Stderr: "nightshift: context deadline exceeded\n"}},
		{"and say nothing more", true, exit(exitBadLines, nil), result{Code: exitBadLines}},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			var stderr bytes.Buffer
			a := &app{stderr: &stderr, begun: tc.begun}
			got := result{Code: a.report(tc.err), Stderr: stderr.String()}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGroupCommand(t *testing.T) {
	a := &app{}
	root := a.newRootCommand()
	root.AddCommand(groupCommand("shelf", "Look after a shelf", groupLook,
		&cobra.Command{Use: "list", Run: func(*cobra.Command, []string) {}},
		&cobra.Command{Use: "now", Run: func(*cobra.Command, []string) {}}))
	root.SetArgs([]string{"shelf"})
	err := root.ExecuteContext(t.Context())
	if want := `"nightshift shelf" needs a subcommand: list, now`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestVersion(t *testing.T) {
	t.Run("as JSON it has every key a script needs", func(t *testing.T) {
		got := run(t, nil, "version", "--json")
		var v versionInfo
		if err := json.Unmarshal([]byte(got.Stdout), &v); err != nil || v.Go == "" || v.Platform == "" || v.Version == "" {
			t.Errorf("got %+v, %v", v, err)
		}
	})
	t.Run("in words it is one line", func(t *testing.T) {
		got := run(t, nil, "version")
		if !strings.HasPrefix(got.Stdout, "nightshift ") || strings.Count(got.Stdout, "\n") != 1 {
			t.Errorf("got %q", got.Stdout)
		}
	})
}

func TestLogging(t *testing.T) {
	for _, tc := range []struct {
		rule              string
		set               logSettings
		terminal, noColor bool
		want              string
	}{
		{"a file gets JSON", logSettings{"auto", "info"}, false, false, `{"level":"INFO","msg":"begun","secret":"hidden"}` + "\n"},
		{"a terminal gets colours", logSettings{"auto", "info"}, true, false, "\x1b[92mINF\x1b[0m begun \x1b[2msecret=\x1b[0mhidden\n"},
		{"or none", logSettings{"auto", "info"}, true, true, "INF begun secret=hidden\n"},
		{"text can be had in a file, without colours", logSettings{"text", "info"}, false, false, "INF begun secret=hidden\n"},
		{"JSON can be had on a terminal", logSettings{"json", "info"}, true, false, `{"level":"INFO","msg":"begun","secret":"hidden"}` + "\n"},
		{"below the level nothing is logged", logSettings{"json", "warn"}, false, false, ""},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			var out bytes.Buffer
			h := newHandler(&out, tc.set, tc.terminal, tc.noColor)
			record := slog.Record{Level: slog.LevelInfo, Message: "begun"}
			record.AddAttrs(slog.Any("secret", Secret("s3cret")))
			if h.Enabled(t.Context(), record.Level) {
				if err := h.Handle(t.Context(), record); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}

	t.Run("the program's log goes to stderr", func(t *testing.T) {
		var stderr bytes.Buffer
		a := &app{stderr: &stderr}
		a.logger(logSettings{Format: "json", Level: "info"}).Info("there")
		if !strings.Contains(stderr.String(), "there") {
			t.Errorf("got %q", &stderr)
		}
	})
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, diff)
	}
}
