package flinkstest_test

import (
	"testing"
	"time"

	"nightshift/flinks/flinkstest"
)

func TestAuthorizeRequest(t *testing.T) {
	for _, rule := range []struct {
		name, body string
		status     int
		code       string
		field      string
	}{
		{"malformed JSON is an invalid request", `{"LoginId":`, 401, "INVALID_REQUEST", "$"},
		{"an empty body is an invalid request", ``, 401, "INVALID_REQUEST", "$"},
		{"a value of a wrong type names its field", `{"LoginId":7}`, 401, "INVALID_REQUEST", "LoginId"},
		{"somebody has to be named", `{}`, 401, "INVALID_REQUEST", "LoginId"},
		{"credentials need a password", `{"Username":"a","Institution":"FlinksCapital"}`, 401, "INVALID_REQUEST", "Password"},
		{"credentials need an institution", `{"Username":"a","Password":"b"}`, 401, "INVALID_REQUEST", "Institution"},
		{"the institution must exist", `{"Username":"a","Password":"b","Institution":"Nowhere"}`, 401, "INVALID_REQUEST", "Institution"},
		{"the user must exist", `{"Username":"a","Password":"b","Institution":"FlinksCapital"}`, 401, "INVALID_USERNAME", ""},
		{"the password must fit", `{"Username":"Greatday","Password":"b","Institution":"FlinksCapital"}`, 401, "INVALID_PASSWORD", ""},
		{"an unknown loginId is an invalid login", `{"LoginId":"x"}`, 401, "INVALID_LOGIN", ""},
		{"an unknown RequestId has no session", `{"RequestId":"x","SecurityResponses":{}}`, 400, "SESSION_NONEXISTENT", ""},
		{"names are matched whatever their case", `{"loginid":"` + login + `","MOSTRECENTCACHED":true}`, 200, "", ""},
		{"bools may be strings", `{"LoginId":"` + login + `","MostRecentCached":"true"}`, 200, "", ""},
		{"a word is no bool", `{"LoginId":"` + login + `","MostRecentCached":"yes"}`, 401, "INVALID_REQUEST", "$"},
	} {
		bubble(t, rule.name, func(t *testing.T) {
			w := start(t, flinkstest.Options{}, fresh())
			g := w.wants(w.authorize(rule.body), rule.status, rule.code)
			details, _ := g.Body["ValidationDetails"].(map[string]any)
			if rule.field != "" && details[rule.field] == nil {
				t.Errorf("ValidationDetails do not name %s: %s", rule.field, g.Raw)
			}
		})
	}
}

func TestCached(t *testing.T) {
	bubble(t, "it shows when the data is from, in UTC without saying so", func(t *testing.T) {
		l := fresh()
		l.LastRefresh = time.Date(1999, 12, 31, 22, 47, 47, 145999000, time.FixedZone("east", 2*3600))
		w := start(t, flinkstest.Options{}, l)
		g := w.wants(w.cached(login), 200, "")
		if at := g.Body["Login"].(map[string]any)["LastRefresh"]; at != "1999-12-31T20:47:47.145999" {
			t.Errorf("LastRefresh is %v", at)
		}
		w.flawless()
	})
	bubble(t, "a login never refreshed has none", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, flinkstest.Login{ID: login})
		if at := w.cached(login).Body["Login"].(map[string]any)["LastRefresh"]; at != nil {
			t.Errorf("LastRefresh is %v", at)
		}
	})
	bubble(t, "an error is repeated until a new live attempt", func(t *testing.T) {
		l := fresh()
		l.Last = flinkstest.Answer{FlinksCode: "QUESTION_NOT_FOUND"}
		w := start(t, flinkstest.Options{}, l)
		w.wants(w.cached(login), 401, "QUESTION_NOT_FOUND")
		w.wants(w.cached(login), 401, "QUESTION_NOT_FOUND")
		w.wants(w.live(login), 200, "")
		w.wants(w.cached(login), 200, "")
		w.flawless()
	})
	bubble(t, "an error carries a RequestId that still reads older data", func(t *testing.T) {
		l := fresh()
		l.Last = flinkstest.Answer{FlinksCode: "QUESTION_NOT_FOUND"}
		w := start(t, flinkstest.Options{}, l)
		w.wants(w.detail(w.cached(login).text("RequestId")), 200, "")
	})
	bubble(t, "a scripted status replaces the catalogue's", func(t *testing.T) {
		l := fresh()
		l.Last = flinkstest.Answer{FlinksCode: "INVALID_LOGIN", Status: 400}
		w := start(t, flinkstest.Options{}, l)
		w.wants(w.cached(login), 400, "INVALID_LOGIN")
	})
	bubble(t, "it is pending as often as scripted", func(t *testing.T) {
		l := fresh()
		l.Last.Polls = 2
		w := start(t, flinkstest.Options{}, l)
		w.wants(w.cached(login), 202, "OPERATION_PENDING")
		w.wants(w.cached(login), 202, "OPERATION_PENDING")
		w.wants(w.cached(login), 200, "")
	})
	bubble(t, "questions that nobody answered are told as an expired session", func(t *testing.T) {
		l := fresh()
		l.Last.Challenge = []flinkstest.Challenge{shape}
		w := start(t, flinkstest.Options{}, l)
		w.wants(w.cached(login), 401, "SESSION_EXPIRED")
	})
}
