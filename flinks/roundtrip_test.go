package flinks_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nightshift/flinks"
)

// script is a server that speaks HTTP by hand: say is told the number of the
// connection and of the request on it, each from 1, and writes what it likes.
// It hangs up where say returns false.
type script struct {
	net.Listener
	conns, requests atomic.Int64
}

func serveScript(t *testing.T, say func(w net.Conn, conn, request int) bool) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{Listener: l}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(s.conns.Add(1))
			all.Go(func() {
				defer c.Close()
				for r, i := bufio.NewReader(c), 1; ; i++ {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					s.requests.Add(1)
					if !say(c, n, i) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return s
}

// client returns one whose idle connections are closed before the server ends.
func (s *script) client(t *testing.T) *flinks.Client {
	hc := flinks.NewHTTPClient(4)
	t.Cleanup(hc.CloseIdleConnections)
	return &flinks.Client{BaseURL: "http://" + s.Addr().String(), CustomerID: customer, HTTP: hc}
}

const session = `{"HttpStatusCode":200,"RequestId":"r"}`

func said(w io.Writer, header string) {
	_, _ = fmt.Fprintf(w, "HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", header, len(session), session)
}

// TestConnections: when a connection is used again, and when it is not.
func TestConnections(t *testing.T) {
	const calls = 3
	tests := []struct {
		rule  string
		say   func(w net.Conn, conn, request int) bool
		conns int64
	}{
		{"one serves call after call", func(w net.Conn, _, _ int) bool { said(w, ""); return true }, 1},
		{"one that the server announces to close serves once", func(w net.Conn, _, _ int) bool { said(w, "Connection: close\r\n"); return true }, calls},
		{"provisional answers are passed over", func(w net.Conn, _, _ int) bool {
			_, _ = io.WriteString(w, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
			said(w, "")
			return true
		}, 1},
		{"a body may come in chunks", func(w net.Conn, _, _ int) bool {
			_, _ = fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", session[:5], len(session)-5, session[5:])
			return true
		}, 1},
		{"a body may end with the connection", func(w net.Conn, _, _ int) bool {
			_, _ = io.WriteString(w, "HTTP/1.0 200 OK\r\n\r\n"+session)
			return false
		}, calls},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			s := serveScript(t, tt.say)
			c := s.client(t)
			for range calls {
				if got, err := c.Authorize(t.Context(), token, flinks.Cached(loginID)); err != nil || got.RequestID != "r" {
					t.Fatalf("got %v, %v", got, err)
				}
			}
			if s.conns.Load() != tt.conns || s.requests.Load() != calls {
				t.Errorf("%d connections, %d requests; want %d, %d", s.conns.Load(), s.requests.Load(), tt.conns, calls)
			}
		})
	}
}

// TestNoRequestIsSentTwice: what a server has read it may have acted on.
func TestNoRequestIsSentTwice(t *testing.T) {
	for rule, say := range map[string]func(net.Conn){
		"no answer":       func(net.Conn) {},
		"half an answer":  func(w net.Conn) { _, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Le") },
		"no HTTP":         func(w net.Conn) { _, _ = io.WriteString(w, "SSH-2.0-OpenSSH_9.6\r\n\r\n") },
		"an endless head": func(w net.Conn) { _, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 2<<20)) },
		"half a body":     func(w net.Conn) { _, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{") },
		"hints for ever":  func(w net.Conn) { _, _ = io.WriteString(w, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1<<17)) },
	} {
		t.Run(rule, func(t *testing.T) {
			s := serveScript(t, func(w net.Conn, _, request int) bool {
				if request == 1 {
					said(w, "")
					return true
				}
				say(w)
				return false
			})
			c := s.client(t)
			if _, err := c.Authorize(t.Context(), token, flinks.Cached(loginID)); err != nil {
				t.Fatal(err)
			}
			_, err := c.Authorize(t.Context(), token, flinks.Live(loginID))
			if e := asError(t, err); e.Unsent || flinks.KindOf(err) != flinks.KindTransport {
				t.Errorf("unsent %v: %v", e.Unsent, err)
			}
			if endless := rule == "an endless head" || rule == "hints for ever"; endless != strings.Contains(err.Error(), "longer than 1 MiB") {
				t.Errorf("got %v", err)
			}
			if s.conns.Load() != 1 || s.requests.Load() != 2 {
				t.Errorf("%d connections, %d requests; want 1, 2", s.conns.Load(), s.requests.Load())
			}
		})
	}
}

// deaf is a connection whose peer is gone: the system says so at the write.
type deaf struct{ net.Conn }

func (deaf) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// TestNothingSentIsSentAgain, on another connection, once.
func TestNothingSentIsSentAgain(t *testing.T) {
	s := serveScript(t, func(w net.Conn, _, _ int) bool { said(w, ""); return true })
	var dialed int
	var last *switchable
	hc := &http.Client{Transport: &flinks.Transport{Idle: 1, DialContext: func(context.Context, string, string) (net.Conn, error) {
		dialed++
		c, err := net.Dial("tcp", s.Addr().String())
		last = &switchable{Conn: c}
		return last, err
	}}}
	defer hc.CloseIdleConnections()
	c := &flinks.Client{BaseURL: "http://flinks.test", CustomerID: customer, HTTP: hc}
	for range 2 {
		if _, err := c.Authorize(t.Context(), token, flinks.Live(loginID)); err != nil {
			t.Fatal(err)
		}
		last.deaf.Store(true)
	}
	if dialed != 2 || s.requests.Load() != 2 {
		t.Errorf("%d connections, %d requests; want 2 of each", dialed, s.requests.Load())
	}
	hc.Transport.(*flinks.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return deaf{last.Conn}, nil }
	_, err := c.Authorize(t.Context(), token, flinks.Live(loginID))
	if err == nil || s.requests.Load() != 2 {
		t.Errorf("a new connection that takes nothing: %v", err)
	}
}

// switchable is a connection that can be made deaf.
type switchable struct {
	net.Conn
	deaf atomic.Bool
}

func (s *switchable) Write(p []byte) (int, error) {
	if s.deaf.Load() {
		return deaf{}.Write(p)
	}
	return s.Conn.Write(p)
}

func TestIdleConnections(t *testing.T) {
	t.Run("no more than as many as were asked for", func(t *testing.T) {
		const at = 5
		var here sync.WaitGroup
		here.Add(at)
		s := serveScript(t, func(w net.Conn, _, request int) bool {
			if request == 1 {
				here.Done()
				here.Wait()
			}
			said(w, "")
			return true
		})
		c := s.client(t) // for 4
		var all sync.WaitGroup
		for range at {
			all.Go(func() {
				if _, err := c.Authorize(t.Context(), token, flinks.Cached(loginID)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for range at {
			if _, err := c.Authorize(t.Context(), token, flinks.Cached(loginID)); err != nil {
				t.Error(err)
			}
		}
		if s.conns.Load() != at {
			t.Errorf("%d connections, want %d", s.conns.Load(), at)
		}
	})
	t.Run("no longer than 90 s", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, session) })}
			stopped := make(chan struct{})
			go func() { _ = srv.Serve(l); close(stopped) }()
			var open atomic.Int64
			tr := &flinks.Transport{Idle: 2, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := l.dial(ctx, network, addr)
				open.Add(1)
				return &counted{c, &open}, err
			}}
			c := &flinks.Client{BaseURL: "http://flinks.test", CustomerID: customer, HTTP: &http.Client{Transport: tr}}
			for _, wait := range []time.Duration{80 * time.Second, 89 * time.Second, 180 * time.Second} {
				if _, err := c.Authorize(t.Context(), token, flinks.Cached(loginID)); err != nil {
					t.Error(err)
				}
				if open.Load() != 1 {
					t.Errorf("%d open", open.Load())
				}
				time.Sleep(wait)
			}
			if open.Load() != 0 {
				t.Errorf("%d open after 180 s", open.Load())
			}
			tr.CloseIdleConnections()
			_ = srv.Close()
			<-stopped
		})
	})
}

