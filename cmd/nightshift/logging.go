package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// newHandler makes the handler of the program's logs: for eyes where they go
// to a terminal, for machines elsewhere, unless the settings say otherwise.
func newHandler(w io.Writer, s logSettings, terminal, noColor bool) slog.Handler {
	level := logLevel(s.Level)
	if s.Format == "json" || (s.Format != "text" && !terminal) {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	}
	return tint.NewTextHandler(w, &tint.Options{
		Level:      level,
		TimeFormat: "15:04:05.000",
		NoColor:    noColor || !terminal,
	})
}

// logLevel reads the word of the setting; the setting has refused any other.
func logLevel(word string) slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(word))
	return level
}

// isTerminal tells whether somebody watches what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}
