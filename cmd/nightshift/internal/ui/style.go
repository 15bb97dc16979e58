package ui

import (
	"io"
	"os"

	"github.com/fatih/color"
	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// Style is how output looks. The zero value is plain text of any width.
type Style struct {
	Live  bool // Progress is redrawn in place.
	Color bool
	Width int // Columns; 0: no limit.
}

// StyleOf returns the style that fits w: plain unless w is a terminal.
func StyleOf(w io.Writer, noColor bool) Style {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return Style{}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	// Whoever asks for no colour gets no control characters either: the
	// terminal may be dumb, or be recorded.
	return Style{Live: !noColor, Color: !noColor, Width: width}
}

// The endings of a login, in the order in which they are shown.
var types = []kind{
	{"refreshed", color.FgGreen},
	{"mfa_required", color.FgYellow},
	{"reconnect_required", color.FgRed},
	{"failed", color.FgMagenta},
}

type kind struct {
	name  string
	color color.Attribute
}

// colorOf returns the colour of an ending; one that is not known has none.
func colorOf(name string) color.Attribute {
	for _, k := range types {
		if k.name == name {
			return k.color
		}
	}
	return color.Reset
}

// paint colours text if the style has colours.
func (s Style) paint(text string, attributes ...color.Attribute) string {
	if !s.Color || text == "" {
		return text
	}
	c := color.New(attributes...)
	// The package guesses from the real standard output; the style knows.
	c.EnableColor()
	return c.Sprint(text)
}

// Types lists the endings that the screen knows, in its order.
func Types() []string {
	names := make([]string, len(types))
	for i, k := range types {
		names[i] = k.name
	}
	return names
}
