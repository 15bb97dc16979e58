package flinkstest_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"nightshift/flinks/flinkstest"
)

// direct calls a handler without a connection.
func direct(s *flinkstest.Server, method, path, body, header, value string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set(header, value)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// between cuts a value out of a reply, faster than decoding it.
func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	value, _, _ := strings.Cut(rest, after)
	return value
}

// refresh makes the calls of a plain refresh and returns the last status.
func refresh(s *flinkstest.Server, login string) int {
	w := direct(s, "POST", banking+"GenerateAuthorizeToken", "", "flinks-auth-key", flinkstest.DefaultSecretKey)
	token := between(w.Body.String(), `"Token":"`, `"`)
	w = direct(s, "POST", banking+"Authorize", `{"LoginId":"`+login+`","MostRecentCached":true}`, "flinks-auth-key", token)
	id := between(w.Body.String(), `"RequestId":"`, `"`)
	return direct(s, "POST", banking+"GetAccountsDetail", `{"RequestId":"`+id+`"}`, "x-api-key", flinkstest.DefaultAPIKey).Code
}

func TestManyAtOnce(t *testing.T) {
	s := flinkstest.New(flinkstest.Options{})
	logins := flinkstest.Population(50, 1, flinkstest.Mix{Fresh: 1}, time.Now())
	s.Add(logins...)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 100 {
				if status := refresh(s, logins[(i+worker)%len(logins)].ID); status != 200 {
					t.Errorf("refresh ended with %d", status)
				}
				if i%20 == 0 {
					_, _, _ = s.Journal(), s.Overlaps(), s.LoginStats()
					s.SetFaults(flinkstest.Faults{})
					s.Add(flinkstest.Login{ID: fmt.Sprint("new", worker, i)})
				}
			}
		})
	}
	wg.Wait()
	if n := len(s.Journal()); n != 8*100*3 {
		t.Errorf("%d calls in the journal", n)
	}
	for i, c := range s.Journal() {
		if c.Seq != uint64(i)+1 {
			t.Fatalf("call %d has number %d", i+1, c.Seq)
		}
	}
	if len(s.Mistakes()) > 0 {
		t.Errorf("mistakes: %+v", s.Mistakes())
	}
}

func TestOneLiveSessionAtATime(t *testing.T) {
	bubble(t, "of many live calls at once one gets through", func(t *testing.T) {
		w := start(t, slow, fresh())
		tokens := make([]string, 20)
		for i := range tokens {
			tokens[i] = w.token()
		}
		var mu sync.Mutex
		ended := map[int]int{}
		var wg sync.WaitGroup
		for _, token := range tokens {
			wg.Go(func() {
				g := w.do("POST", banking+"Authorize", `{"LoginId":"`+login+`","Save":true}`, "flinks-auth-key", token)
				mu.Lock()
				defer mu.Unlock()
				ended[g.Status]++
			})
		}
		wg.Wait()
		if ended[200] != 1 || ended[409] != 19 || w.srv.LiveCalls(login) != 1 {
			t.Errorf("%v, %d live calls", ended, w.srv.LiveCalls(login))
		}
	})
}

func BenchmarkRefresh(b *testing.B) {
	s := flinkstest.New(flinkstest.Options{NoJournal: true})
	logins := flinkstest.Population(100_000, 1, flinkstest.Mix{Fresh: 1}, time.Now())
	s.Add(logins...)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if status := refresh(s, logins[i%len(logins)].ID); status != 200 {
			b.Fatalf("refresh ended with %d", status)
		}
	}
}
