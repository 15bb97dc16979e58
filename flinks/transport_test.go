package flinks_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nightshift/flinks"
)

// pipes is a listener whose connections are in memory, so that a real
// http.Transport and http.Server run in a synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// inBubble runs test in virtual time with a client whose calls h answers.
func inBubble(t *testing.T, h http.HandlerFunc, test func(*testing.T, *flinks.Client)) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		srv := &http.Server{Handler: h}
		stopped := make(chan struct{})
		go func() { _ = srv.Serve(l); close(stopped) }()
		hc := flinks.NewHTTPClient(1)
		transport := hc.Transport.(*flinks.Transport)
		transport.DialContext = l.dial
		test(t, &flinks.Client{BaseURL: "http://flinks.test", CustomerID: customer, SecretKey: secretKey, APIKey: xAPIKey, HTTP: hc})
		transport.CloseIdleConnections()
		_ = srv.Close()
		<-stopped
		synctest.Wait()
	})
}

func asError(t *testing.T, err error) *flinks.Error {
	t.Helper()
	e, ok := errors.AsType[*flinks.Error](err)
	if !ok {
		t.Fatalf("no *flinks.Error: %v", err)
	}
	return e
}

func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestTimeouts(t *testing.T) {
	t.Run("a call may take the 210 seconds that Flinks may take", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(211 * time.Second)
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, `{"FlinksCode":"OPERATION_DISPATCHED","HttpStatusCode":202,"RequestId":"r"}`)
		}, func(t *testing.T, c *flinks.Client) {
			got, err := c.GetAccountsDetail(t.Context(), flinks.AccountsDetailRequest{RequestID: "r"})
			if err != nil || !got.Pending() {
				t.Errorf("got %v, %v", got, err)
			}
		})
	})
	t.Run("and no longer than 225", func(t *testing.T) {
		inBubble(t, hang, func(t *testing.T, c *flinks.Client) {
			start := time.Now()
			_, err := c.Authorize(t.Context(), token, flinks.Live(loginID))
			e := asError(t, err)
			if took := time.Since(start); took != 225*time.Second || !errors.Is(err, context.DeadlineExceeded) || e.Unsent || e.HTTPStatus != 0 {
				t.Errorf("after %v: %#v", took, e)
			}
			if flinks.KindOf(err) != flinks.KindTransport {
				t.Errorf("kind %s", flinks.KindOf(err))
			}
		})
	})
	t.Run("through a proxy neither", func(t *testing.T) {
		inBubble(t, hang, func(t *testing.T, c *flinks.Client) {
			tr := c.HTTP.Transport.(*flinks.Transport)
			tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.test"})
			start := time.Now()
			_, err := c.Authorize(t.Context(), token, flinks.Live(loginID))
			if took := time.Since(start); took != 225*time.Second || !errors.Is(err, context.DeadlineExceeded) || asError(t, err).Unsent {
				t.Errorf("after %v: %v", took, err)
			}
		})
	})
	t.Run("a waiting connection outlives the time of its last call", func(t *testing.T) {
		answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, session) }
		inBubble(t, answer, func(t *testing.T, c *flinks.Client) {
			tr := c.HTTP.Transport.(*flinks.Transport)
			dials, dial := 0, tr.DialContext
			tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				dials++
				return dial(ctx, network, addr)
			}
			for _, timeout := range []time.Duration{time.Second, time.Minute, 0} {
				tr.Timeout = timeout
				if _, err := c.Authorize(t.Context(), token, flinks.Cached(loginID)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * time.Second)
			}
			if dials != 1 {
				t.Errorf("%d connections", dials)
			}
		})
	})
	t.Run("a deadline of the caller, after the request was sent", func(t *testing.T) {
		inBubble(t, hang, func(t *testing.T, c *flinks.Client) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := c.Authorize(ctx, token, flinks.Live(loginID))
			if e := asError(t, err); !errors.Is(err, context.DeadlineExceeded) || e.Unsent {
				t.Errorf("unsent %v: %v", e.Unsent, err)
			}
		})
	})
	t.Run("a cancellation with a cause of its own", func(t *testing.T) {
		why := errors.New("stopping")
		inBubble(t, hang, func(t *testing.T, c *flinks.Client) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(why) })
			_, err := c.Authorize(ctx, token, flinks.Live(loginID))
			if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("a deadline in the middle of the body", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"RequestId":`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, func(t *testing.T, c *flinks.Client) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := c.Authorize(ctx, token, flinks.Cached(loginID))
			if e := asError(t, err); !errors.Is(err, context.DeadlineExceeded) || e.HTTPStatus != 200 || e.Unsent {
				t.Errorf("status %d, unsent %v: %v", e.HTTPStatus, e.Unsent, err)
			}
		})
	})
	t.Run("a deadline while connecting: nothing was sent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			defer l.Close()
			hc := flinks.NewHTTPClient(1)
			hc.Transport.(*flinks.Transport).DialContext = l.dial
			c := &flinks.Client{BaseURL: "http://flinks.test", CustomerID: customer, HTTP: hc}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := c.Authorize(ctx, token, flinks.Live(loginID))
			if e := asError(t, err); !errors.Is(err, context.DeadlineExceeded) || !e.Unsent {
				t.Errorf("unsent %v: %v", e.Unsent, err)
			}
		})
	})
}

// roundTrip is a transport that tells nothing about its connections.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestUnsent(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")}
	hangUp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer hangUp.Close()
	tests := []struct {
		rule   string
		ctx    context.Context
		client *flinks.Client
		want   bool
		text   string // "" when it depends on the system
	}{
		{"nobody listens", t.Context(), &flinks.Client{BaseURL: gone.URL}, true, ""},
		{"the context has ended before", ended, &flinks.Client{BaseURL: gone.URL}, true, "flinks: Authorize: not sent, context canceled"},
		{"the peer hangs up", t.Context(), &flinks.Client{BaseURL: hangUp.URL}, false, "flinks: Authorize: no reply, EOF"},
		{
			"a strange transport that could not dial", t.Context(),
			&flinks.Client{BaseURL: gone.URL, HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, dial })}},
			true, "flinks: Authorize: not sent, dial tcp: refused",
		},
		{
			"a strange transport with an error of its own", t.Context(),
			&flinks.Client{BaseURL: gone.URL, HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("a\nb") })}},
			false, "flinks: Authorize: no reply, a b",
		},
		{"no address", t.Context(), &flinks.Client{}, true, "flinks: Authorize: not sent, bad settings: BaseURL: it must begin with https:// or http://"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			tt.client.CustomerID = customer
			_, err := tt.client.Authorize(tt.ctx, token, flinks.Live(loginID))
			e := asError(t, err)
			if e.Unsent != tt.want || tt.text != "" && err.Error() != tt.text {
				t.Errorf("unsent %v: %v", e.Unsent, err)
			}
			if strings.Contains(err.Error(), customer) {
				t.Errorf("the URL is in %v", err)
			}
		})
	}
}

func TestBadSettings(t *testing.T) {
	good := func() flinks.Client {
		return flinks.Client{BaseURL: "http://127.0.0.1:1", CustomerID: customer, APIKey: xAPIKey, SecretKey: secretKey}
	}
	tests := []struct {
		rule   string
		change func(*flinks.Client)
		id     string
		want   flinks.Kind
	}{
		{"no scheme", func(c *flinks.Client) { c.BaseURL = "flinks.test" }, "r", flinks.KindConfig},
		{"no host", func(c *flinks.Client) { c.BaseURL = "https:///x" }, "r", flinks.KindConfig},
		{"no URL", func(c *flinks.Client) { c.BaseURL = "http://[::1" }, "r", flinks.KindConfig},
		{"a password in the URL", func(c *flinks.Client) { c.BaseURL = "https://user:hush@flinks.test" }, "r", flinks.KindConfig},
		{"a query in the URL", func(c *flinks.Client) { c.BaseURL = "https://flinks.test?hush" }, "r", flinks.KindConfig},
		{"no customer", func(c *flinks.Client) { c.CustomerID = "" }, "r", flinks.KindConfig},
		{"a customer of dots", func(c *flinks.Client) { c.CustomerID = ".." }, "r", flinks.KindConfig},
		{"a key with a line end", func(c *flinks.Client) { c.APIKey = "hush\n" }, "r", flinks.KindConfig},
		{"no id", func(*flinks.Client) {}, "", flinks.KindInvalidRequest},
		{"an id of a dot", func(*flinks.Client) {}, ".", flinks.KindInvalidRequest},
		{"an id of dots", func(*flinks.Client) {}, "..", flinks.KindInvalidRequest},
		{"an id with a control character", func(*flinks.Client) {}, "a\x00b", flinks.KindInvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			c := good()
			tt.change(&c)
			_, err := c.GetAccountsDetailAsync(t.Context(), tt.id)
			e := asError(t, err)
			if flinks.KindOf(err) != tt.want || !e.Unsent || strings.Contains(err.Error(), "hush") {
				t.Errorf("kind %s, unsent %v: %v", flinks.KindOf(err), e.Unsent, err)
			}
		})
	}
	t.Run("no set of attributes", func(t *testing.T) {
		c := good()
		_, err := c.GetAttributes(t.Context(), "l", "r", "")
		if flinks.KindOf(err) != flinks.KindInvalidRequest || !asError(t, err).Unsent {
			t.Errorf("got %v", err)
		}
	})
}

// TestNoRaw: who only counts gets no copy of what came.
func TestNoRaw(t *testing.T) {
	body := `{"HttpStatusCode":200,"RequestId":"r","Accounts":[{"Transactions":[{},{}]}]}`
	for _, lean := range []bool{false, true} {
		for noRaw, want := range map[bool]string{false: body, true: ""} {
			c, _ := serve(t, "GET BankingServices/GetAccountsDetailAsync/r", answer{status: 200, body: body})
			c.Lean, c.NoRaw = lean, noRaw
			got, err := c.GetAccountsDetailAsync(t.Context(), "r")
			if err != nil {
				t.Fatal(err)
			}
			if accounts, transactions := got.Counts(); accounts != 1 || transactions != 2 || string(got.Raw) != want {
				t.Errorf("lean %v, no raw %v: %d accounts, %d transactions, %q", lean, noRaw, accounts, transactions, got.Raw)
			}
		}
	}
}

func TestBodyLimit(t *testing.T) {
	body := `{"Accounts":[],"Tag":"` + strings.Repeat("x", 1000) + `"}`
	for _, tt := range []struct {
		limit int64
		large bool
	}{{int64(len(body)), false}, {int64(len(body)) - 1, true}, {1, true}, {0, false}, {1<<63 - 1, false}} {
		c, _ := serve(t, "GET BankingServices/GetAccountsDetailAsync/r", answer{status: 200, body: body})
		c.MaxBody = tt.limit
		_, err := c.GetAccountsDetailAsync(t.Context(), "r")
		if errors.Is(err, flinks.ErrBodyTooLarge) != tt.large || !tt.large && err != nil {
			t.Errorf("limit %d: %v", tt.limit, err)
		}
		if tt.large && (flinks.KindOf(err) != flinks.KindTransport || asError(t, err).HTTPStatus != 200) {
			t.Errorf("limit %d: %s %#v", tt.limit, flinks.KindOf(err), err)
		}
	}
}

func TestTruncatedBody(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"Accounts":[]}`)
	}))
	defer srv.Close()
	c := &flinks.Client{BaseURL: srv.URL, CustomerID: customer}
	_, err := c.GetAccountsDetailAsync(t.Context(), "r")
	if !errors.Is(err, io.ErrUnexpectedEOF) || flinks.KindOf(err) != flinks.KindTransport || asError(t, err).HTTPStatus != 200 {
		t.Errorf("got %v", err)
	}
}

// TestRedirectsAreNotFollowed, not even when the caller's client would.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed, with %d headers", len(r.Header))
	}))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c, _ := serve(t, "GET BankingServices/GetAccountsDetailAsync/r", answer{
			status: status, header: http.Header{"Location": {elsewhere.URL}}, body: "<a>moved</a>",
		})
		followed := false
		c.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { followed = true; return nil }
		_, err := c.GetAccountsDetailAsync(t.Context(), "r")
		if e := asError(t, err); !errors.Is(err, flinks.ErrRedirect) || e.HTTPStatus != status || flinks.KindOf(err) != flinks.KindTransport || followed {
			t.Errorf("HTTP %d: %v", status, err)
		}
	}
}

func TestNewHTTPClient(t *testing.T) {
	for conns, want := range map[int]int{0: 100, 7: 7} {
		hc := flinks.NewHTTPClient(conns)
		tr := hc.Transport.(*flinks.Transport)
		if hc.Timeout != 0 || tr.Timeout != 225*time.Second || tr.Idle != want {
			t.Errorf("conns %d: %v, %v, %d", conns, hc.Timeout, tr.Timeout, tr.Idle)
		}
	}
}
