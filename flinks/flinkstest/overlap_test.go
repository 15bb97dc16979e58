package flinkstest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nightshift/flinks/flinkstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestOverlaps(t *testing.T) {
	type pair struct {
		A, B           string // Modes.
		CallsA, CallsB int
	}
	check := func(t *testing.T, w *wire, want ...pair) {
		t.Helper()
		synctest.Wait()
		var found []pair
		for _, o := range w.srv.Overlaps() {
			if o.LoginID != login {
				t.Errorf("login %s", o.LoginID)
			}
			found = append(found, pair{o.A.Mode, o.B.Mode, o.A.Calls, o.B.Calls})
		}
		if diff := cmp.Diff(want, found, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	}
	abandon := func(w *wire, after time.Duration) {
		token := w.token()
		ctx, cancel := context.WithTimeout(w.t.Context(), after)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "POST", flinkstest.BaseURL+banking+"Authorize",
			strings.NewReader(`{"LoginId":"`+login+`","Save":true}`))
		req.Header.Set("flinks-auth-key", token)
		_, _ = w.client.Do(req)
	}
	bubble(t, "sessions one after the other do not overlap", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		for range 2 {
			id := w.cached(login).text("RequestId")
			w.detail(id)
			time.Sleep(time.Second)
			w.attributes(login, id)
		}
		check(t, w)
	})
	bubble(t, "a session lasts until its last call", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		id := w.cached(login).text("RequestId")
		time.Sleep(time.Second)
		w.cached(login)
		time.Sleep(time.Second)
		w.detail(id)
		check(t, w, pair{"cached", "cached", 2, 1})
	})
	bubble(t, "a long session overlaps with every one inside it", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		id := w.cached(login).text("RequestId")
		for range 2 {
			time.Sleep(time.Second)
			w.cached(login)
		}
		time.Sleep(time.Second)
		w.detail(id)
		check(t, w, pair{"cached", "cached", 2, 1}, pair{"cached", "cached", 2, 1})
	})
	bubble(t, "different logins do not overlap", func(t *testing.T) {
		w := start(t, slow, fresh(), flinkstest.Login{ID: "other"})
		go w.live("other")
		synctest.Wait()
		w.live(login)
		check(t, w)
	})
	bubble(t, "a refused second call overlaps as well", func(t *testing.T) {
		w := start(t, slow, fresh())
		done := make(chan got)
		go func() { done <- w.live(login) }()
		synctest.Wait()
		time.Sleep(time.Second)
		w.live(login)
		<-done
		check(t, w, pair{"live", "live", 1, 1})
	})
	bubble(t, "a client that leaves ends its session", func(t *testing.T) {
		w := start(t, slow, fresh())
		abandon(w, 10*time.Second)
		w.cached(login)
		time.Sleep(time.Minute)
		w.cached(login)
		check(t, w)
	})
	bubble(t, "answers belong to the session that asked", func(t *testing.T) {
		l := fresh()
		l.Live = asking()
		w := start(t, flinkstest.Options{}, l)
		id := w.live(login).text("RequestId")
		time.Sleep(time.Minute)
		w.answer(id, shape.Prompt, "Triangle")
		w.detail(id)
		check(t, w)
		time.Sleep(time.Minute)
		w.cached(login)
		time.Sleep(time.Second)
		w.attributes(login, id)
		check(t, w, pair{"live", "cached", 4, 1})
	})
	bubble(t, "minting a token is no part of a session", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		w.token()
		check(t, w)
	})
}

func TestJournal(t *testing.T) {
	bubble(t, "every call is written down before its reply is read", func(t *testing.T) {
		w := start(t, slow, fresh())
		g := w.live(login)
		at := time.Now()
		want := []flinkstest.Call{
			{Seq: 1, Start: at.Add(-time.Minute), End: at.Add(-time.Minute), Op: "GenerateAuthorizeToken", Status: 200},
			{
				Seq: 2, Start: at.Add(-time.Minute), End: at, Op: "Authorize", LoginID: login, Mode: "live",
				RequestID: g.text("RequestId"), Status: 200,
			},
		}
		if diff := cmp.Diff(want, w.srv.Journal()); diff != "" {
			t.Error(diff)
		}
	})
	bubble(t, "without a journal the counters go on", func(t *testing.T) {
		w := start(t, flinkstest.Options{NoJournal: true}, fresh())
		w.live(login)
		if len(w.srv.Journal()) != 0 || w.srv.Stats().Calls["Authorize"] != 1 || w.srv.LiveCalls(login) != 1 {
			t.Errorf("%v %+v", w.srv.Journal(), w.srv.Stats())
		}
	})
}
