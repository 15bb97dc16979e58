package flinkstest_test

import (
	"testing"
	"time"

	"nightshift/flinks/flinkstest"

	"github.com/google/go-cmp/cmp"
)

func (w *wire) nightly() map[string]any {
	w.t.Helper()
	g := w.wants(w.do("GET", banking+"GetNightlyRefreshStatus", "", "Authorization", "Bearer "+flinkstest.DefaultSecretKey), 200, "")
	out := map[string]any{}
	for _, card := range g.Body["IneligibleCards"].([]any) {
		m := card.(map[string]any)
		out[m["LoginId"].(string)] = []any{m["LastRefreshState"], m["LastRefreshErrorCode"]}
	}
	return out
}

func TestNightlyRefreshStatus(t *testing.T) {
	bubble(t, "it lists the scheduled logins that are not eligible", func(t *testing.T) {
		at := time.Now().Add(-time.Hour)
		w := start(t, flinkstest.Options{},
			flinkstest.Login{ID: "fine", Scheduled: true, LastRefresh: at},
			flinkstest.Login{ID: "never", Scheduled: true},
			flinkstest.Login{ID: "one of the seven", Scheduled: true, LastRefresh: at, Last: answers("UNAUTHORIZED")[0]},
			flinkstest.Login{ID: "not scheduled", LastRefresh: at, Last: answers("INVALID_PASSWORD")[0]},
			flinkstest.Login{ID: "refused", Scheduled: true, LastRefresh: at, Last: answers("INVALID_PASSWORD")[0]},
			flinkstest.Login{ID: "old", Scheduled: true, LastRefresh: at.AddDate(0, 0, -7)},
			flinkstest.Login{ID: "asked last night", Scheduled: true, LastRefresh: at, Last: asking()[0]},
			flinkstest.Login{ID: "asked now", Scheduled: true, LastRefresh: at, Live: asking()},
		)
		w.live("asked now")
		want := map[string]any{
			"refused":          []any{"Failed", "INVALID_PASSWORD"},
			"old":              []any{"Completed", nil},
			"asked last night": []any{"AnsweringSecurityChallenge", nil},
			"asked now":        []any{"AnsweringSecurityChallenge", nil},
		}
		if diff := cmp.Diff(want, w.nightly()); diff != "" {
			t.Error(diff)
		}
		w.flawless()
	})
	bubble(t, "an empty list is a list", func(t *testing.T) {
		w := start(t, flinkstest.Options{})
		if got := w.nightly(); len(got) != 0 {
			t.Errorf("%v", got)
		}
	})
}

func TestSetScheduledRefresh(t *testing.T) {
	bubble(t, "it switches the nightly refresh and answers a bare string", func(t *testing.T) {
		l := fresh()
		l.Last.FlinksCode = "INVALID_PASSWORD"
		w := start(t, flinkstest.Options{}, l)
		set := func(on, want string) {
			t.Helper()
			g := w.do("PATCH", banking+"SetScheduledRefresh", `{"loginId":"`+login+`","isActivated":`+on+`}`)
			if g.Status != 200 || g.Raw != want {
				t.Errorf("%d %s", g.Status, g.Raw)
			}
		}
		set("true", `"LoginId `+login+` has now been activated for automatic refresh"`)
		if len(w.nightly()) != 1 {
			t.Error("not scheduled")
		}
		set(`"false"`, `"LoginId `+login+` has now been deactivated from automatic refresh"`)
		if len(w.nightly()) != 0 {
			t.Error("still scheduled")
		}
	})
	bubble(t, "it needs a loginId that is known", func(t *testing.T) {
		w := start(t, flinkstest.Options{})
		w.wants(w.do("PATCH", banking+"SetScheduledRefresh", `{"isActivated":false}`), 400, "INVALID_REQUEST")
		w.wants(w.do("PATCH", banking+"SetScheduledRefresh", `{"loginId":"x"}`), 401, "INVALID_LOGIN")
	})
}

func TestDeleteCard(t *testing.T) {
	bubble(t, "a deleted card is no login any more", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		w.wants(w.do("DELETE", banking+"DeleteCard/"+login, ""), 200, "")
		w.wants(w.cached(login), 401, "INVALID_LOGIN")
		w.wants(w.do("DELETE", banking+"DeleteCard/"+login, ""), 401, "INVALID_LOGIN")
	})
	bubble(t, "right after Authorize the card is in use", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		w.cached(login)
		w.wants(w.do("DELETE", banking+"DeleteCard/"+login, ""), 400, "CARD_IN_USE")
		time.Sleep(time.Minute)
		w.wants(w.do("DELETE", banking+"DeleteCard/"+login, ""), 200, "")
	})
}

func TestMFAQuestions(t *testing.T) {
	bubble(t, "they list each question of the bank once", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, flinkstest.Login{ID: login, Live: append(asking(), asking()...)})
		g := w.wants(w.do("GET", banking+"GetMFAQuestions/"+login, ""), 200, "")
		if want := `{"Message":"SUCCESS","Questions":[{"Question":"What shape do people like most?"}]}`; g.Raw != want {
			t.Errorf("%s", g.Raw)
		}
		w.wants(w.do("GET", banking+"GetMFAQuestions/x", ""), 401, "INVALID_LOGIN")
		w.wants(w.do("PATCH", banking+"AnswerMFAQuestions", `{"Questions":[]}`), 400, "INVALID_REQUEST")
		w.wants(w.do("PATCH", banking+"AnswerMFAQuestions", `{"LoginId":"`+login+`"}`), 400, "INVALID_REQUEST")
	})
}
