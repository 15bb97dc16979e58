package flinkstest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nightshift/flinks/flinkstest"
)

const (
	v3      = "/v3/" + flinkstest.DefaultCustomerID
	banking = v3 + "/BankingServices/"
	login   = "0b9f2c1e-0000-4000-8000-000000000001"
)

// wire calls a server as a program would that knows nothing but the wire.
type wire struct {
	t      *testing.T
	srv    *flinkstest.Server
	client *http.Client
}

// got is a reply: its status and its body, decoded when it is JSON.
type got struct {
	Status int
	Code   string
	Body   map[string]any
	Raw    string
}

func (g got) text(key string) string {
	v, _ := g.Body[key].(string)
	return v
}

func start(t *testing.T, opts flinkstest.Options, logins ...flinkstest.Login) *wire {
	t.Helper()
	srv, client := flinkstest.Start(t, opts)
	srv.Add(logins...)
	return &wire{t, srv, client}
}

// bubble runs a rule in virtual time.
func bubble(t *testing.T, rule string, check func(t *testing.T)) {
	t.Helper()
	t.Run(rule, func(t *testing.T) { synctest.Test(t, check) })
}

func (w *wire) do(method, path, body string, header ...string) got {
	w.t.Helper()
	g, err := w.try(method, path, body, header...)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return g
}

func (w *wire) try(method, path, body string, header ...string) (got, error) {
	req, err := http.NewRequestWithContext(w.t.Context(), method, flinkstest.BaseURL+path, strings.NewReader(body))
	if err != nil {
		return got{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return got{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return got{}, err
	}
	g := got{Status: resp.StatusCode, Raw: string(raw)}
	if json.Unmarshal(raw, &g.Body) == nil {
		g.Code = g.text("FlinksCode")
	}
	return g, nil
}

func (w *wire) token() string {
	w.t.Helper()
	g := w.do("POST", banking+"GenerateAuthorizeToken", "", "flinks-auth-key", flinkstest.DefaultSecretKey)
	if g.text("Token") == "" {
		w.t.Fatalf("no token: %+v", g)
	}
	return g.text("Token")
}

func (w *wire) authorize(body string) got {
	w.t.Helper()
	return w.do("POST", banking+"Authorize", body, "flinks-auth-key", w.token())
}

func (w *wire) cached(id string) got {
	w.t.Helper()
	return w.authorize(`{"LoginId":"` + id + `","MostRecentCached":true}`)
}

func (w *wire) live(id string) got {
	w.t.Helper()
	return w.authorize(`{"LoginId":"` + id + `","MostRecentCached":false,"Save":true}`)
}

func (w *wire) answer(requestID, prompt, answer string) got {
	w.t.Helper()
	return w.authorize(`{"RequestId":"` + requestID + `","SecurityResponses":{"` + prompt + `":["` + answer + `"]}}`)
}

func (w *wire) data(method, op, body string) got {
	w.t.Helper()
	return w.do(method, banking+op, body, "x-api-key", flinkstest.DefaultAPIKey)
}

func (w *wire) detail(requestID string) got {
	w.t.Helper()
	return w.data("POST", "GetAccountsDetail", `{"RequestId":"`+requestID+`"}`)
}

func (w *wire) poll(requestID string) got {
	w.t.Helper()
	return w.data("GET", "GetAccountsDetailAsync/"+requestID, "")
}

func (w *wire) attributes(id, requestID string) got {
	w.t.Helper()
	return w.do("GET", v3+"/insight/login/"+id+"/attributes/"+requestID+"/GetIncomeAttributes", "",
		"x-api-key", flinkstest.DefaultAPIKey)
}

// wants fails unless the reply has this status and code.
func (w *wire) wants(g got, status int, code string) got {
	w.t.Helper()
	if g.Status != status || g.Code != code {
		w.t.Errorf("got %d %q, want %d %q; body %s", g.Status, g.Code, status, code, g.Raw)
	}
	return g
}

// flawless fails if the journal holds a mistake.
func (w *wire) flawless() {
	w.t.Helper()
	for _, c := range w.srv.Mistakes() {
		w.t.Errorf("mistake in %s: %s", c.Op, c.Mistake)
	}
}

// mistaken fails unless the last call is on record as a mistake.
func (w *wire) mistaken() {
	w.t.Helper()
	if j := w.srv.Journal(); j[len(j)-1].Mistake == "" {
		w.t.Errorf("%s is not on record as a mistake", j[len(j)-1].Op)
	}
}

func fresh() flinkstest.Login {
	return flinkstest.Login{ID: login, LastRefresh: time.Now().Add(-time.Hour), Accounts: 2, Transactions: 3}
}

func answers(codes ...string) []flinkstest.Answer {
	out := make([]flinkstest.Answer, len(codes))
	for i, c := range codes {
		out[i].FlinksCode = c
	}
	return out
}

var shape = flinkstest.Challenge{Prompt: "What shape do people like most?", Answer: "Triangle"}

func asking() []flinkstest.Answer {
	return []flinkstest.Answer{{Challenge: []flinkstest.Challenge{shape}}}
}
