package flinkstest_test

import (
	"testing"
	"time"

	"nightshift/flinks/flinkstest"
)

func TestKeys(t *testing.T) {
	body := `{"LoginId":"` + login + `","MostRecentCached":true}`
	for _, rule := range []struct {
		name, method, path, body, header, value string
	}{
		{"a token is not minted without a key", "POST", banking + "GenerateAuthorizeToken", "", "x", "y"},
		{"a token is not minted for a wrong key", "POST", banking + "GenerateAuthorizeToken", "", "flinks-auth-key", "wrong"},
		{"Authorize needs a token", "POST", banking + "Authorize", body, "x", "y"},
		{"Authorize does not take the secret key", "POST", banking + "Authorize", body, "flinks-auth-key", flinkstest.DefaultSecretKey},
		{"Authorize does not take an unknown token", "POST", banking + "Authorize", body, "flinks-auth-key", login},
		{"detail needs the API key", "POST", banking + "GetAccountsDetail", `{"RequestId":"x"}`, "x", "y"},
		{"detail does not take the secret key", "POST", banking + "GetAccountsDetail", `{"RequestId":"x"}`, "flinks-auth-key", flinkstest.DefaultSecretKey},
		{"attributes need the API key", "GET", v3 + "/insight/login/a/attributes/b/GetAllAttributes", "", "x-api-key", "wrong"},
		{"the nightly status needs a bearer", "GET", banking + "GetNightlyRefreshStatus", "", "flinks-auth-key", flinkstest.DefaultSecretKey},
	} {
		bubble(t, rule.name, func(t *testing.T) {
			w := start(t, flinkstest.Options{}, fresh())
			w.wants(w.do(rule.method, rule.path, rule.body, rule.header, rule.value), 401, "UNAUTHORIZED")
			w.mistaken()
		})
	}
}

func TestTokens(t *testing.T) {
	body := `{"LoginId":"` + login + `","MostRecentCached":true}`
	use := func(w *wire, token string) got {
		return w.do("POST", banking+"Authorize", body, "flinks-auth-key", token)
	}
	bubble(t, "a token is good for one use", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		token := w.token()
		w.wants(use(w, token), 200, "")
		w.flawless()
		w.wants(use(w, token), 401, "UNAUTHORIZED")
		w.mistaken()
	})
	bubble(t, "an unused token lives 30 minutes", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		one, two := w.token(), w.token()
		time.Sleep(30 * time.Minute)
		w.wants(use(w, one), 200, "")
		time.Sleep(time.Second)
		w.wants(use(w, two), 401, "UNAUTHORIZED")
	})
	bubble(t, "a secret key that expired mints nothing and stops its tokens", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		token := w.token()
		w.srv.RefuseSecret(true)
		w.wants(use(w, token), 401, "UNAUTHORIZED")
		w.wants(w.do("POST", banking+"GenerateAuthorizeToken", "", "flinks-auth-key", flinkstest.DefaultSecretKey), 401, "UNAUTHORIZED")
		w.wants(w.do("GET", banking+"GetNightlyRefreshStatus", "", "Authorization", "Bearer "+flinkstest.DefaultSecretKey), 401, "UNAUTHORIZED")
		w.srv.RefuseSecret(false)
		w.wants(use(w, token), 200, "")
		w.flawless()
	})
	bubble(t, "the API key can be switched off", func(t *testing.T) {
		w := start(t, flinkstest.Options{NoAPIKey: true}, fresh())
		id := w.cached(login).text("RequestId")
		w.wants(w.do("POST", banking+"GetAccountsDetail", `{"requestId":"`+id+`"}`), 200, "")
		w.flawless()
	})
}

func TestPaths(t *testing.T) {
	for _, rule := range []struct {
		name, method, path string
		status             int
		code               string
	}{
		{"an unknown operation is 404 without a code", "POST", banking + "GetEverything", 404, ""},
		{"a path outside the API is 404", "GET", "/", 404, ""},
		{"an unclean path is 404, not a redirect", "POST", "//v3//x", 404, ""},
		{"an id where none belongs is 404", "POST", banking + "Authorize/x", 404, ""},
		{"a missing id is 404", "GET", banking + "GetAccountsDetailAsync/", 404, ""},
		{"insight is lower case", "GET", v3 + "/Insight/login/a/attributes/b/GetAllAttributes", 404, ""},
		{"a wrong method is 405 without a code", "GET", banking + "Authorize", 405, ""},
		{"polling is GET", "POST", banking + "GetAccountsDetailAsync/x", 405, ""},
		{"an unknown customer is 401", "POST", "/v3/x/BankingServices/Authorize", 401, "CUSTOMER_NOT_FOUND"},
	} {
		bubble(t, rule.name, func(t *testing.T) {
			w := start(t, flinkstest.Options{})
			g := w.wants(w.do(rule.method, rule.path, ""), rule.status, rule.code)
			if g.Body["HttpStatusCode"] != float64(rule.status) {
				t.Errorf("not JSON: %s", g.Raw)
			}
			w.mistaken()
		})
	}
}
