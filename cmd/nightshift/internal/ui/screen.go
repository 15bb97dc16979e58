package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Screen writes events, progress and summary to one writer. Its methods may be
// called from several goroutines.
type Screen struct {
	style Style

	mu    sync.Mutex
	w     io.Writer
	bar   *progressbar.ProgressBar // Nil when there is no live progress.
	label string
	note  string
	total int
	tenth int // The last tenth that plain progress has told.
	drawn bool
}

// NewScreen returns a screen that writes to w in the given style.
func NewScreen(w io.Writer, s Style) *Screen { return &Screen{w: w, style: s} }

// The live bar: how wide, and how often it is redrawn for progress alone.
const (
	barWidth  = 30
	barPeriod = 100 * time.Millisecond
)

// Start begins a progress of total steps under a label. A total of 0 shows
// none.
func (s *Screen) Start(label string, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.label, s.note, s.total, s.tenth = label, "", total, 0
	if total <= 0 {
		return
	}
	if !s.style.Live {
		fmt.Fprintf(s.w, "%s: 0 of %s\n", label, number(total))
		return
	}
	s.bar = progressbar.NewOptions(total,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetWidth(s.style.chart(barWidth, 50)),
		progressbar.OptionSetDescription(label),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("logins"),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionThrottle(barPeriod),
		progressbar.OptionSetTheme(progressbar.Theme{
			Saucer: "█", SaucerHead: "█", SaucerPadding: "░", BarStart: " ", BarEnd: " ",
		}),
	)
	_ = s.bar.RenderBlank()
	s.draw("")
}

// Progress tells how many steps are done, and what else is worth knowing at
// the moment, such as "12 in flight, 3 parked".
func (s *Screen) Progress(done int, note string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total <= 0 {
		return
	}
	if s.bar == nil {
		s.plainProgress(done, note)
		return
	}
	before := s.bar.String()
	_ = s.bar.Set(min(done, s.total))
	if s.bar.String() != before || s.note != note {
		s.note = note
		s.draw("")
	}
}

// plainProgress tells every tenth of the way on a line of its own.
func (s *Screen) plainProgress(done int, note string) {
	tenth := done * 10 / s.total
	if tenth <= s.tenth {
		return
	}
	s.tenth = tenth
	if note != "" {
		note = ", " + note
	}
	fmt.Fprintf(s.w, "%s: %s of %s (%d %%)%s\n", s.label, number(done), number(s.total), done*100/s.total, note)
}

// Event writes the line of one event, above the live progress if there is one.
func (s *Screen) Event(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw(e.line(s.style) + "\n")
}

// Above returns a writer for other output to the same terminal, such as the
// log, that keeps the live progress below it. Each Write should be whole
// lines.
func (s *Screen) Above() io.Writer { return above{s} }

type above struct{ screen *Screen }

func (a above) Write(p []byte) (int, error) {
	a.screen.mu.Lock()
	defer a.screen.mu.Unlock()
	a.screen.draw(string(p))
	return len(p), nil
}

// Finish takes the live progress off the screen.
func (s *Screen) Finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bar, s.total = nil, 0
	s.draw("")
}

// clearLine takes the cursor's line off the terminal.
const clearLine = "\r\x1b[2K"

// draw writes text in place of the live line and the live line below it, in a
// single write so that nothing flickers.
func (s *Screen) draw(text string) {
	var b bytes.Buffer
	if s.drawn {
		b.WriteString(clearLine)
	}
	b.WriteString(text)
	if s.drawn = s.bar != nil; s.drawn {
		b.WriteString(s.live())
	}
	// A terminal that is gone is no reason to stop the work.
	_, _ = s.w.Write(b.Bytes())
}

// live is the line of the progress, never wider than the terminal: a wrapped
// line could not be taken off again.
func (s *Screen) live() string {
	line := strings.TrimRight(strings.TrimPrefix(s.bar.String(), "\r"), " ")
	if s.note != "" {
		line += "  " + s.note
	}
	if s.style.Width <= 0 {
		return line
	}
	return cut(line, max(1, s.style.Width-1))
}
