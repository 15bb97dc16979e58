package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// widget is where Flinks Connect is in these tests.
const widget = "https://toolbox-iframe.test/v2/"

// opened takes an address of Connect apart. Its token must be one that Flinks
// takes, which nobody has used, and that stands in what was said beside it.
func (b *bank) opened(t *testing.T, address, beside string) url.Values {
	t.Helper()
	query, ok := strings.CutPrefix(address, widget+"?")
	q, err := url.ParseQuery(query)
	if !ok || err != nil {
		t.Fatalf("no address: %q, %v", address, err)
	}
	token := q.Get("authorizeToken")
	client := &flinks.Client{BaseURL: b.url, CustomerID: flinkstest.DefaultCustomerID, SecretKey: testSecret, APIKey: testAPIKey}
	if _, err := client.Authorize(t.Context(), Secret(token), flinks.Cached("bob")); err != nil {
		t.Errorf("the token is refused: %v", err)
	}
	if strings.Contains(beside, token) {
		t.Errorf("the token stands in %q", beside)
	}
	q.Del("authorizeToken")
	return q
}

// holders are three logins: bob's bank answers, ann's asks, eve's refuses.
func holders(t *testing.T) *bank {
	t.Helper()
	b := newBank(t, population{})
	bob := flinkstest.Login{ID: "bob", Username: "bob", Institution: "FlinksCapital", InstitutionID: 14, LastRefresh: time.Now().Add(-time.Hour), Accounts: 1}
	ann, eve := bob, bob
	ann.ID, ann.Username = "ann", "ann"
	ann.Live = []flinkstest.Answer{{Challenge: []flinkstest.Challenge{{Prompt: "What city were you born in?", Answer: "Montreal"}}}}
	eve.ID, eve.Username, eve.Live = "eve", "eve", []flinkstest.Answer{{FlinksCode: "INVALID_PASSWORD"}}
	b.sim.Add(bob, ann, eve)
	return b
}

func TestConnect(t *testing.T) {
	t.Parallel()
	b := holders(t)
	environ := b.environ("NIGHTSHIFT_CONNECT_URL="+widget, "NIGHTSHIFT_CONNECT_CUSTOMER_NAME=Bank & Co")
	t.Run("the address alone goes to standard output", func(t *testing.T) {
		r := run(t, environ, "connect", "bob", "--connect-redirect-url", "https://app.test/linked?a=b", "--connect-language", "fr")
		equal(t, exitOK, r.Code)
		equal(t, url.Values{"redirectUrl": {"https://app.test/linked?a=b"}, "language": {"fr"}, "customerName": {"Bank & Co"}},
			b.opened(t, strings.TrimSuffix(r.Stdout, "\n"), r.Stderr))
		if !regexp.MustCompile(`^Good once, until \d\d:\d\d:\d\d UTC \(15m\)\. The same bank, user name and language give the login bob again\.\n$`).MatchString(r.Stderr) {
			t.Errorf("said %q", r.Stderr)
		}
	})
	t.Run("to resume, it names the session", func(t *testing.T) {
		r := run(t, environ, "connect", "ann", "--resume", "request-1")
		equal(t, exitOK, r.Code)
		equal(t, url.Values{"requestId": {"request-1"}, "customerName": {"Bank & Co"}}, b.opened(t, strings.TrimSuffix(r.Stdout, "\n"), r.Stderr))
		if !regexp.MustCompile(`^Good once, for 8m after the bank has asked \(the outcome's requestIdExpires\), and until \d\d:\d\d:\d\d UTC at the latest\.\n$`).MatchString(r.Stderr) {
			t.Errorf("said %q", r.Stderr)
		}
	})
	t.Run("the same in JSON", func(t *testing.T) {
		type form struct {
			LoginID   string    `json:"loginId"`
			RequestID string    `json:"requestId"`
			URL       string    `json:"url"`
			Expires   time.Time `json:"expires"`
		}
		r := run(t, environ, "connect", "ann", "--resume", "request-1", "--json")
		got := only[form](t, r.Stdout)
		b.opened(t, got.URL, r.Stderr)
		if left := time.Until(got.Expires); left < 14*time.Minute || left > 15*time.Minute {
			t.Errorf("good for %v", left)
		}
		equal(t, form{"ann", "request-1", got.URL, got.Expires}, got)
		equal(t, "", r.Stderr)
	})
	for _, tc := range []struct {
		rule, want string
		code       int
		environ    []string
		args       []string
	}{
		{"no Flinks", `--flinks-url is missing (or NIGHTSHIFT_FLINKS_URL): the address of your Flinks API, or of a simulator that "nightshift sandbox" serves`,
			exitUsage, nil, nil},
		{"a widget that cannot be derived", "--connect-url is missing (or NIGHTSHIFT_CONNECT_URL): it cannot be derived from --flinks-url " + b.url,
			exitUsage, b.environ(), nil},
		{"an empty session", "--resume is empty: it takes the requestId of the outcome mfa_required", exitUsage, environ, []string{"--resume", ""}},
		{"a session that is none", "flinks: bad id: the requestId is a dot path", exitTrouble, environ, []string{"--resume", ".."}},
		{"a wrong secret", "flinks: GenerateAuthorizeToken: HTTP 401 UNAUTHORIZED", exitTrouble, append(environ, "NIGHTSHIFT_FLINKS_SECRET_KEY=other"), nil},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			equal(t, result{Code: tc.code, Stderr: "nightshift: " + tc.want + "\n"}, run(t, tc.environ, append([]string{"connect", "bob"}, tc.args...)...))
		})
	}
}

