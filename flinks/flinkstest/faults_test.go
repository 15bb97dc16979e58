package flinkstest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nightshift/flinks/flinkstest"
)

func TestFaults(t *testing.T) {
	script := func(word string) flinkstest.Login {
		l := fresh()
		l.Live = []flinkstest.Answer{{Fault: word}, {}}
		return l
	}
	live := `{"LoginId":"` + login + `","Save":true}`
	for _, rule := range []struct {
		name, word     string
		status         int // 0: no reply.
		code           string
		reachesTheBank int
	}{
		{"a dropped connection has no reply and no effect", flinkstest.FaultDrop, 0, "", 0},
		{"a lost reply has its effect", flinkstest.FaultLost, 0, "", 1},
		{"a page comes with status 200", flinkstest.FaultHTML, 200, "", 0},
		{"a throttled call is told so with 401", flinkstest.FaultThrottle, 401, "TOO_MANY_REQUESTS", 0},
		{"a proxy's error has no code", flinkstest.FaultServerError, 503, "", 0},
	} {
		bubble(t, rule.name, func(t *testing.T) {
			w := start(t, flinkstest.Options{}, script(rule.word))
			token := w.token()
			g, err := w.try("POST", banking+"Authorize", live, "flinks-auth-key", token)
			if (err != nil) != (rule.status == 0) {
				t.Fatalf("error %v", err)
			}
			w.wants(g, rule.status, rule.code)
			if n := w.srv.LiveCalls(login); n != rule.reachesTheBank {
				t.Errorf("%d live calls", n)
			}
			if n := w.srv.Stats().Faults[rule.word]; n != 1 {
				t.Errorf("%d faults counted", n)
			}
			w.wants(w.live(login), 200, "")
			w.flawless()
		})
	}
	bubble(t, "a call that hangs lasts until its client leaves", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, script(flinkstest.FaultHang))
		token := w.token()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "POST", flinkstest.BaseURL+banking+"Authorize", strings.NewReader(live))
		req.Header.Set("flinks-auth-key", token)
		begin := time.Now()
		if _, err := w.client.Do(req); err == nil || time.Since(begin) != time.Hour {
			t.Errorf("ended after %s with %v", time.Since(begin), err)
		}
		synctest.Wait()
		if c := w.srv.Journal()[1]; !c.Gone || c.End.Sub(c.Start) != time.Hour {
			t.Errorf("journal: %+v", c)
		}
	})
	bubble(t, "a fault in the cache or at the data befalls one call", func(t *testing.T) {
		l := fresh()
		l.Last.Fault, l.Detail = flinkstest.FaultHTML, []flinkstest.Answer{{Fault: flinkstest.FaultDrop, Polls: 1}}
		w := start(t, flinkstest.Options{}, l)
		if g := w.cached(login); !strings.HasPrefix(g.Raw, "<html>") {
			t.Errorf("%+v", g)
		}
		id := w.cached(login).text("RequestId")
		if _, err := w.try("POST", banking+"GetAccountsDetail", `{"RequestId":"`+id+`"}`, "x-api-key", flinkstest.DefaultAPIKey); err == nil {
			t.Error("no fault at the data")
		}
		w.wants(w.detail(id), 202, "OPERATION_PENDING")
		w.wants(w.poll(id), 200, "")
	})
	bubble(t, "faults come as often as asked for", func(t *testing.T) {
		w := start(t, flinkstest.Options{Seed: 1})
		w.srv.SetFaults(flinkstest.Faults{DropConnection: 0.2, ServerError: 0.2, HTML: 0.2, Throttle: 0.2})
		for range 1000 {
			_, _ = w.try("POST", banking+"GenerateAuthorizeToken", "", "flinks-auth-key", flinkstest.DefaultSecretKey)
		}
		for word, want := range map[string]int{
			flinkstest.FaultDrop: 100, flinkstest.FaultLost: 100, flinkstest.FaultServerError: 200,
			flinkstest.FaultHTML: 200, flinkstest.FaultThrottle: 200,
		} {
			if n := w.srv.Stats().Faults[word]; n < want*7/10 || n > want*13/10 {
				t.Errorf("%s befell %d calls of 1000, want about %d", word, n, want)
			}
		}
		w.srv.SetFaults(flinkstest.Faults{})
		w.token()
	})
	bubble(t, "half of the dropped connections drop the reply only", func(t *testing.T) {
		w := start(t, flinkstest.Options{Seed: 1}, fresh())
		var tokens []string
		for range 100 {
			tokens = append(tokens, w.token())
		}
		w.srv.SetFaults(flinkstest.Faults{DropConnection: 1})
		for _, token := range tokens {
			if _, err := w.try("POST", banking+"Authorize", live, "flinks-auth-key", token); err == nil {
				t.Error("a reply came through")
			}
		}
		if n := w.srv.LiveCalls(login); n < 30 || n > 70 || n != w.srv.Stats().Faults[flinkstest.FaultLost] {
			t.Errorf("%d of 100 calls had their effect", n)
		}
	})
	bubble(t, "more calls in a second than the rate are throttled", func(t *testing.T) {
		w := start(t, flinkstest.Options{Faults: flinkstest.Faults{MaxRate: 3}})
		for range 3 {
			w.token()
		}
		mint := func() got {
			return w.do("POST", banking+"GenerateAuthorizeToken", "", "flinks-auth-key", flinkstest.DefaultSecretKey)
		}
		w.wants(mint(), 401, "TOO_MANY_REQUESTS")
		time.Sleep(time.Second)
		w.wants(mint(), 200, "")
	})
	for _, f := range []flinkstest.Faults{{HTML: -1}, {HTML: 0.6, Hang: 0.6}, {MaxRate: -1}} {
		if f.Check() == nil {
			t.Errorf("%+v passes", f)
		}
	}
}

