package flinkstest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nightshift/flinks/flinkstest"
)

// slow is a bank that takes a minute.
var slow = flinkstest.Options{Latency: flinkstest.Latency{Live: flinkstest.Lognormal{Median: time.Minute}}}

func TestLive(t *testing.T) {
	bubble(t, "success makes the data new", func(t *testing.T) {
		l := fresh()
		l.LastRefresh = time.Now().Add(-48 * time.Hour)
		w := start(t, slow, l)
		w.live(login)
		want := time.Now().UTC().Format("2006-01-02T15:04:05")
		if at := w.cached(login).Body["Login"].(map[string]any)["LastRefresh"]; at != want {
			t.Errorf("LastRefresh is %v, want %s", at, want)
		}
	})
	bubble(t, "the n-th call gets the n-th answer and the last repeats", func(t *testing.T) {
		l := fresh()
		l.Live = answers("RETRY_LATER", "AGGREGATION_ERROR", "DISABLED_INSTITUTION")
		w := start(t, flinkstest.Options{}, l)
		w.wants(w.live(login), 401, "RETRY_LATER")
		w.wants(w.live(login), 500, "AGGREGATION_ERROR")
		w.wants(w.live(login), 405, "DISABLED_INSTITUTION")
		w.wants(w.live(login), 405, "DISABLED_INSTITUTION")
		w.wants(w.cached(login), 405, "DISABLED_INSTITUTION")
		if n := w.srv.LiveCalls(login); n != 4 {
			t.Errorf("%d live calls", n)
		}
	})
	bubble(t, "without Save it leaves no mark", func(t *testing.T) {
		l := fresh()
		l.Live = answers("INVALID_PASSWORD")
		w := start(t, flinkstest.Options{}, l)
		w.wants(w.authorize(`{"LoginId":"`+login+`"}`), 401, "INVALID_PASSWORD")
		w.wants(w.cached(login), 200, "")
		l.Live, l.LastRefresh = nil, time.Time{}
		w.srv.Add(l)
		w.wants(w.authorize(`{"LoginId":"`+login+`"}`), 200, "")
		if at := w.cached(login).Body["Login"].(map[string]any)["LastRefresh"]; at != nil {
			t.Errorf("LastRefresh is %v", at)
		}
	})
	bubble(t, "a code that never reached the bank is not repeated by the cache", func(t *testing.T) {
		l := fresh()
		l.Live = answers("TOO_MANY_REQUESTS", "")
		w := start(t, flinkstest.Options{}, l)
		w.wants(w.live(login), 401, "TOO_MANY_REQUESTS")
		w.wants(w.cached(login), 200, "")
		if n := w.srv.LiveCalls(login); n != 0 {
			t.Errorf("%d live calls", n)
		}
	})
	bubble(t, "while one runs, cached is pending and another live is refused", func(t *testing.T) {
		w := start(t, slow, fresh())
		done := make(chan got)
		go func() { done <- w.live(login) }()
		synctest.Wait()
		w.wants(w.cached(login), 202, "OPERATION_PENDING")
		w.wants(w.live(login), 409, "CONCURRENT_SESSION")
		w.wants(<-done, 200, "")
		w.wants(w.cached(login), 200, "")
	})
	bubble(t, "a client that leaves does not stop the bank", func(t *testing.T) {
		l := fresh()
		l.Live = answers("INVALID_PASSWORD")
		w := start(t, slow, l)
		token := w.token()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "POST", flinkstest.BaseURL+banking+"Authorize",
			strings.NewReader(`{"LoginId":"`+login+`","Save":true}`))
		req.Header.Set("flinks-auth-key", token)
		if _, err := w.client.Do(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the call ended with %v", err)
		}
		w.wants(w.cached(login), 202, "OPERATION_PENDING")
		w.wants(w.live(login), 409, "CONCURRENT_SESSION")
		time.Sleep(time.Minute)
		w.wants(w.cached(login), 401, "INVALID_PASSWORD")
		if n := w.srv.LiveCalls(login); n != 1 {
			t.Errorf("%d live calls", n)
		}
		if gone := w.srv.Stats().Gone; gone != 1 {
			t.Errorf("%d calls abandoned", gone)
		}
	})
}

