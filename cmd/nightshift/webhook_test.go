package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/cmd/nightshift/internal/local"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
)

// testHookSecret signs the pushes of these tests; no output may hold it.
const testHookSecret = "hush-the-webhook-secret"

// hooked is a webhook command at work.
type hooked struct {
	*command
	url    string
	secret string
}

// newHooked starts one with servers that are given as variables.
func newHooked(t *testing.T, secret string, stores []string, args ...string) *hooked {
	t.Helper()
	environ := append([]string{"NIGHTSHIFT_WEBHOOK_SECRET=" + secret}, stores...)
	c := start(t, environ, "", append([]string{"webhook", "--addr", "127.0.0.1:0"}, args...)...)
	c.logs("taking in pushes")
	text, _ := c.stderr.look()
	url := regexp.MustCompile(`"url":"(http://127[^"]*/[a-z]+)"`).FindAllStringSubmatch(text, -1)
	if url == nil {
		t.Fatalf("no address: %s", text)
	}
	return &hooked{c, url[len(url)-1][1], secret}
}

// request is a push on its way.
func (h *hooked) request(t *testing.T, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("flinks-authenticity-key", flinkstest.SignPush(h.secret, body))
	return r
}

// send sends a request, and returns what was answered.
func send(t *testing.T, r *http.Request) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(text)))
}

func (h *hooked) push(t *testing.T, body []byte) string {
	t.Helper()
	return send(t, h.request(t, body))
}

// discreet stops the command: nothing of what was pushed may stand in its log.
func (h *hooked) discreet(t *testing.T, personal ...string) string {
	t.Helper()
	r := h.stop()
	if r.Code != exitOK || r.Stdout != "" {
		t.Errorf("code %d: %s", r.Code, r.Stdout)
	}
	for _, secret := range append(personal, h.secret) {
		if strings.Contains(r.Stderr, secret) {
			t.Errorf("the log holds %q:\n%s", secret, r.Stderr)
		}
	}
	return r.Stderr
}

func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	h := newHooked(t, testHookSecret, stores, "--metrics-addr", "127.0.0.1:0")
	body := func(kind, login string) []byte {
		return fmt.Appendf(nil, `{"ResponseType":%q,"HttpStatusCode":200,"RequestId":"request-1","Login":{"Id":%q,"Username":"Flinkyfoot"},"Holder":"John Flinkyfoot"}`, kind, login)
	}
	detail := body("GetAccountsDetail", "ann")
	for _, tc := range []struct {
		rule   string
		body   []byte
		change func(*http.Request)
		want   string
	}{
		{"a push is stored", detail, nil, "200 stored"},
		{"the same once more is answered as well", detail, nil, "200 repeated"},
		{"another kind of the same session is stored", body("KYC", "ann"), nil, "200 stored"},
		{"a kind that nobody knows, too", body("Upload_fraud", "ann"), nil, "200 stored"},
		{"what names no login is of no use, and none the better for being sent again", body("FlinksPay", ""), nil, "200 ignored"},
		{"a login that is no token of a subject is none", body("KYC", "a.b"), nil, "200 ignored"},
		{"without a signature", body("KYC", "bob"), func(r *http.Request) { r.Header.Del("flinks-authenticity-key") }, "401 unsigned"},
		{"with another body's signature", body("KYC", "bob"), func(r *http.Request) {
			r.Header.Set("flinks-authenticity-key", flinkstest.SignPush(testHookSecret, detail))
		}, "401 unsigned"},
		{"with another secret's signature", body("KYC", "bob"), func(r *http.Request) {
			r.Header.Set("flinks-authenticity-key", flinkstest.SignPush("guessed", body("KYC", "bob")))
		}, "401 unsigned"},
		{"no JSON", []byte("name=John+Flinkyfoot"), nil, "400 malformed"},
		{"no object", []byte(`["John Flinkyfoot"]`), nil, "400 malformed"},
		{"no JSON and not signed", []byte("x"), func(r *http.Request) { r.Header.Set("flinks-authenticity-key", "x") }, "401 unsigned"},
		{"another method", detail, func(r *http.Request) { r.Method = http.MethodPut }, "405 bad_method"},
		{"another path", detail, func(r *http.Request) { r.URL.Path = "/flinks/" }, "404 bad_path"},
		{"a body of the largest size", append(body("GetStatements", "large"), bytes.Repeat([]byte(" "), hookMaxBody-len(body("GetStatements", "large")))...), nil, "200 stored"},
		{"a larger one, announced", bytes.Repeat([]byte(" "), hookMaxBody+1), nil, "413 too_large"},
		{"a larger one, not announced", bytes.Repeat([]byte(" "), hookMaxBody+1), func(r *http.Request) { r.ContentLength = -1 }, "413 too_large"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			r := h.request(t, tc.body)
			if tc.change != nil {
				tc.change(r)
			}
			equal(t, tc.want, send(t, r))
		})
	}
	t.Run("notices and nothing else are in the stream", func(t *testing.T) {
		s, err := js.Stream(t.Context(), event.StreamPushes)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
			raw, err := s.GetMsg(t.Context(), seq)
			if err != nil {
				t.Fatal(err)
			}
			n := only[event.Push](t, string(raw.Data)+"\n")
			kinds = append(kinds, n.LoginID+" "+n.ResponseType)
		}
		equal(t, []string{"ann GetAccountsDetail", "ann KYC", "ann Upload_fraud", "large GetStatements"}, kinds)
	})
	t.Run("metrics count the answers", func(t *testing.T) {
		equal(t, "4", scrape(t, h.command, `nightshift_pushes_total{answer="stored"}`))
		equal(t, "4", scrape(t, h.command, `nightshift_pushes_total{answer="unsigned"}`))
		equal(t, "0", scrape(t, h.command, `nightshift_pushes_woken_total`))
	})
	log := h.discreet(t, "Flinkyfoot", "request-1")
	t.Run("the log counts, and tells once of what was refused", func(t *testing.T) {
		if !strings.Contains(log, `"msg":"stopped","bad_method":1,"bad_path":1,"ignored":2,"malformed":2,"repeated":1,"stored":4,"too_large":2,"unsigned":4,"woken":0`) ||
			strings.Count(log, "push refused: it has no signature") != 1 || strings.Contains(log, "its signature is wrong") {
			t.Errorf("log:\n%s", log)
		}
	})
}

