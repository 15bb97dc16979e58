package flinkstest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// BaseURL is a host for clients of [Server.Client], which lead every host name
// to the simulator.
const BaseURL = "http://flinks.test"

// TB is what Start needs of a testing.TB. Asking for no more keeps the package
// testing out of production binaries.
type TB interface {
	Helper()
	Cleanup(func())
}

// Start returns a new server and a client for it, both closed at the end of
// the test.
func Start(tb TB, opts Options) (*Server, *http.Client) {
	tb.Helper()
	s := New(opts)
	tb.Cleanup(s.Close)
	return s, s.Client()
}

// pipes are the in-memory servers that clients were made for.
type pipes struct {
	mu    sync.Mutex
	close []func()
	wait  sync.WaitGroup
}

// Client returns an http.Client whose transport is a real one, connected to the
// server by in-memory pipes. Close ends it.
func (s *Server) Client() *http.Client {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	transport := &http.Transport{DialContext: l.dial, MaxIdleConnsPerHost: 1024}
	s.pipes.mu.Lock()
	defer s.pipes.mu.Unlock()
	s.pipes.wait.Go(func() { _ = srv.Serve(l) }) // It returns when closed.
	s.pipes.close = append(s.pipes.close, func() {
		transport.CloseIdleConnections()
		_ = srv.Close() // Pipes close without error.
	})
	return &http.Client{Transport: transport}
}

// Close ends the clients of the server and every call they have in flight. The
// server's state stays readable.
func (s *Server) Close() {
	s.pipes.mu.Lock()
	defer s.pipes.mu.Unlock()
	for _, c := range s.pipes.close {
		c()
	}
	s.pipes.close = nil
	s.pipes.wait.Wait()
}

// pipeListener accepts what dial dials.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
