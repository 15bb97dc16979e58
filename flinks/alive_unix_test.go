//go:build unix

package flinks_test

import (
	"context"
	"net"
	"net/http"
	"syscall"
	"testing"

	"nightshift/flinks"
)

// TestWaitingConnections: one whose peer did anything while it waited for a
// call is not used again. A request that it was given might be lost.
func TestWaitingConnections(t *testing.T) {
	for rule, again := range map[string]bool{"the server hung up": false, "the server said more": true} {
		t.Run(rule, func(t *testing.T) {
			answered := make(chan struct{})
			s := serveScript(t, func(w net.Conn, _, _ int) bool {
				said(w, "")
				<-answered
				if again {
					said(w, "")
				}
				return again
			})
			var last net.Conn
			hc := &http.Client{Transport: &flinks.Transport{Idle: 1, DialContext: func(ctx context.Context, network, addr string) (c net.Conn, err error) {
				last, err = new(net.Dialer).DialContext(ctx, network, addr)
				return last, err
			}}}
			defer hc.CloseIdleConnections()
			c := &flinks.Client{BaseURL: "http://" + s.Addr().String(), CustomerID: customer, HTTP: hc}
			for n := int64(1); n <= 3; n++ {
				if _, err := c.Authorize(t.Context(), token, flinks.Live(loginID)); err != nil {
					t.Fatal(err)
				}
				answered <- struct{}{}
				untilReadable(t, last)
				if s.conns.Load() != n || s.requests.Load() != n {
					t.Errorf("%d connections, %d requests; want %d of each", s.conns.Load(), s.requests.Load(), n)
				}
			}
		})
	}
}

// untilReadable waits until the end of c, or more bytes, have come.
func untilReadable(t *testing.T, c net.Conn) {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return err != syscall.EAGAIN
	})
	if err != nil {
		t.Fatal(err)
	}
}
