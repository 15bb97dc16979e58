package event

import (
	"encoding/json"
	"strconv"
	"time"
)

// writer writes a JSON object as encoding/json would, byte for byte, without
// its reflection: jobs and outcomes are written by the million.
type writer struct {
	buf []byte
	err error
}

// name begins a member.
func (w *writer) name(name string) {
	if last := len(w.buf) - 1; last >= 0 && w.buf[last] != '{' {
		w.buf = append(w.buf, ',')
	}
	w.buf = append(append(append(w.buf, '"'), name...), '"', ':')
}

func (w *writer) text(name, value string) {
	w.name(name)
	if isPlain(value) {
		w.buf = append(append(append(w.buf, '"'), value...), '"')
		return
	}
	quoted, err := json.Marshal(value)
	w.note(err)
	w.buf = append(w.buf, quoted...)
}

// isPlain reports whether a text needs no escaping.
func isPlain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

func (w *writer) textUnlessEmpty(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *writer) number(name string, n int64) {
	w.name(name)
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

func (w *writer) numberUnlessZero(name string, n int) {
	if n != 0 {
		w.number(name, int64(n))
	}
}

func (w *writer) time(name string, t time.Time) {
	w.name(name)
	w.buf = append(w.buf, '"')
	text, err := t.AppendText(w.buf)
	w.note(err)
	w.buf = append(text, '"')
}

func (w *writer) timeUnlessZero(name string, t time.Time) {
	if !t.IsZero() {
		w.time(name, t)
	}
}

// object writes a member that is an object itself.
func (w *writer) object(name string, members func()) {
	w.name(name)
	w.buf = append(w.buf, '{')
	members()
	w.buf = append(w.buf, '}')
}

// note keeps the first error.
func (w *writer) note(err error) {
	if w.err == nil {
		w.err = err
	}
}

// job writes a job's own members, in the order of its fields.
func (w *writer) job(j *Job) {
	w.number("version", int64(j.Version))
	w.text("loginId", j.LoginID)
	w.text("cycle", j.Cycle)
	w.text("lane", string(j.Lane))
	w.text("mode", string(j.Mode))
	w.number("attempt", int64(j.Attempt))
	w.textUnlessEmpty("phase", string(j.Phase))
	w.textUnlessEmpty("requestId", j.RequestID)
	w.timeUnlessZero("notAfter", j.NotAfter)
	if j.Options != (Options{}) {
		w.object("options", func() {
			w.textUnlessEmpty("attributes", j.Options.Attributes)
			w.numberUnlessZero("daysOfTransactions", j.Options.DaysOfTransactions)
		})
	}
	w.textUnlessEmpty("institution", j.Institution)
	w.time("published", j.Published)
	if j.Spent != (Spent{}) {
		w.object("spent", func() { w.spent(&j.Spent) })
	}
}

func (w *writer) spent(s *Spent) {
	w.numberUnlessZero("cached", s.Cached)
	w.numberUnlessZero("live", s.Live)
	w.numberUnlessZero("reauthorized", s.Reauthorized)
	w.numberUnlessZero("failures", s.Failures)
	w.numberUnlessZero("queued", s.Queued)
	w.numberUnlessZero("doubted", s.Doubted)
	w.timeUnlessZero("pendingSince", s.PendingSince)
	w.timeUnlessZero("started", s.Started)
	w.textUnlessEmpty("flinksCode", s.FlinksCode)
}

// outcome writes an outcome's members but for its job, in their order.
func (w *writer) outcome(o *Outcome) {
	w.text("loginId", o.LoginID)
	w.text("cycle", o.Cycle)
	w.text("lane", string(o.Lane))
	w.text("type", string(o.Type))
	w.text("reason", string(o.Reason))
	w.textUnlessEmpty("flinksCode", o.FlinksCode)
	w.textUnlessEmpty("institution", o.Institution)
	w.timeUnlessZero("lastRefresh", o.LastRefresh)
	w.textUnlessEmpty("requestId", o.RequestID)
	w.timeUnlessZero("requestIdExpires", o.RequestIDExpires)
	w.textUnlessEmpty("afterExpiry", string(o.AfterExpiry))
	w.object("calls", func() {
		w.number("cached", int64(o.Calls.Cached))
		w.number("live", int64(o.Calls.Live))
	})
	w.object("timings", func() {
		w.time("published", o.Timings.Published)
		w.timeUnlessZero("started", o.Timings.Started)
		w.time("ended", o.Timings.Ended)
	})
	if o.Counts != (Counts{}) {
		w.object("counts", func() {
			w.number("accounts", int64(o.Counts.Accounts))
			w.number("transactions", int64(o.Counts.Transactions))
		})
	}
	if a := o.Accounts; a != nil {
		w.object("accounts", func() {
			w.textUnlessEmpty("stream", a.Stream)
			w.textUnlessEmpty("subject", a.Subject)
			w.textUnlessEmpty("bucket", a.Bucket)
			w.textUnlessEmpty("object", a.Object)
			w.text("digest", a.Digest)
			w.name("size")
			w.buf = strconv.AppendUint(w.buf, a.Size, 10)
		})
	}
}