type counted struct {
	net.Conn
	open *atomic.Int64
}

func (c *counted) Close() error {
	c.open.Add(-1)
	return c.Conn.Close()
}

func TestTLS(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("%s", r.Proto)
		}
		_, _ = io.WriteString(w, session)
	}))
	defer srv.Close()
	tr := &flinks.Transport{DialContext: new(net.Dialer).DialContext, Idle: 1}
	defer tr.CloseIdleConnections()
	c := &flinks.Client{BaseURL: srv.URL, CustomerID: customer, HTTP: &http.Client{Transport: tr}}
	_, err := c.Authorize(t.Context(), token, flinks.Live(loginID))
	if e := asError(t, err); !e.Unsent || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that nobody knows: unsent %v, %v", e.Unsent, err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	tr.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	for range 2 {
		if _, err := c.Authorize(t.Context(), token, flinks.Live(loginID)); err != nil {
			t.Error(err)
		}
	}
}

// TestProxy: the host has no address, so only a proxy can have answered.
func TestProxy(t *testing.T) {
	var asked atomic.Value
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.RequestURI)
		_, _ = io.WriteString(w, session)
	}))
	defer srv.Close()
	proxy, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	tr := &flinks.Transport{DialContext: new(net.Dialer).DialContext, Proxy: http.ProxyURL(proxy), Idle: 1}
	defer tr.CloseIdleConnections()
	c := &flinks.Client{BaseURL: "http://flinks.invalid", CustomerID: customer, HTTP: &http.Client{Transport: tr}}
	if _, err := c.Authorize(t.Context(), token, flinks.Cached(loginID)); err != nil {
		t.Fatal(err)
	}
	if want := "http://flinks.invalid/v3/" + customer + "/BankingServices/Authorize"; asked.Load() != want {
		t.Errorf("the proxy was asked for %v, want %s", asked.Load(), want)
	}
}

