package flinkstest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"nightshift/flinks/flinkstest"
)

// FuzzServer throws calls with good credentials and anything else at the
// server. Whatever comes, it answers, in JSON.
func FuzzServer(f *testing.F) {
	for _, path := range []string{
		"GenerateAuthorizeToken", "Authorize", "GetAccountsDetail", "GetAccountsDetailAsync/x", "GetAccountsSummary",
		"GetStatements", "SetScheduledRefresh", "AnswerMFAQuestions", "GetMFAQuestions/" + login, "DeleteCard/x",
	} {
		for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
			f.Add(method, banking+path, `{"LoginId":"`+login+`","RequestId":"REQUEST","MostRecentCached":"true"}`)
		}
	}
	f.Add("GET", v3+"/insight/login/"+login+"/attributes/REQUEST/GetAllAttributes", "")
	f.Add("POST", v3+"/insight/login/"+login+"/attributes/REQUEST", `{"Attributes":{"card":["a"]},"AccountFilter":[]}`)
	f.Add("POST", banking+"Authorize", `{"RequestId":"REQUEST","SecurityResponses":{"a":["b"],"c":"d","e":null}}`)
	f.Add("POST", banking+"Authorize", `null`)
	f.Add("POST", banking+"Authorize", `{"Username":"Greatday","Password":"E","Institution":"FlinksCapital","Language":"xx"}`)
	f.Add("POST", "//v3/%2e%2e/..", `[[[[`)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		s := flinkstest.New(flinkstest.Options{})
		s.Add(flinkstest.Login{ID: login, LastRefresh: time.Now(), Live: asking(), Detail: []flinkstest.Answer{{Polls: 1}}})
		mint := func() string {
			w := direct(s, "POST", banking+"GenerateAuthorizeToken", "", "flinks-auth-key", flinkstest.DefaultSecretKey)
			return between(w.Body.String(), `"Token":"`, `"`)
		}
		live := direct(s, "POST", banking+"Authorize", `{"LoginId":"`+login+`"}`, "flinks-auth-key", mint())
		id := between(live.Body.String(), `"RequestId":"`, `"`)
		r := &http.Request{
			Method: method, URL: &url.URL{Path: strings.ReplaceAll(path, "REQUEST", id)}, Header: http.Header{},
			Body: http.NoBody,
		}
		if body != "" {
			r.Body = httptest.NewRequest("POST", "/", strings.NewReader(strings.ReplaceAll(body, "REQUEST", id))).Body
		}
		r.Header.Set("flinks-auth-key", mint())
		r.Header.Set("x-api-key", flinkstest.DefaultAPIKey)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 599 {
			t.Errorf("status %d", w.Code)
		}
		if kind := w.Header().Get("Content-Type"); strings.HasPrefix(kind, "application/json") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("not JSON: %q", w.Body)
		} else if !strings.HasPrefix(path, "/_sandbox/") && !strings.HasPrefix(kind, "application/json") {
			t.Errorf("content type %q", kind)
		}
	})
}
