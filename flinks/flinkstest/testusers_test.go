package flinkstest_test

import (
	"testing"
	"time"

	"nightshift/flinks/flinkstest"
)

func byName(user, password, language string) string {
	return `{"Username":"` + user + `","Password":"` + password + `","Institution":"FlinksCapital","Language":"` + language + `","Save":true}`
}

func loginOf(g got) string {
	login, _ := g.Body["Login"].(map[string]any)
	id, _ := login["Id"].(string)
	return id
}

func TestDocumentedUsers(t *testing.T) {
	for _, rule := range []struct {
		user   string
		status int
		code   string
	}{
		{"Greatday", 203, ""},
		{"greatday_nomfa", 200, ""},
		{"test_disabled_account", 401, "DISABLED_LOGIN"},
		{"test_service_unavailable", 401, "RETRY_LATER"},
		{"multiple_employers", 200, ""},
		{"chat_gpt", 200, ""},
	} {
		bubble(t, rule.user+" ends as documented", func(t *testing.T) {
			w := start(t, flinkstest.Options{})
			w.wants(w.authorize(byName(rule.user, "Everyday", "en")), rule.status, rule.code)
			w.flawless()
		})
	}
	bubble(t, "test_pending and test_dispatched are pending for a while", func(t *testing.T) {
		w := start(t, flinkstest.Options{})
		w.wants(w.detail(w.authorize(byName("test_pending", "Everyday", "en")).text("RequestId")), 202, "OPERATION_PENDING")
		w.wants(w.detail(w.authorize(byName("test_dispatched", "Everyday", "en")).text("RequestId")), 202, "OPERATION_DISPATCHED")
	})
	bubble(t, "published requests are understood", func(t *testing.T) {
		w := start(t, flinkstest.Options{})
		w.wants(w.authorize(readFile(t, "authorize_request_live_credentials")), 203, "")
		w.wants(w.authorize(readFile(t, "authorize_request_live_credentials_legacy")), 203, "")
		w.wants(w.authorize(readFile(t, "authorize_request_cached")), 200, "")
	})
	bubble(t, "the questions have the documented answers", func(t *testing.T) {
		w := start(t, flinkstest.Options{})
		for _, answer := range []string{"Triangle", "Canada", "Montreal"} {
			g := w.wants(w.authorize(byName("greatday", "everyday", "en")), 203, "")
			q := g.Body["SecurityChallenges"].([]any)[0].(map[string]any)
			w.wants(w.answer(g.text("RequestId"), q["Prompt"].(string), answer), 200, "")
		}
	})
	bubble(t, "a user has the same loginId in every process, and may use it", func(t *testing.T) {
		id := loginOf(start(t, flinkstest.Options{}).authorize(byName("greatday_nomfa", "Everyday", "en")))
		time.Sleep(time.Hour)
		w := start(t, flinkstest.Options{Seed: 9})
		if again := loginOf(w.authorize(byName("GREATDAY_NOMFA", "everyday", "en"))); again != id || id == "" {
			t.Errorf("%q, then %q", id, again)
		}
		w.wants(w.cached(id), 200, "")
		w.wants(start(t, flinkstest.Options{}).live(id), 200, "")
	})
	bubble(t, "another language is another login", func(t *testing.T) {
		w := start(t, flinkstest.Options{})
		en, fr := loginOf(w.authorize(byName("chat_gpt", "Everyday", "en"))), loginOf(w.authorize(byName("chat_gpt", "Everyday", "fr")))
		if en == fr || fr == "" {
			t.Errorf("%q and %q", en, fr)
		}
	})
	bubble(t, "a deleted user comes back by signing in", func(t *testing.T) {
		w := start(t, flinkstest.Options{})
		id := loginOf(w.authorize(byName("chat_gpt", "Everyday", "en")))
		time.Sleep(time.Hour)
		w.wants(w.do("DELETE", banking+"DeleteCard/"+id, ""), 200, "")
		w.wants(w.cached(id), 401, "INVALID_LOGIN")
		w.wants(w.authorize(byName("chat_gpt", "Everyday", "en")), 200, "")
		w.wants(w.cached(id), 200, "")
	})
	bubble(t, "ScheduleRefresh counts for a new card only", func(t *testing.T) {
		scheduled := func(w *wire) any {
			g := w.authorize(`{"Username":"chat_gpt","Password":"Everyday","Institution":"FlinksCapital","ScheduleRefresh":true,"Save":true}`)
			return g.Body["Login"].(map[string]any)["IsScheduledRefresh"]
		}
		w := start(t, flinkstest.Options{})
		if scheduled(w) != true {
			t.Error("a new card is not scheduled")
		}
		w = start(t, flinkstest.Options{})
		w.authorize(byName("chat_gpt", "Everyday", "en"))
		if scheduled(w) != false {
			t.Error("an old card is scheduled")
		}
	})
}
