package flinkstest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nightshift/flinks/flinkstest"
)

func TestSessionLife(t *testing.T) {
	open := func(t *testing.T, script ...flinkstest.Answer) (*wire, string) {
		l := fresh()
		l.Detail = script
		w := start(t, flinkstest.Options{}, l)
		return w, w.wants(w.cached(login), 200, "").text("RequestId")
	}
	bubble(t, "a RequestId must be used within 8 minutes", func(t *testing.T) {
		w, id := open(t)
		time.Sleep(8 * time.Minute)
		w.wants(w.detail(id), 200, "")
		w, id = open(t)
		time.Sleep(8*time.Minute + time.Second)
		w.wants(w.detail(id), 400, "SESSION_EXPIRED")
		w.wants(w.detail(id), 400, "SESSION_EXPIRED")
	})
	bubble(t, "processing may take 30 minutes", func(t *testing.T) {
		w, id := open(t, flinkstest.Answer{Pending: time.Hour})
		w.wants(w.detail(id), 202, "OPERATION_PENDING")
		time.Sleep(30 * time.Minute)
		w.wants(w.poll(id), 202, "OPERATION_PENDING")
		time.Sleep(time.Second)
		w.wants(w.poll(id), 400, "SESSION_EXPIRED")
	})
	bubble(t, "attributes follow the data within 8 minutes", func(t *testing.T) {
		w, id := open(t)
		w.wants(w.detail(id), 200, "")
		time.Sleep(8 * time.Minute)
		w.wants(w.attributes(login, id), 200, "")
		time.Sleep(8*time.Minute + time.Second)
		w.wants(w.attributes(login, id), 400, "SESSION_EXPIRED")
	})
	bubble(t, "a session that never was does not exist", func(t *testing.T) {
		w, _ := open(t)
		w.wants(w.detail(login), 400, "SESSION_NONEXISTENT")
		w.wants(w.poll(login), 400, "SESSION_NONEXISTENT")
		w.wants(w.attributes(login, login), 400, "SESSION_NONEXISTENT")
	})
	bubble(t, "a refused Authorize opens no data", func(t *testing.T) {
		l := fresh()
		l.Live = answers("RETRY_LATER")
		w := start(t, flinkstest.Options{}, l)
		w.wants(w.detail(w.live(login).text("RequestId")), 401, "UNAUTHORIZED")
	})
	bubble(t, "another login's session does not serve", func(t *testing.T) {
		w, id := open(t)
		w.detail(id)
		w.wants(w.attributes("other", id), 400, "SESSION_NONEXISTENT")
	})
}