func TestChallenge(t *testing.T) {
	begin := func(t *testing.T, script ...flinkstest.Answer) (*wire, string) {
		l := fresh()
		l.Live = asking()
		if len(script) > 0 {
			l.Live = script
		}
		w := start(t, flinkstest.Options{}, l)
		g := w.wants(w.live(login), 203, "")
		if g.Body["Login"] != nil {
			t.Errorf("a 203 shows the login: %s", g.Raw)
		}
		return w, g.text("RequestId")
	}
	bubble(t, "right answers open the session", func(t *testing.T) {
		w, id := begin(t)
		w.wants(w.answer(id, shape.Prompt, "triangle"), 200, "")
		w.wants(w.detail(id), 200, "")
		w.flawless()
	})
	bubble(t, "the answer may be a bare string", func(t *testing.T) {
		w, id := begin(t)
		w.wants(w.authorize(`{"RequestId":"`+id+`","SecurityResponses":{"`+shape.Prompt+`":"Triangle"}}`), 200, "")
	})
	bubble(t, "a wrong answer ends the session for good", func(t *testing.T) {
		w, id := begin(t)
		w.wants(w.answer(id, shape.Prompt, "Circle"), 401, "INVALID_SECURITY_RESPONSE")
		w.wants(w.answer(id, shape.Prompt, "Triangle"), 400, "SESSION_NONEXISTENT")
		w.wants(w.cached(login), 401, "INVALID_SECURITY_RESPONSE")
	})
	bubble(t, "an answer to another question is refused and can be mended", func(t *testing.T) {
		w, id := begin(t)
		w.wants(w.answer(id, "What?", "Triangle"), 401, "UNKNOWN_CHALLENGE_KEY")
		w.wants(w.answer(id, shape.Prompt, "Triangle"), 200, "")
	})
	bubble(t, "every question wants an answer", func(t *testing.T) {
		w, id := begin(t)
		w.wants(w.answer(id, shape.Prompt, ""), 401, "SECURITYRESPONSES_INCOMPLETE")
		w.wants(w.authorize(`{"RequestId":"`+id+`"}`), 401, "INVALID_REQUEST")
	})
	bubble(t, "it dies after 8 minutes of inactivity", func(t *testing.T) {
		w, id := begin(t)
		time.Sleep(8 * time.Minute)
		w.wants(w.cached(login), 200, "")
		w.wants(w.answer(id, "What?", "x"), 401, "UNKNOWN_CHALLENGE_KEY")
		time.Sleep(8*time.Minute + time.Second)
		w.wants(w.cached(login), 401, "SESSION_EXPIRED")
		w.wants(w.answer(id, shape.Prompt, "Triangle"), 401, "SESSION_EXPIRED")
		w.wants(w.cached(login), 401, "SESSION_EXPIRED")
	})
	bubble(t, "data cannot be had before the answers", func(t *testing.T) {
		w, id := begin(t)
		w.wants(w.detail(id), 401, "UNAUTHORIZED")
	})
	bubble(t, "an open session takes no more answers", func(t *testing.T) {
		w, id := begin(t)
		w.answer(id, shape.Prompt, "Triangle")
		w.wants(w.answer(id, shape.Prompt, "Triangle"), 400, "ALREADY_AUTHORIZED")
	})
	bubble(t, "a new live call takes the place of one that waits", func(t *testing.T) {
		w, id := begin(t)
		w.wants(w.live(login), 203, "")
		w.wants(w.answer(id, shape.Prompt, "Triangle"), 400, "SESSION_NONEXISTENT")
	})
	bubble(t, "several rounds can follow", func(t *testing.T) {
		second := flinkstest.Challenge{Type: "MultipleChoice", Prompt: "Which?", Iterables: []string{"a", "b"}, Answer: "b"}
		w, id := begin(t, flinkstest.Answer{
			Challenge: []flinkstest.Challenge{shape},
			Then:      &flinkstest.Answer{Challenge: []flinkstest.Challenge{second}, Then: &flinkstest.Answer{FlinksCode: "NEW_ACCOUNT"}},
		})
		g := w.wants(w.answer(id, shape.Prompt, "Triangle"), 203, "")
		if !strings.Contains(g.Raw, `{"Type":"MultipleChoice","Prompt":"Which?","Iterables":["a","b"]}`) {
			t.Errorf("second round: %s", g.Raw)
		}
		w.wants(w.answer(id, "Which?", "b"), 401, "NEW_ACCOUNT")
	})
	bubble(t, "stored answers are used in place of the user's", func(t *testing.T) {
		w, _ := begin(t)
		store := func(answer string) {
			w.wants(w.do("PATCH", banking+"AnswerMFAQuestions",
				`{"LoginId":"`+login+`","Questions":[{"Question":"`+shape.Prompt+`","Answer":"`+answer+`"}]}`), 200, "")
		}
		store("Triangle")
		w.wants(w.live(login), 200, "")
		store("Circle")
		w.wants(w.live(login), 401, "INVALID_SECURITY_RESPONSE")
	})
}
