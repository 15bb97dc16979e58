package event_test

import (
	"strings"
	"testing"

	"nightshift/producer/event"
)

// A notice becomes a subject and a message's id, so nothing in it may reach
// out of them; and its error is logged, so it repeats nothing.
func TestPushCheck(t *testing.T) {
	for _, tc := range []struct {
		rule   string
		change func(*event.Push)
		want   string
	}{
		{"as it must be", func(*event.Push) {}, ""},
		{"of an unknown kind", func(p *event.Push) { p.ResponseType = "Upload_fraud-2" }, ""},
		{"no login", func(p *event.Push) { p.LoginID = "" }, "bad loginId: none, or not of its form"},
		{"a login that is a wildcard", func(p *event.Push) { p.LoginID = "*" }, "bad loginId: none, or not of its form"},
		{"no session", func(p *event.Push) { p.RequestID = "" }, "bad requestId: none, or not of its form"},
		{"a session that looks like two", func(p *event.Push) { p.RequestID = "a:b" }, "bad requestId: none, or not of its form"},
		{"a session without end", func(p *event.Push) { p.RequestID = strings.Repeat("a", 129) }, "bad requestId: none, or not of its form"},
		{"no kind", func(p *event.Push) { p.ResponseType = "" }, "bad responseType: none, or not of its form"},
		{"a kind in words", func(p *event.Push) { p.ResponseType = "John Flinkyfoot" }, "bad responseType: none, or not of its form"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			p := pushed
			tc.change(&p)
			got := ""
			if err := p.Check(); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// FuzzDecodePush: whatever lies in the stream, it is a notice or an error.
func FuzzDecodePush(f *testing.F) {
	data, err := pushed.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"loginId":"*","requestId":"r","responseType":"KYC","received":"0001-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := event.DecodePush(data)
		if err == nil && p.Check() != nil {
			t.Errorf("taken for a notice: %+v", p)
		}
	})
}
