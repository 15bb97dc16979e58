package local

import (
	"fmt"
	"log/slog"
)

// natsLog writes the embedded server's log into ours. Its notices are about
// its own start and stop, which is our detail; its warnings and errors are
// the user's matter.
type natsLog struct {
	log   *slog.Logger
	fatal chan<- string // Gets the first thing that the server cannot live with.
}

func (l natsLog) Noticef(format string, args ...any) { l.log.Debug("nats", text(format, args)) }
func (l natsLog) Debugf(format string, args ...any)  { l.log.Debug("nats", text(format, args)) }
func (l natsLog) Tracef(format string, args ...any)  { l.log.Debug("nats", text(format, args)) }
func (l natsLog) Warnf(format string, args ...any)   { l.log.Warn("nats", text(format, args)) }
func (l natsLog) Errorf(format string, args ...any)  { l.log.Error("nats", text(format, args)) }

// Fatalf does not end the program, as the server expects: who started it is
// told instead.
func (l natsLog) Fatalf(format string, args ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, args...):
	default:
		l.log.Error("nats", text(format, args))
	}
}

func text(format string, args []any) slog.Attr {
	return slog.String("said", fmt.Sprintf(format, args...))
}
