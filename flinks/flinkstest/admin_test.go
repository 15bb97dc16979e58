package flinkstest_test

import (
	"strings"
	"testing"
	"time"

	"nightshift/flinks/flinkstest"
)

func TestAdmin(t *testing.T) {
	for _, rule := range []struct {
		name, method, path, body string
		status                   int
		want                     string // Contained in the reply.
	}{
		{"health counts the logins", "GET", "health", "", 200, `{"logins":18,"status":"ok"}`},
		{"the journal is a line per call", "GET", "journal", "", 200, `"op":"Authorize","loginId":"` + login + `","mode":"cached"`},
		{"the journal goes on after a call", "GET", "journal?after=2", "", 200, ``},
		{"no overlaps are an empty list", "GET", "overlaps", "", 200, `[]`},
		{"stats tell the most calls of any login", "GET", "stats", "", 200, `"most":{"live":0,"cached":1,`},
		{"stats tell each login on demand", "GET", "stats?full=1", "", 200, `"logins":{"` + login + `":{"live":0,"cached":1`},
		{"logins tell what they deserve", "GET", "logins", "", 200, `{"loginId":"` + login + `","institution":"FlinksCapital","ending":"refreshed"}`},
		{"logins come as CSV", "GET", "logins?format=csv&scheduled=1", "", 200, "loginId,institution,ending\nplanned,FlinksCapital,mfa_required\n"},
		{"faults are set", "POST", "faults", `{"throttle":1}`, 200, `"throttle":1`},
		{"faults are checked", "POST", "faults", `{"throttle":2}`, 400, `"error"`},
		{"a misspelled fault is refused", "POST", "faults", `{"trottle":1}`, 400, `trottle`},
		{"the secret is refused", "POST", "secret", `{"refused":true}`, 200, `{"refused":true}`},
		{"another route does not exist", "GET", "x", "", 404, `"error"`},
		{"another method does not exist", "POST", "health", "", 404, `"error"`},
	} {
		bubble(t, rule.name, func(t *testing.T) {
			w := start(t, flinkstest.Options{}, fresh(), flinkstest.Login{ID: "planned", Scheduled: true, Live: asking()})
			w.cached(login)
			g := w.do(rule.method, "/_sandbox/"+rule.path, rule.body)
			if g.Status != rule.status || !strings.Contains(g.Raw, rule.want) || rule.want == "" && g.Raw != "" {
				t.Errorf("%d %s", g.Status, g.Raw)
			}
		})
	}
	bubble(t, "the faults and the secret take effect, and never on these routes", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		mint := func() got {
			return w.do("POST", banking+"GenerateAuthorizeToken", "", "flinks-auth-key", flinkstest.DefaultSecretKey)
		}
		w.do("POST", "/_sandbox/faults", `{"throttle":1}`)
		w.wants(mint(), 401, "TOO_MANY_REQUESTS")
		w.do("POST", "/_sandbox/secret", `{"refused":true}`)
		w.do("POST", "/_sandbox/faults", `{}`)
		w.wants(mint(), 401, "UNAUTHORIZED")
		w.do("POST", "/_sandbox/secret", `{"refused":false}`)
		w.wants(mint(), 200, "")
		time.Sleep(time.Second)
		if n := len(w.srv.Journal()); n != 3 {
			t.Errorf("%d calls in the journal", n)
		}
	})
}
