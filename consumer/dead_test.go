package consumer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// TestDeadMessages: what is no job is moved aside as it came, and nothing
// waits for it.
func TestDeadMessages(t *testing.T) {
	const (
		subject = "refresh.job.login-1.nightly.ready"
		valid   = `{"version":1,"loginId":"login-1","cycle":"2000-01-01","lane":"nightly","mode":"cached","attempt":1,"published":"2000-01-01T00:00:00Z"`
	)
	rows := []struct {
		rule, subject, data string
		reason              event.DeadReason
	}{
		{"not JSON", subject, "\x00\xff no JSON \n at all", event.DeadMalformed},
		{"empty", subject, "", event.DeadMalformed},
		{"cut off", subject, valid, event.DeadMalformed},
		{"a field of the wrong type", subject, valid + `,"attempt":"one"}`, event.DeadMalformed},
		{"a later version", subject, strings.Replace(valid, `"version":1`, `"version":2`, 1) + `}`, event.DeadVersion},
		{"a bad lane", subject, strings.Replace(valid, `"nightly"`, `"daily"`, 1) + `}`, event.DeadInvalid},
		{"a bad cycle", subject, strings.Replace(valid, `2000-01-01"`, `2000.01"`, 1) + `}`, event.DeadInvalid},
		{"polling without a session", subject, valid + `,"phase":"poll"}`, event.DeadInvalid},
		{"another login's subject", "refresh.job.login-2.nightly.ready", valid + `}`, event.DeadInvalid},
		{"another lane's subject", "refresh.job.login-1.ondemand.ready", valid + `}`, event.DeadInvalid},
		{"a word that would break a header", subject, strings.Replace(valid, `"mode":"cached"`, `"mode":"a\r\nNats-Msg-Id: x"`, 1) + `}`, event.DeadInvalid},
		{"far too large", subject, valid + `,"ballast":"` + strings.Repeat("x", 70_000) + `"}`, event.DeadInvalid},
	}
	for _, row := range rows {
		t.Run(row.rule, func(t *testing.T) {
			bubble(t, func(r *rig) {
				ack, err := r.js.Publish(r.Context(), row.subject, []byte(row.data))
				if err != nil {
					r.Fatal(err)
				}
				r.sim.Add(flinkstest.Login{ID: "login-9", LastRefresh: night.Add(-time.Hour)})
				r.publish(nightly("login-9"))
				w := r.worker("w")
				r.start(w)
				r.drain(time.Minute)
				if o := r.only(); o.LoginID != "login-9" || o.Type != event.Refreshed {
					t.Errorf("the job beside it ended as %+v", o)
				}
				time.Sleep(time.Minute)
				if n := w.Stats.Pulled.Load(); n != 2 {
					t.Errorf("%d messages pulled, want each once", n)
				}
				all := r.messages(event.StreamDead)
				if len(all) != 1 {
					r.Fatalf("%d dead messages", len(all))
				}
				m := all[0]
				if string(m.Data) != row.data || m.Subject != event.DeadSubject(row.reason) {
					t.Errorf("buried as %s with %d bytes, want %s with the %d that came", m.Subject, len(m.Data), row.reason, len(row.data))
				}
				if m.Header.Get(event.HeaderDeadSubject) != row.subject || m.Header.Get(event.HeaderDeadSequence) != fmt.Sprint(ack.Sequence) {
					t.Errorf("headers %v", m.Header)
				}
				if why := m.Header.Get(event.HeaderDeadError); why == "" || strings.ContainsAny(why, "\r\n") || len(why) > 2000 {
					t.Errorf("error %q", why)
				}
				diff(t, "headers", []string{
					jetstream.ExpectedStreamHeader, jetstream.MsgIDHeader,
					event.HeaderDeadError, event.HeaderDeadSequence, event.HeaderDeadSubject,
				}, headers(m))
			})
		})
	}
}

// TestDeadTwice: a worker dies between burying a message and acking it.
func TestDeadTwice(t *testing.T) {
	bubble(t, func(r *rig) {
		if _, err := r.js.Publish(r.Context(), "refresh.job.login-1.nightly.ready", []byte("no job")); err != nil {
			r.Fatal(err)
		}
		if _, err := r.js.Publish(r.Context(), event.DeadSubject(event.DeadMalformed), []byte("no job"), jetstream.WithMsgID("dead:1")); err != nil {
			r.Fatal(err)
		}
		r.run(time.Minute)
		if n := r.count(event.StreamDead); n != 1 {
			t.Errorf("%d dead messages, want 1", n)
		}
	})
}

// TestDeadTooLarge: a message as large as the server takes leaves no room for
// headers. Its beginning is kept, and it does not stay in the lane for ever.
func TestDeadTooLarge(t *testing.T) {
	bubble(t, func(r *rig) {
		data := `{"version":1,"loginId":"login-1","cycle":"2000-01-01","lane":"nightly","mode":"cached","attempt":1,"published":"2000-01-01T00:00:00Z","x":"`
		data += strings.Repeat("x", 1<<20-len(data)-2) + `"}`
		if _, err := r.js.Publish(r.Context(), "refresh.job.login-1.nightly.ready", []byte(data)); err != nil {
			r.Fatal(err)
		}
		r.run(time.Minute)
		all := r.messages(event.StreamDead)
		if len(all) != 1 || len(all[0].Data) < 1<<18 || !strings.HasPrefix(data, string(all[0].Data)) {
			r.Fatalf("%d dead messages, want one with the beginning of what came", len(all))
		}
		if why := all[0].Header.Get(event.HeaderDeadError); !strings.Contains(why, "1048576 bytes") {
			t.Errorf("error %q does not say how large it was", why)
		}
	})
}
