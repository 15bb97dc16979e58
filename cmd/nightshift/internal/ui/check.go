package ui

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/fatih/color"
)

// Check is one line of an examination.
type Check struct {
	Mark string // ok, warning, broken or skipped
	Name string
	Says string
	Mend []string // Lines to type, shown below.
}

// The columns of a check, as wide as the longest mark and name are.
const (
	markWidth = 7
	nameWidth = 30
)

// marks are the colours of the marks.
var marks = map[string]color.Attribute{
	"ok": color.FgGreen, "mended": color.FgGreen,
	"warning": color.FgYellow, "broken": color.FgRed, "skipped": color.Faint,
}

// WriteCheck writes a check, and under it what mends it. A terminal gets
// colours and sentences that are broken at its edge; what is to be typed is
// never broken, so that it can be copied.
func WriteCheck(w io.Writer, s Style, c Check) {
	under := strings.Repeat(" ", markWidth+2) // Where the name begins.
	indent := under + strings.Repeat(" ", nameWidth+2)
	head := s.paint(pad(c.Mark, markWidth), marks[c.Mark]) + "  "
	if s.Width > 0 && s.Width-len(indent) < 30 { // Too narrow for columns.
		indent = under
		head += c.Name + "\n" + under
	} else {
		head += pad(c.Name, nameWidth) + "  "
	}
	lines := fold(clean(c.Says), s.Width-len(indent))
	fmt.Fprintf(w, "%s%s\n", head, strings.Join(lines, "\n"+indent))
	for _, line := range c.Mend {
		fmt.Fprintf(w, "%s%s %s\n", under, s.paint("->", color.Faint), s.paint(clean(line), color.Bold))
	}
}

// fold breaks text between words into lines of at most width columns; a width
// of 0 or less leaves it in one.
func fold(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case width > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
