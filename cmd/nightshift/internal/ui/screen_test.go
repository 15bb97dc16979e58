package ui_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"nightshift/cmd/nightshift/internal/ui"
)

var at = time.Date(2026, 11, 22, 4, 0, 7, 0, time.UTC)

var events = []ui.Event{
	{at, "refreshed", "5e115eab-0000-4000-8000-000000000001", "FlinksCapital", "live", "", 2},
	{at.Add(time.Second), "mfa_required", "5e115eab-0000-4000-8000-000000000002", "TD", "security_challenge", "", 1},
	{at.Add(2 * time.Second), "reconnect_required", "5e115eab-0000-4000-8000-000000000003", "Banque Nationale du Canada", "credentials_refused", "INVALID_PASSWORD", 1},
	{at.Add(3 * time.Second), "failed", "5e115eab-0000-4000-8000-000000000004", "", "attempts_used_up", "RETRY_LATER", 3},
}

// show plays one run on a screen.
func show(style ui.Style) string {
	var out bytes.Buffer
	s := ui.NewScreen(&out, style)
	s.Start("Refreshing", 4)
	for i, e := range events {
		time.Sleep(time.Second)
		s.Event(e)
		s.Progress(i+1, fmt.Sprintf("%d in flight", 3-i))
	}
	fmt.Fprintln(s.Above(), "a line of the log")
	s.Finish()
	s.Summary(sample)
	return out.String()
}

func TestScreen(t *testing.T) {
	for _, tc := range []struct {
		file  string
		style ui.Style
	}{
		{"plain.txt", ui.Style{}},
		{"plain-narrow.txt", ui.Style{Width: 72}},
		{"colour.txt", ui.Style{Live: true, Color: true, Width: 160}},
		{"colour-narrow.txt", ui.Style{Live: true, Color: true, Width: 72}},
	} {
		t.Run(tc.file, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { golden(t, tc.file, show(tc.style)) })
		})
	}
}

func TestScreenRules(t *testing.T) {
	t.Run("piped output has no control characters", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if i := strings.IndexFunc(show(ui.Style{}), func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
				t.Errorf("a control character at %d", i)
			}
		})
	})

	t.Run("on a terminal no event or progress is wider than it", func(t *testing.T) {
		codes := regexp.MustCompile("\x1b\\[[0-9;]*[mK]")
		for _, width := range []int{60, 80, 100, 141, 142, 200} {
			synctest.Test(t, func(t *testing.T) {
				shown := codes.ReplaceAllString(show(ui.Style{Live: true, Color: true, Width: width}), "")
				for line := range strings.FieldsFuncSeq(shown, func(r rune) bool { return r == '\n' || r == '\r' }) {
					if n := utf8.RuneCountInString(line); n > width {
						t.Errorf("%d columns on a terminal of %d: %q", n, width, line)
					}
				}
			})
		}
	})

	t.Run("foreign text cannot steer the terminal or add lines", func(t *testing.T) {
		var out bytes.Buffer
		ui.NewScreen(&out, ui.Style{}).Event(ui.Event{Time: at, Type: "failed", FlinksCode: "X\x1b[2J\nrefreshed", Institution: "\u202e"})
		if strings.ContainsAny(out.String(), "\x1b\u202e") || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("got %q", &out)
		}
	})

	t.Run("plain progress is a line per tenth at most", func(t *testing.T) {
		var out bytes.Buffer
		s := ui.NewScreen(&out, ui.Style{})
		s.Start("Refreshing", 10_000)
		for i := range 10_000 {
			s.Progress(i+1, "")
		}
		if n := strings.Count(out.String(), "\n"); n != 11 {
			t.Errorf("%d lines", n)
		}
	})

	t.Run("without a total there is no progress", func(t *testing.T) {
		var out bytes.Buffer
		s := ui.NewScreen(&out, ui.Style{Live: true, Width: 80})
		s.Start("Refreshing", 0)
		s.Progress(1, "")
		s.Finish()
		if out.Len() > 0 {
			t.Errorf("got %q", &out)
		}
	})

	t.Run("goroutines may share a screen", func(t *testing.T) {
		var out bytes.Buffer
		s := ui.NewScreen(&out, ui.Style{Live: true, Color: true, Width: 160})
		s.Start("Refreshing", 200)
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				s.Event(events[i%len(events)])
				s.Progress(i, "")
				fmt.Fprintln(s.Above(), "log")
			})
		}
		wg.Wait()
		s.Finish()
		if n := strings.Count(out.String(), "\n"); n != 400 {
			t.Errorf("%d lines", n)
		}
	})
}

func TestStyleOf(t *testing.T) {
	t.Run("a buffer is plain", func(t *testing.T) {
		if got := ui.StyleOf(&bytes.Buffer{}, false); got != (ui.Style{}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a file is plain", func(t *testing.T) {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got := ui.StyleOf(f, false); got != (ui.Style{}) {
			t.Errorf("got %+v", got)
		}
	})
}