// What the account holder has to do comes with the outcome.
func TestRefreshHandsOver(t *testing.T) {
	t.Parallel()
	b := holders(t)
	stores, _ := servers(t)
	all := b.environ(stores...)
	worker := start(t, all, "", "consume")
	refresh := func(environ []string, login string, more ...string) result {
		return run(t, environ, append([]string{"refresh", login, "--live", "--wait"}, more...)...)
	}
	answer := regexp.MustCompile(`^The account holder must answer the bank within 7m5\ds: nightshift connect ann --resume ([0-9a-f-]{36})\n$`)

	t.Run("where the bank asks, the address to answer at", func(t *testing.T) {
		r := refresh(append(all, "NIGHTSHIFT_CONNECT_URL="+widget), "ann")
		lines := strings.Split(r.Stdout, "\n")
		if r.Code != exitOK || len(lines) != 3 || !strings.Contains(lines[0], "mfa_required") {
			t.Fatalf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
		q := b.opened(t, lines[1], r.Stderr)
		if len(q.Get("requestId")) != 36 || len(q) != 1 {
			t.Errorf("opens %v", q)
		}
		if !regexp.MustCompile(`^The account holder must answer the bank there within 7m5\ds\.\n$`).MatchString(r.Stderr) {
			t.Errorf("said %q", r.Stderr)
		}
	})
	t.Run("without Flinks' settings, the command that makes one", func(t *testing.T) {
		r := refresh(stores, "ann")
		if r.Code != exitOK || strings.Count(r.Stdout, "\n") != 1 || !answer.MatchString(r.Stderr) {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
	})
	t.Run("so, with the reason, where none can be made", func(t *testing.T) {
		r := refresh(all, "ann")
		reason, rest, _ := strings.Cut(r.Stderr, "\n")
		want := "No address of Flinks Connect could be made: --connect-url is missing (or NIGHTSHIFT_CONNECT_URL): it cannot be derived from --flinks-url " + b.url
		if r.Code != exitOK || strings.Count(r.Stdout, "\n") != 1 || reason != want || !answer.MatchString(rest) {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
	})
	t.Run("in JSON, the event and what to do when its session is dead", func(t *testing.T) {
		r := refresh(append(all, "NIGHTSHIFT_CONNECT_URL="+widget), "ann", "--json")
		o := only[event.Outcome](t, r.Stdout)
		if o.Type != event.MFARequired || o.AfterExpiry != event.AskRefresh {
			t.Errorf("%+v", o)
		}
		equal(t, []string{r.Stderr, o.RequestID}, answer.FindStringSubmatch(r.Stderr))
	})
	t.Run("where the bank refuses, the command to connect again", func(t *testing.T) {
		for _, more := range [][]string{nil, {"--json"}} {
			equal(t, "The account holder must connect again: nightshift connect eve\n", refresh(all, "eve", more...).Stderr)
		}
	})
	t.Run("where all is well, nothing", func(t *testing.T) {
		equal(t, "", refresh(all, "bob").Stderr)
	})
	worker.stop()
}

// An outcome that is told late holds a session that is dead.
func TestRefreshHandsOverTooLate(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	job := only[queued](t, run(t, stores, "refresh", "ann", "--json").Stdout).Job
	tell(t, js, event.Outcome{
		LoginID: "ann", Cycle: job.Cycle, Lane: job.Lane, Type: event.MFARequired, Reason: event.SecurityChallenge,
		RequestID: "request-1", RequestIDExpires: now().Add(-time.Second), Timings: event.Timings{Ended: now()}, Job: job,
	})
	r := run(t, stores, "refresh", "ann", "--wait")
	equal(t, "The bank's question has expired; ask again while the account holder is there: nightshift refresh ann --live --wait\n", r.Stderr)
}