// TestProxyIsGone: a request that no proxy has passed on was not sent, so that
// nobody counts it as a call to a bank.
func TestProxyIsGone(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer refuses.Close()
	hangsUp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer hangsUp.Close()
	for _, tt := range []struct {
		rule, proxy, base string
		unsent            bool
	}{
		{"nobody listens", gone.URL, "http://flinks.invalid", true},
		{"nobody listens, and the call is to be secret", gone.URL, "https://flinks.invalid", true},
		{"it refuses the way to Flinks", refuses.URL, "https://flinks.invalid", true},
		{"it took the request and hung up", hangsUp.URL, "http://flinks.invalid", false},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			proxy, err := url.Parse(tt.proxy)
			if err != nil {
				t.Fatal(err)
			}
			tr := &flinks.Transport{DialContext: new(net.Dialer).DialContext, Proxy: http.ProxyURL(proxy), Idle: 1}
			defer tr.CloseIdleConnections()
			c := &flinks.Client{BaseURL: tt.base, CustomerID: customer, HTTP: &http.Client{Transport: tr}}
			_, err = c.Authorize(t.Context(), token, flinks.Live(loginID))
			if e := asError(t, err); e.Unsent != tt.unsent || flinks.KindOf(err) != flinks.KindTransport {
				t.Errorf("unsent %v, kind %s: %v", e.Unsent, flinks.KindOf(err), err)
			}
		})
	}
}

func TestGzip(t *testing.T) {
	long := `{"HttpStatusCode":200,"RequestId":"r","Tag":"` + strings.Repeat("x", 1<<20) + `"}`
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("accepted: %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, body)
		_ = z.Close()
	}))
	defer srv.Close()
	c := &flinks.Client{BaseURL: srv.URL, CustomerID: customer, HTTP: flinks.NewHTTPClient(1), MaxBody: 1 << 19}
	defer c.HTTP.CloseIdleConnections()
	body = session
	if got, err := c.Authorize(t.Context(), token, flinks.Cached(loginID)); err != nil || got.RequestID != "r" {
		t.Errorf("got %v, %v", got, err)
	}
	body = long
	if _, err := c.Authorize(t.Context(), token, flinks.Cached(loginID)); !errors.Is(err, flinks.ErrBodyTooLarge) {
		t.Errorf("a kilobyte that unpacks to a megabyte: %v", err)
	}
}

// TestCallersLeave: who gives up has his connection closed, and disturbs nobody.
func TestCallersLeave(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, session) }))
	defer srv.Close()
	c := &flinks.Client{BaseURL: srv.URL, CustomerID: customer, HTTP: flinks.NewHTTPClient(8)}
	defer c.HTTP.CloseIdleConnections()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for n := range 100 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%2 == 0 {
					time.AfterFunc(time.Duration(n)*10*time.Microsecond, cancel)
				}
				got, err := c.Authorize(ctx, token, flinks.Cached(loginID))
				if err != nil && (i%2 != 0 || !errors.Is(err, context.Canceled)) || err == nil && got.RequestID != "r" {
					t.Errorf("%v, %v", got, err)
				}
				cancel()
			}
		})
	}
	all.Wait()
}
