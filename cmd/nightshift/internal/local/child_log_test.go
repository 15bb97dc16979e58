package local

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestChildLog(t *testing.T) {
	const warning = "4711:M 22 Nov 2026 04:00:00.000 # Disk is full\n"
	const ready = "4711:M 22 Nov 2026 04:00:00.000 * Ready to accept connections\n"
	const notice = "4711:M 22 Nov 2026 04:00:00.000 * Background saving started\n"
	for _, tc := range []struct {
		rule  string
		up    bool
		wrote []string
		want  string
	}{
		{"a warning is the user's matter", true, []string{warning}, "WARN Disk is full\n"},
		{"a warning before the server is up is a detail", false, []string{warning}, "DEBUG Disk is full\n"},
		{"a notice is a detail", true, []string{notice}, "DEBUG Background saving started\n"},
		{"a line may come in pieces", true, []string{warning[:10], warning[10:30], warning[30:]}, "WARN Disk is full\n"},
		{"a line of another form is all text", true, []string{"Bad directive\n"}, "DEBUG Bad directive\n"},
		{"empty lines are left out", true, []string{"\n\n"}, ""},
		{"a last line without an end is not lost", true, []string{"the end"}, "DEBUG the end\n"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			var out bytes.Buffer
			l := &childLog{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
			if tc.up {
				fmt.Fprint(l, ready)
				out.Reset()
			}
			for _, text := range tc.wrote {
				fmt.Fprint(l, text)
			}
			l.flush()
			if got := short(out.String()); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// short keeps level and text of each log line.
func short(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		_, line, _ = strings.Cut(line, "level=")
		level, said, _ := strings.Cut(line, " msg=redis said=")
		fmt.Fprintf(&b, "%s %s\n", level, strings.Trim(said, "\"\n"))
	}
	return b.String()
}