// The push that a public client library publishes, with its secret.
func TestWebhookTakesThePublishedPush(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../flinks/testdata/webhook_getaccountsdetail_200_signed.json")
	if err != nil {
		t.Fatal(err)
	}
	var published struct {
		Body      string `json:"body_compact_json"`
		Key       string `json:"hmac_key"`
		Signature string `json:"signature_base64_sha256"`
	}
	if err := json.Unmarshal(data, &published); err != nil {
		t.Fatal(err)
	}
	stores, js := servers(t)
	h := newHooked(t, published.Key, stores, "--webhook-header", "X-Flinks-Signature", "--webhook-path", "/pushes")
	r := h.request(t, []byte(published.Body))
	r.Header = http.Header{"X-Flinks-Signature": {published.Signature}}
	equal(t, "200 stored", send(t, r))
	raw, err := js.Stream(t.Context(), event.StreamPushes)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := raw.GetLastMsgForSubject(t.Context(), event.PushSubject("5e115eac-1209-4f19-641c-08d6d484e2fe"))
	if err != nil {
		t.Fatal(err)
	}
	n := only[event.Push](t, string(msg.Data)+"\n")
	equal(t, event.Push{
		LoginID: "5e115eac-1209-4f19-641c-08d6d484e2fe", RequestID: "1243c283-e0ca-4fda-a5e4-343068430190", ResponseType: "GetAccountsDetail",
		Status: 200, Institution: "FlinksCapital", LastRefresh: time.Date(2019, 5, 9, 13, 47, 46, 522790100, time.UTC), Received: n.Received,
	}, n)
	h.stop()
}

// While NATS is away Flinks is told to come again, and then it is taken.
func TestWebhookWithoutNATS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve := func(addr string) *local.NATS {
		s, err := local.StartNATS(t.Context(), dir, local.NATSOptions{Listen: addr})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := serve("127.0.0.1:0")
	url := first.URL()
	redis := miniredis.RunT(t)
	h := newHooked(t, testHookSecret, []string{"NIGHTSHIFT_NATS_URL=" + url, "NIGHTSHIFT_REDIS_URL=redis://" + redis.Addr()})
	body := []byte(`{"ResponseType":"KYC","RequestId":"request-1","Login":{"Id":"ann"}}`)

	first.Close()
	h.logs("NATS is unreachable")
	equal(t, "503 not_stored", h.push(t, body))
	second := serve(strings.TrimPrefix(url, "nats://"))
	defer second.Close()
	h.logs("NATS has recovered")
	// Whether the first one was stored nobody knew; the client may have sent it
	// with the connection's first breath. It is stored once in any case.
	if got := h.push(t, body); got != "200 stored" && got != "200 repeated" {
		t.Error(got)
	}
	equal(t, uint64(1), messages(t, dialJetStream(t, url), event.StreamPushes))
	h.discreet(t)
}

