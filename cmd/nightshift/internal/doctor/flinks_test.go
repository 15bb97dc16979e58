package doctor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
)

func TestFlinks(t *testing.T) {
	t.Parallel()
	const waits = "; workers pause, and no job is touched"
	answering := func(t *testing.T, status int, body string) *flinks.Client {
		c := client(t, "right")
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		c.BaseURL = s.URL
		return c
	}
	for _, tc := range []struct {
		rule   string
		client func(t *testing.T) *flinks.Client
		want   Check
	}{
		{"no settings", func(*testing.T) *flinks.Client { return nil },
			skipped("flinks", "no address was given, so the credentials were not tried").
				mend("set --flinks-url, --flinks-customer-id and --flinks-secret-key, or their variables")},
		{"the right secret", func(t *testing.T) *flinks.Client { return client(t, "right") },
			ok("flinks", "it takes the secret key, and gave a token")},
		{"the wrong secret", func(t *testing.T) *flinks.Client { return client(t, "wrong") },
			broken("flinks", "it refuses the credentials: flinks: GenerateAuthorizeToken: HTTP 401 UNAUTHORIZED"+waits).
				mend("correct --flinks-secret-key (or the file that NIGHTSHIFT_FLINKS_SECRET_KEY_FILE names), and compare --flinks-customer-id")},
		{"the wrong customer", func(t *testing.T) *flinks.Client {
			c := client(t, "right")
			c.CustomerID = strings.Replace(flinkstest.DefaultCustomerID, "4", "5", 1)
			return c
		}, broken("flinks", "it does not know the customer: flinks: GenerateAuthorizeToken: HTTP 401 CUSTOMER_NOT_FOUND"+waits).
			mend("correct --flinks-customer-id")},
		{"settings that cannot be used", func(t *testing.T) *flinks.Client {
			c := client(t, "right")
			c.CustomerID = ""
			return c
		}, broken("flinks", "SAYS").mend("correct --flinks-url, --flinks-customer-id or --flinks-secret-key")},
		{"too many calls", func(t *testing.T) *flinks.Client {
			return answering(t, 429, `{"HttpStatusCode":429,"FlinksCode":"TOO_MANY_REQUESTS"}`)
		}, warning("flinks", "it answers, but gives no token now: flinks: GenerateAuthorizeToken: HTTP 429 TOO_MANY_REQUESTS").mend("look again later")},
		{"a proxy in between", func(t *testing.T) *flinks.Client { return answering(t, 502, "<html>no</html>") },
			broken("flinks", "SAYS").mend("correct --flinks-url, or look at a proxy in between")},
		{"nobody", func(t *testing.T) *flinks.Client {
			c := answering(t, 200, "")
			c.BaseURL = "http://127.0.0.1:1"
			return c
		}, broken("flinks", "it cannot be reached: flinks: GenerateAuthorizeToken: not sent, dial tcp 127.0.0.1:1: connect: connection refused"+waits).
			mend("correct --flinks-url, or mend the network: DNS, proxy, firewall")},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			t.Parallel()
			got := (&visit{Patient: &Patient{Flinks: tc.client(t)}}).flinks(t.Context())
			if tc.want.Says == "SAYS" { // The words are the client's.
				tc.want.Says = got[0].Says
			}
			equal(t, []Check{tc.want}, got)
		})
	}
	t.Run("one that hangs", func(t *testing.T) {
		t.Parallel()
		done := make(chan struct{})
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
		defer s.Close()
		defer close(done)
		c := client(t, "right")
		c.BaseURL = s.URL
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		equal(t, []Check{broken("flinks", "it cannot be reached: no answer in time"+waits).
			mend("correct --flinks-url, or mend the network: DNS, proxy, firewall")},
			(&visit{Patient: &Patient{Flinks: c}}).flinks(ctx))
	})
}
