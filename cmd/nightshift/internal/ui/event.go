package ui

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fatih/color"
)

// Event is the ending of one login, as shown on one line.
type Event struct {
	Time        time.Time // Shown in its own zone.
	Type        string    // refreshed, mfa_required, reconnect_required or failed.
	LoginID     string
	Institution string
	Reason      string
	FlinksCode  string // As Flinks said it; empty for a success.
	Attempts    int    // Calls of all kinds; 0: not shown.
}

// The columns of a line, and below which width the login's id is cut to its
// first group: it is the widest column, and the events command shows it whole.
const (
	typeWidth        = 18
	loginWidth       = 36
	shortLogin       = 9
	institutionWidth = 18
	causeWidth       = 38
	fullWidth        = 142
)

// line writes the event in aligned columns, cut to the style's width.
func (e Event) line(s Style) string {
	login, width := clean(e.LoginID), loginWidth
	if s.Width > 0 && s.Width < fullWidth {
		login, width = cut(login, shortLogin), shortLogin
	}
	clock := e.Time.Format("15:04:05")
	kind := pad(clean(e.Type), typeWidth)
	tail := strings.TrimRight(fmt.Sprintf("%s  %s  %s",
		pad(login, width), pad(cut(clean(e.Institution), institutionWidth), institutionWidth), e.why()), " ")
	if s.Width > 0 {
		tail = cut(tail, max(1, s.Width-len(clock)-len(kind)-4))
	}
	return s.paint(clock, color.Faint) + "  " + s.paint(kind, colorOf(e.Type)) + "  " + tail
}

// why says reason, code and attempts, leaving out what is empty.
func (e Event) why() string {
	cause := strings.TrimSpace(clean(e.Reason) + " " + clean(e.FlinksCode))
	switch e.Attempts {
	case 0:
		return cause
	case 1:
		return pad(cause, causeWidth) + "  1 attempt"
	default:
		return fmt.Sprintf("%s  %d attempts", pad(cause, causeWidth), e.Attempts)
	}
}

// clean makes a text from elsewhere safe for a terminal, and keeps it on one
// line.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// cut shortens text to width, with an ellipsis at the end.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(0, width-1)]) + "…"
}

// pad fills text with blanks up to width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
