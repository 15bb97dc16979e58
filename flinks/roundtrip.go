package flinks

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Transport makes round trips over HTTP/1.1, each on the goroutine of its
// caller and with a connection of its own: thousands of calls that Flinks
// takes 30 s for cost little, and a connection that breaks takes one call
// along. No request is sent twice, unless nothing of it was sent the first
// time. It holds a request in memory as a whole. Through a proxy net/http's
// own transport makes the call.
//
// The fields are set before the first call; then a Transport is safe for
// concurrent use.
type Transport struct {
	// DialContext connects. Required.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is used for https; nil: the system's authorities are trusted.
	TLS *tls.Config
	// Proxy is where a call goes to first, as in [http.Transport]; nil: nowhere.
	Proxy func(*http.Request) (*url.URL, error)
	// Timeout is how long a call may take, from connecting to the end of its
	// body; 0: as long as its context lets it. A deadline of the connection
	// keeps it, which costs neither a timer nor a goroutine.
	Timeout time.Duration
	// Idle is how many connections wait for the next call at most.
	Idle int

	mu     sync.Mutex
	idle   map[place][]*conn // the last used at the end
	count  int               // of all in idle
	pruner *time.Timer       // nil: none waits

	proxied sync.Once
	proxy   *http.Transport
}

// place is where a connection leads to.
type place struct{ scheme, host string }

// How long a connection waits for the next call, and for TLS.
const (
	idleTimeout = 90 * time.Second
	tlsTimeout  = 10 * time.Second
)

// requests are the buffers that requests are written into.
var requests = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// unsentError is why there was no connection: nothing of the call was sent.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }

// RoundTrip makes one call. Its response's body must be read to the end or
// closed, by one goroutine.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.Proxy != nil {
		if proxy, err := t.Proxy(req); proxy != nil || err != nil {
			return t.throughProxy(req)
		}
	}
	c, err := t.send(req)
	if err != nil {
		return nil, err
	}
	return c.receive(req)
}

// send sends a request on a connection, which then waits for its response.
func (t *Transport) send(req *http.Request) (*conn, error) {
	buf := requests.Get().(*bytes.Buffer)
	defer requests.Put(buf)
	buf.Reset()
	if err := req.Write(buf); err != nil {
		return nil, err
	}
	var deadline time.Time // none
	if t.Timeout > 0 {
		deadline = time.Now().Add(t.Timeout)
	}
	for {
		c, err := t.connection(req.Context(), req.URL, deadline)
		if err != nil {
			return nil, unsentError{err}
		}
		sent, err := c.send(req.Context(), buf.Bytes())
		if err == nil {
			return c, nil
		}
		if sent || c.fresh {
			return nil, err
		}
	}
}

// connection returns one that waits, or a new one.
func (t *Transport) connection(ctx context.Context, u *url.URL, deadline time.Time) (*conn, error) {
	to := place{u.Scheme, u.Host}
	if c := t.waiting(to, deadline); c != nil {
		return c, nil
	}
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	c, err := t.dial(ctx, u, to)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(deadline); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func address(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (t *Transport) dial(ctx context.Context, u *url.URL, to place) (*conn, error) {
	raw, err := t.DialContext(ctx, "tcp", address(u))
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, fresh: true, transport: t, to: to, raw: rawConn(raw)}
	if u.Scheme != "https" {
		return c, nil
	}
	config := &tls.Config{}
	if t.TLS != nil {
		config = t.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	config.NextProtos = []string{"http/1.1"}
	ctx, cancel := context.WithTimeout(ctx, tlsTimeout)
	defer cancel()
	secured := tls.Client(raw, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	c.Conn = secured
	return c, nil
}

// waiting takes the connection that was used last, as long as its peer has not
// hung up; nil: there is none.
func (t *Transport) waiting(to place, deadline time.Time) *conn {
	for {
		c := t.take(to)
		if c == nil || c.SetDeadline(deadline) == nil && c.alive() {
			return c
		}
		_ = c.Close()
	}
}

func (t *Transport) take(to place) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.idle[to]
	if len(all) == 0 {
		return nil
	}
	last := len(all) - 1
	c := all[last]
	all[last] = nil
	t.idle[to] = all[:last]
	t.count--
	return c
}

// keep lets a connection wait for the next call, if there is room for it.
func (t *Transport) keep(c *conn) {
	c.fresh, c.since = false, time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count >= t.Idle {
		_ = c.Close()
		return
	}
	if t.idle == nil {
		t.idle = map[place][]*conn{}
	}
	t.idle[c.to] = append(t.idle[c.to], c)
	t.count++
	if t.pruner == nil {
		t.pruner = time.AfterFunc(idleTimeout, t.prune)
	}
}

// prune closes what has waited for too long, and comes again while any waits.
func (t *Transport) prune() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeBefore(time.Now().Add(-idleTimeout))
	t.pruner = nil
	if t.count > 0 {
		t.pruner = time.AfterFunc(idleTimeout, t.prune)
	}
}

// CloseIdleConnections closes those that wait for a call.
func (t *Transport) CloseIdleConnections() {
	t.standard().CloseIdleConnections()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeBefore(time.Now())
	if t.pruner != nil {
		t.pruner.Stop()
		t.pruner = nil
	}
}

// closeBefore closes what has waited since then or longer. t.mu is held.
func (t *Transport) closeBefore(then time.Time) {
	for to, all := range t.idle {
		n := 0
		for n < len(all) && !all[n].since.After(then) {
			_ = all[n].Close()
			n++
		}
		t.count -= n
		if n == len(all) {
			delete(t.idle, to)
		} else if n > 0 {
			t.idle[to] = append([]*conn(nil), all[n:]...)
		}
	}
}

// throughProxy makes a call that a proxy passes on. net/http tells by a trace
// alone whether there was a connection to send it on.
func (t *Transport) throughProxy(req *http.Request) (*http.Response, error) {
	ctx, cancel := req.Context(), func() {}
	if t.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, t.Timeout)
	}
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	resp, err := t.standard().RoundTrip(req.WithContext(ctx))
	switch {
	case err == nil:
		resp.Body = lastBody{resp.Body, cancel}
		return resp, nil
	case !connected.Load():
		err = unsentError{err}
	}
	cancel()
	return nil, err
}

// lastBody ends the time-out of its call when it is closed.
type lastBody struct {
	io.ReadCloser
	cancel func()
}

func (b lastBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// standard is the transport for calls that a proxy passes on.
func (t *Transport) standard() *http.Transport {
	t.proxied.Do(func() {
		t.proxy = &http.Transport{
			Proxy:               t.Proxy,
			DialContext:         t.DialContext,
			TLSClientConfig:     t.TLS,
			TLSHandshakeTimeout: tlsTimeout,
			MaxIdleConns:        t.Idle,
			MaxIdleConnsPerHost: t.Idle,
			IdleConnTimeout:     idleTimeout,
		}
	})
	return t.proxy
}