func TestLatency(t *testing.T) {
	opts := flinkstest.Options{Seed: 3, Latency: flinkstest.Latency{
		Cached: flinkstest.Lognormal{Median: time.Second},
		Live:   flinkstest.Lognormal{Median: time.Minute, Sigma: 0.5},
		Detail: flinkstest.Lognormal{Median: 2 * time.Second},
		Other:  flinkstest.Lognormal{Median: 100 * time.Millisecond},
	}}
	took := func(t *testing.T, f func()) time.Duration {
		t.Helper()
		begin := time.Now()
		f()
		return time.Since(begin)
	}
	bubble(t, "each class of calls takes its own time", func(t *testing.T) {
		w := start(t, opts, fresh())
		id := ""
		if d := took(t, func() { id = w.cached(login).text("RequestId") }); d != 1100*time.Millisecond {
			t.Errorf("cached took %s with its token", d)
		}
		if d := took(t, func() { w.detail(id) }); d != 2*time.Second {
			t.Errorf("detail took %s", d)
		}
		if d := took(t, func() { w.attributes(login, id) }); d != 2*time.Second {
			t.Errorf("attributes took %s", d)
		}
	})
	bubble(t, "half of the live calls are below the median", func(t *testing.T) {
		w := start(t, opts, fresh())
		below, seen := 0, map[time.Duration]bool{}
		for range 200 {
			d := took(t, func() { w.live(login) }) - 100*time.Millisecond
			seen[d] = true
			if d < time.Minute {
				below++
			}
		}
		if below < 80 || below > 120 || len(seen) < 190 {
			t.Errorf("%d of 200 below the median, %d different", below, len(seen))
		}
	})
	bubble(t, "a script's latency replaces the server's", func(t *testing.T) {
		l := fresh()
		l.Live, l.Detail = []flinkstest.Answer{{Latency: 7 * time.Second}}, []flinkstest.Answer{{Latency: 9 * time.Second, Polls: 1}}
		w := start(t, opts, l)
		id := ""
		if d := took(t, func() { id = w.live(login).text("RequestId") }); d != 7100*time.Millisecond {
			t.Errorf("live took %s with its token", d)
		}
		if d := took(t, func() { w.detail(id); w.poll(id) }); d != 18*time.Second {
			t.Errorf("detail and poll took %s", d)
		}
	})
}