func TestDetail(t *testing.T) {
	open := func(t *testing.T, script ...flinkstest.Answer) (*wire, string) {
		l := fresh()
		l.Detail = script
		w := start(t, flinkstest.Options{}, l)
		return w, w.cached(login).text("RequestId")
	}
	bubble(t, "it is pending as often as scripted, then done for good", func(t *testing.T) {
		w, id := open(t, flinkstest.Answer{Polls: 2})
		w.wants(w.detail(id), 202, "OPERATION_PENDING")
		w.wants(w.poll(id), 202, "OPERATION_PENDING")
		w.wants(w.poll(id), 200, "")
		w.wants(w.poll(id), 200, "")
		w.wants(w.detail(id), 200, "")
		w.flawless()
		if s := w.srv.LoginStats()[login]; s != (flinkstest.LoginStats{Cached: 1, Detail: 2, Polls: 3}) {
			t.Errorf("stats %+v", s)
		}
	})
	bubble(t, "it is pending as long as scripted", func(t *testing.T) {
		w, id := open(t, flinkstest.Answer{Pending: 10 * time.Second})
		w.wants(w.detail(id), 202, "OPERATION_PENDING")
		time.Sleep(10 * time.Second)
		w.wants(w.poll(id), 200, "")
	})
	bubble(t, "a dispatched call says so once, its polls are pending", func(t *testing.T) {
		w, id := open(t, flinkstest.Answer{FlinksCode: "OPERATION_DISPATCHED", Polls: 2})
		w.wants(w.detail(id), 202, "OPERATION_DISPATCHED")
		w.wants(w.poll(id), 202, "OPERATION_PENDING")
		w.wants(w.poll(id), 200, "")
	})
	bubble(t, "each session gets the next answer", func(t *testing.T) {
		w, id := open(t, answers("SESSION_EXPIRED", "SESSION_NONEXISTENT", "RETRY_LATER", "")...)
		w.wants(w.detail(id), 400, "SESSION_EXPIRED")
		w.wants(w.poll(id), 400, "SESSION_EXPIRED")
		w.wants(w.detail(w.cached(login).text("RequestId")), 400, "SESSION_NONEXISTENT")
		id = w.cached(login).text("RequestId")
		w.wants(w.detail(id), 401, "RETRY_LATER")
		w.wants(w.detail(id), 401, "RETRY_LATER")
		w.wants(w.detail(w.cached(login).text("RequestId")), 200, "")
	})
	bubble(t, "the published request is understood", func(t *testing.T) {
		w, id := open(t)
		body := strings.ReplaceAll(readFile(t, "getaccountsdetail_request_full"), "3fa391bc-bc52-4424-82c5-8662600df9b2", id)
		w.wants(w.data("POST", "GetAccountsDetail", body), 200, "")
		w.flawless()
	})
	bubble(t, "polling before asking is a mistake", func(t *testing.T) {
		w, id := open(t)
		w.wants(w.poll(id), 200, "")
		w.mistaken()
	})
	bubble(t, "the amounts are the same every time", func(t *testing.T) {
		w, id := open(t)
		accounts := func(id string) any { return w.detail(id).Body["Accounts"] }
		if a, b := fmt.Sprint(accounts(id)), fmt.Sprint(accounts(w.cached(login).text("RequestId"))); a != b {
			t.Errorf("%s\n%s", a, b)
		}
	})
	bubble(t, "switches leave out transactions and holders, a filter leaves out accounts", func(t *testing.T) {
		w, id := open(t)
		all := w.detail(id).Body["Accounts"].([]any)
		one := all[1].(map[string]any)
		g := w.data("POST", "GetAccountsDetail", `{"RequestId":"`+id+`","WithTransactions":"false","WithAccountIdentity":false,"AccountsFilter":["`+one["Id"].(string)+`"]}`)
		rest := g.Body["Accounts"].([]any)
		if len(all) != 2 || len(rest) != 1 {
			t.Fatalf("%d and %d accounts", len(all), len(rest))
		}
		a := rest[0].(map[string]any)
		if a["Id"] != one["Id"] || a["Holder"] != nil || len(a["Transactions"].([]any)) != 0 || len(one["Transactions"].([]any)) != 3 {
			t.Errorf("%s", g.Raw)
		}
	})
	for _, rule := range []struct{ name, body, field string }{
		{"a RequestId is required", `{}`, "RequestId"},
		{"the days of transactions are a closed list", `{"RequestId":"x","DaysOfTransactions":"Days360"}`, "DaysOfTransactions"},
		{"the number of statements is a closed list", `{"RequestId":"x","NumberOfBankingStatements":"All"}`, "NumberOfBankingStatements"},
	} {
		bubble(t, rule.name, func(t *testing.T) {
			w, _ := open(t)
			g := w.wants(w.data("POST", "GetAccountsDetail", rule.body), 400, "INVALID_REQUEST")
			if g.Body["ValidationDetails"].(map[string]any)[rule.field] == nil {
				t.Errorf("ValidationDetails do not name %s: %s", rule.field, g.Raw)
			}
			w.mistaken()
		})
	}
}

