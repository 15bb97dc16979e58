package local

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
)

// childLog takes what a Redis server prints and writes it into our log. While
// the server comes up or goes down its warnings are about the machine or the
// signal, which is a detail; in between they are the user's matter.
type childLog struct {
	log *slog.Logger

	mu     sync.Mutex
	rest   []byte   // A line whose end has not come yet.
	recent []string // The last lines, for the message when it does not come up.
	alert  bool     // The server has said that it is ready.
	ending bool     // It was told to stop; what it said before may come later.
}

// readyLine is in the line that ends a server's start. That the server answers
// is known sooner than all that it printed before has come through the pipe.
const readyLine = "ready to accept connections"

// keepLines is how many last lines are kept.
const keepLines = 5

// Write takes the output as it comes; it never fails.
func (l *childLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.rest = rest
		l.line(string(line))
	}
}

// flush logs a last line that had no end.
func (l *childLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(string(l.rest))
	l.rest = nil
}

func (l *childLog) line(line string) {
	said, warning := parseRedisLine(line)
	if said == "" {
		return
	}
	l.recent = append(l.recent, said)
	if len(l.recent) > keepLines {
		l.recent = l.recent[1:]
	}
	level := slog.LevelDebug
	if warning && l.alert && !l.ending {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, "redis", "said", said)
	if strings.Contains(strings.ToLower(said), readyLine) {
		l.alert = true
	}
}

// parseRedisLine takes "4711:M 22 Nov 2026 04:00:00.000 # text" apart; the
// mark before the text is # for a warning. A line of another form, as on a bad
// option, is all text.
func parseRedisLine(line string) (said string, warning bool) {
	fields := strings.SplitN(strings.TrimSpace(line), " ", 7)
	if len(fields) < 7 || len(fields[5]) != 1 || !strings.Contains(fields[0], ":") {
		return strings.TrimSpace(line), false
	}
	return strings.TrimSpace(fields[6]), fields[5] == "#"
}

// last returns the last lines.
func (l *childLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.recent, " / ")
}

// down makes warnings a detail again.
func (l *childLog) down() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ending = true
}