func TestWebhookRefuses(t *testing.T) {
	for _, tc := range []struct {
		rule string
		args string
		want string
	}{
		{"no secret", "", "--webhook-secret is missing (or NIGHTSHIFT_WEBHOOK_SECRET): without it anybody could push"},
		{"no NATS", "--webhook-secret s", "--nats-url is missing (or NIGHTSHIFT_NATS_URL): pushes wake jobs that wait in the workers' NATS"},
		{"no Redis", "--webhook-secret s --nats-url nats://127.0.0.1:1", "--redis-url is missing (or NIGHTSHIFT_REDIS_URL): the logins' records are in the workers' Redis"},
		{"a path that is none", "--webhook-path flinks", `--webhook-path: "flinks" is no path: write it like /flinks`},
		{"a path with a query", "--webhook-path /flinks?a=b", `--webhook-path: "/flinks?a=b" is no path: write it like /flinks`},
		{"a header that is none", "--webhook-header a:b", `--webhook-header: "a:b" is no name of a header: write it like flinks-authenticity-key`},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			equal(t, result{Code: exitUsage, Stderr: "nightshift: " + tc.want + "\n"},
				run(t, []string{"NIGHTSHIFT_DATA=" + t.TempDir()}, append([]string{"webhook"}, strings.Fields(tc.args)...)...))
		})
	}
}

// A job whose accounts take an hour ends a moment after the push of them,
// although nobody polls.
func TestWebhookEndsTheWaiting(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	bob := flinkstest.Login{ID: "bob", Username: "bob", Institution: "FlinksCapital", InstitutionID: 14,
		LastRefresh: time.Now().Add(-time.Hour), Accounts: 1, Detail: []flinkstest.Answer{{Pending: time.Hour}}}
	b.sim.Add(bob)
	stores, js := servers(t)
	environ := b.environ(append(stores, "NIGHTSHIFT_WEBHOOKS=true")...)
	h := newHooked(t, testHookSecret, stores)
	worker := start(t, environ, "", "consume")
	waiting := start(t, environ, "", "refresh", "bob", "--wait", "--json")

	job := awaitPending(t, js, "bob")
	if in := time.Until(job.Due); in < 4*time.Minute || in > 6*time.Minute || job.Reason != event.StillProcessing {
		t.Errorf("parked for %v, reason %s", in, job.Reason)
	}
	equal(t, "200 stored", h.push(t, b.sim.Push(job.Job.RequestID)))
	pushed := time.Now()
	r := waiting.result()
	if took := time.Since(pushed); took > 20*time.Second { // the polling would come after 5 minutes; a third of a second is usual
		t.Errorf("it took %v", took)
	}
	o := only[event.Outcome](t, r.Stdout)
	if o.Type != event.Refreshed || o.RequestID != job.Job.RequestID || o.Counts.Accounts != 1 || o.Accounts == nil {
		t.Errorf("%+v", o)
	}
	equal(t, map[string]int{"GenerateAuthorizeToken": 2, "Authorize": 1, "GetAccountsDetail": 1, "GetAccountsDetailAsync": 1}, called(b))
	worker.stop()
	h.discreet(t, b.url)
}

// awaitPending waits for a login's job to be parked with its session.
func awaitPending(t *testing.T, js jetstream.JetStream, login string) (found producer.Parked) {
	t.Helper()
	await(t, func() bool {
		parked, err := producer.OpenParked(t.Context(), js)
		if err != nil {
			return false
		}
		for one, err := range parked.List(t.Context(), producer.ParkedFilter{Logins: []string{login}}) {
			if err != nil {
				t.Fatal(err)
			}
			found = one
		}
		return found.Job.RequestID != ""
	})
	return found
}

// called counts the calls that the bank had.
func called(b *bank) map[string]int {
	all := map[string]int{}
	for op, n := range b.sim.Stats().Calls {
		if n > 0 {
			all[op] = n
		}
	}
	return all
}
