package main

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// stub answers as Flinks does for a login whose data is fresh: a token, a
// session, an account of 45 transactions. It says the same to everybody and
// does next to nothing, so that what is measured is not the stub.
type stub struct {
	token, session, detail []byte
	latency                time.Duration // of Authorize and of GetAccountsDetail each

	mu          sync.Mutex
	first, last map[string]time.Time // call and answer by login; nil: not noted
}

func newStub(latency time.Duration) *stub {
	login := fmt.Sprintf(`{"Username":"Greatday","IsScheduledRefresh":false,"LastRefresh":%q,"Type":"Personal","Id":"5e115eac-1209-4f19-641c-08d6d484e2fe"}`,
		time.Now().UTC().Format("2006-01-02T15:04:05.0000000"))
	links := `[{"rel":"AccountsDetail","href":"/GetAccountsDetail","example":"/v3/{customerId}/BankingServices/GetAccountsDetail"},` +
		`{"rel":"AccountsSummary","href":"/GetAccountsSummary","example":"/v3/{customerId}/BankingServices/GetAccountsSummary"}]`
	common := `"HttpStatusCode":200,"Login":` + login + `,"Institution":"FlinksCapital","InstitutionId":14,"InstitutionName":"FlinksCapital","RequestId":"b6cd5fc0-0d6e-4d0f-a02b-6c0c9c0d9a11"`
	var lines []string
	for i := range 45 {
		lines = append(lines, fmt.Sprintf(`{"Date":"2026-11-%02d","Code":null,"Description":"INTERAC e-Transfer to somebody %d","Debit":%d.25,"Credit":null,"Balance":%d.75,"Id":"3a1e5b0e-4d43-4a6a-9a0c-%012d"}`,
			i%28+1, i, 3*i, 5000-i, i))
	}
	account := `{"Id":"5aa3d6c6-3f70-4f3e-a9c0-000000000001","TransitNumber":"77777","InstitutionNumber":"777","OverdraftLimit":0,"Title":"Chequing CAD",` +
		`"AccountNumber":"1111000","LastFourDigits":null,"Balance":{"Available":5000.12,"Current":5000.12,"Limit":null},"Category":"Operations","Type":"Chequing","Currency":"CAD",` +
		`"Holder":{"Name":"John Doe","Address":{"CivicAddress":"1275 avenue des Canadiens","City":"Montréal","Province":"QC","PostalCode":"H3B 5E8","POBox":null,"Country":"CA"},` +
		`"Email":"johndoe@flinks.io","PhoneNumber":"(514) 333-7777"},"AccountType":"Personal","Transactions":[` + strings.Join(lines, ",") + `]}`
	return &stub{
		latency: latency,
		token:   []byte(`{"Token":"Yk7r2cEw4pVdS8gJm1","Message":null,"HttpStatusCode":200}`),
		session: []byte(`{"Links":` + links + `,` + common + `}`),
		detail:  []byte(`{"Accounts":[` + account + `],` + common + `}`),
	}
}

// note remembers, for the measurement of latency, when each login was first
// called for and when it had its last answer. The login is told by the token
// no more than by the session, so calls must come for one login at a time.
func (s *stub) note(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		return
	}
	now := time.Now()
	if _, called := s.first[login]; !called {
		s.first[login] = now
	}
	s.last[login] = now
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if strings.HasSuffix(r.URL.Path, "/Authorize") {
		s.note(loginIn(string(body)))
	}
	answer := s.answer(r.URL.Path)
	if s.latency > 0 && !strings.HasSuffix(r.URL.Path, "Token") {
		s.wait()
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // whoever has gone needs no answer
}

// answer is the reply to the call of that path.
func (s *stub) answer(path string) []byte {
	switch {
	case strings.HasSuffix(path, "/Authorize"):
		return s.session
	case strings.HasSuffix(path, "/GetAccountsDetail"):
		return s.detail
	}
	return s.token
}

// wait lasts for the latency, a tenth more or less.
func (s *stub) wait() {
	time.Sleep(time.Duration(float64(s.latency) * (0.9 + 0.2*rand.Float64())))
}

// loginIn is the LoginId of a request to authorize.
func loginIn(body string) string {
	_, rest, _ := strings.Cut(body, `"LoginId":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// serveStub serves until the process is ended.
func serveStub(addr string, latency time.Duration) error {
	srv := &http.Server{Addr: addr, Handler: newStub(latency), ErrorLog: log.New(io.Discard, "", 0)}
	return srv.ListenAndServe()
}
