package flinkstest

import (
	"strings"
	"time"
)

// work moves a session's data operation on by one call. It answers unless the
// data is there. The caller holds the card's mutex and has checked that the
// session is open.
func (x *session) work(c *call, base string, now time.Time) (reply, bool) {
	if x.stage == authorized {
		if c.op.name != base {
			c.mistake = c.op.name + " before " + base
		}
		x.stage, x.begun = working, now
		x.script = nth(x.card.Detail, x.card.detail)
		x.polls = x.script.Polls
		x.card.detail++
	}
	x.used = now
	if x.stage == done {
		return reply{}, false
	}
	if fault := x.script.Fault; fault != "" {
		x.script.Fault = ""
		return reply{fault: fault}, true
	}
	if x.polls > 0 || now.Before(x.begun.Add(x.script.Pending)) {
		x.polls = max(x.polls-1, 0)
		return x.pending(c, base), true
	}
	if code := x.script.end(); code != "" {
		x.lose(code)
		return c.refuse(code).with(x.script.Status, x), true
	}
	x.stage = done
	return reply{}, false
}

// lose ends a session that a code says is lost. With any other code it stays,
// and the code too.
func (x *session) lose(code string) {
	switch code {
	case "SESSION_EXPIRED":
		x.stage = expired
	case "SESSION_NONEXISTENT":
		x.stage = ended
	}
}

// pending is the 202 of a data call. OPERATION_DISPATCHED is the word of a
// synchronous call that went to the background; polls say OPERATION_PENDING.
func (x *session) pending(c *call, base string) reply {
	code := "OPERATION_PENDING"
	if c.op.name == base {
		code = x.script.pendingCode()
	}
	return c.refuse(code).with(0, x).amend(func(e *envelope) {
		e.Institution = ""
		if base != "" {
			async := base + "Async"
			e.Links = []link{{Rel: async, Href: "/" + async, Example: new("/" + async + "/" + x.id)}}
		}
	})
}

// detailLatency is the latency that the script wants for a session's next data
// call; 0 leaves it to the server.
func (x *session) detailLatency() time.Duration {
	x.card.mu.Lock()
	defer x.card.mu.Unlock()
	if x.stage == authorized {
		return nth(x.card.Detail, x.card.detail).Latency
	}
	return x.script.Latency
}

// countData counts a data call. The caller holds the card's mutex.
func (k *card) countData(op operation) {
	switch {
	case strings.HasSuffix(op.name, "Async"):
		k.stats.Polls++
	default:
		k.stats.Detail++
	}
}