func TestAttributes(t *testing.T) {
	open := func(t *testing.T, script ...flinkstest.Answer) (*wire, string) {
		l := fresh()
		l.Attributes = script
		w := start(t, flinkstest.Options{}, l)
		id := w.cached(login).text("RequestId")
		w.wants(w.detail(id), 200, "")
		return w, id
	}
	bubble(t, "they are pending until the data is there", func(t *testing.T) {
		l := fresh()
		l.Detail = []flinkstest.Answer{{Polls: 1}}
		w := start(t, flinkstest.Options{}, l)
		id := w.cached(login).text("RequestId")
		w.detail(id)
		w.wants(w.attributes(login, id), 202, "OPERATION_PENDING")
		w.poll(id)
		w.wants(w.attributes(login, id), 200, "")
		w.flawless()
	})
	bubble(t, "asking for them without the data is a mistake", func(t *testing.T) {
		w := start(t, flinkstest.Options{}, fresh())
		w.wants(w.attributes(login, w.cached(login).text("RequestId")), 202, "OPERATION_PENDING")
		w.mistaken()
	})
	bubble(t, "the n-th call gets the n-th answer, after its polls", func(t *testing.T) {
		w, id := open(t, flinkstest.Answer{FlinksCode: "RETRY_LATER", Polls: 1}, flinkstest.Answer{FlinksCode: "NO_TRANSACTION", Polls: 1}, flinkstest.Answer{})
		w.wants(w.attributes(login, id), 202, "OPERATION_PENDING")
		w.wants(w.attributes(login, id), 400, "RETRY_LATER")
		w.wants(w.attributes(login, id), 202, "OPERATION_PENDING")
		w.wants(w.attributes(login, id), 400, "NO_TRANSACTION")
		w.wants(w.attributes(login, id), 200, "")
		w.flawless()
	})
	bubble(t, "one call at a time per login", func(t *testing.T) {
		w, id := open(t, flinkstest.Answer{Latency: time.Minute})
		done := make(chan got)
		go func() { done <- w.attributes(login, id) }()
		synctest.Wait()
		w.wants(w.attributes(login, id), 202, "OPERATION_PENDING")
		w.wants(<-done, 200, "")
		w.wants(w.attributes(login, id), 200, "")
	})
	bubble(t, "a client that leaves uses no answer up", func(t *testing.T) {
		w, id := open(t, flinkstest.Answer{FlinksCode: "RETRY_LATER", Latency: time.Minute}, flinkstest.Answer{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", flinkstest.BaseURL+v3+"/insight/login/"+login+"/attributes/"+id+"/GetAllAttributes", nil)
		req.Header.Set("x-api-key", flinkstest.DefaultAPIKey)
		if _, err := w.client.Do(req); err == nil {
			t.Fatal("the call came through")
		}
		synctest.Wait()
		w.wants(w.attributes(login, id), 400, "RETRY_LATER")
	})
	bubble(t, "an unknown set is an invalid request", func(t *testing.T) {
		w, id := open(t)
		w.wants(w.do("GET", v3+"/insight/login/"+login+"/attributes/"+id+"/GetLuckAttributes", "", "x-api-key", flinkstest.DefaultAPIKey), 400, "INVALID_REQUEST")
		w.mistaken()
	})
	for _, rule := range []struct {
		name, body, days string
		status           int
		code             string
	}{
		{"a list of names is answered by name", `{"Attributes":{"card":["a_b"]},"Filters":{"accountCategory":["Operations"]}}`, "90", 200, ""},
		{"a list needs names", `{"Attributes":{}}`, "", 400, "INVALID_REQUEST"},
		{"a name has a form", `{"Attributes":{"card":["a b"]}}`, "", 400, "INVALID_REQUEST"},
		{"the days have bounds", `{"Attributes":{"card":["a"]}}`, "366", 400, "INVALID_REQUEST"},
		{"an account filter is not empty", `{"Attributes":{"card":["a"]},"AccountFilter":[]}`, "", 400, "INVALID_REQUEST"},
		{"an account filter names known accounts", `{"Attributes":{"card":["a"]},"AccountFilter":["x"]}`, "", 400, "INVALID_REQUEST"},
		{"a list is JSON", `[`, "", 400, "INVALID_REQUEST"},
	} {
		bubble(t, rule.name, func(t *testing.T) {
			w, id := open(t)
			header := []string{"x-api-key", flinkstest.DefaultAPIKey}
			if rule.days != "" {
				header = append(header, "limitDays", rule.days)
			}
			g := w.wants(w.do("POST", v3+"/insight/login/"+login+"/attributes/"+id, rule.body, header...), rule.status, rule.code)
			if rule.status == 200 && !strings.Contains(g.Raw, `"a_b":`) {
				t.Errorf("%s", g.Raw)
			}
		})
	}
}
