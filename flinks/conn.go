package flinks

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is a connection to a server. One call at a time has it.
type conn struct {
	net.Conn                  // with TLS or without
	raw       syscall.RawConn // below TLS; nil: it is no socket
	fresh     bool            // no call has used it yet
	since     time.Time       // when it began to wait for a call
	left      int64           // bytes that may still be read
	stop      func() bool     // the end of the call's context has no effect any more; false: it has had one
	transport *Transport
	to        place
}

// maxHeader is the longest header of a response.
const maxHeader = 1 << 20

var errHeaderTooLong = errors.New("the header of the response is longer than 1 MiB")

// readers hold what has been read of a response and not been used.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// putReader keeps no connection by it.
func putReader(r *bufio.Reader) {
	r.Reset(nil)
	readers.Put(r)
}

// rawConn is what asks the system about a connection; nil: nothing.
func rawConn(c net.Conn) syscall.RawConn {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// send sends a request, and reports whether any of it was sent. After an error
// c is closed. The end of ctx interrupts the call from here on.
func (c *conn) send(ctx context.Context, request []byte) (sent bool, err error) {
	c.stop = context.AfterFunc(ctx, c.interrupt)
	n, err := c.Write(request)
	if err != nil {
		c.drop()
		return n > 0 || ctx.Err() != nil, causeOf(ctx, err)
	}
	return true, nil
}

// drop ends a call and its connection.
func (c *conn) drop() {
	c.stop()
	_ = c.Close()
}

// interrupt makes whatever waits for the connection return.
func (c *conn) interrupt() { _ = c.SetDeadline(time.Unix(1, 0)) }

// causeOf is why the call failed: after the end of ctx that, and after its
// time [context.DeadlineExceeded].
func causeOf(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return context.DeadlineExceeded
	}
	return err
}

// receive reads the header of the response. After an error c is closed, else
// once the response's body has been read or closed.
func (c *conn) receive(req *http.Request) (*http.Response, error) {
	c.awaitResponse()
	return c.response(req)
}

func (c *conn) response(req *http.Request) (*http.Response, error) {
	r := readers.Get().(*bufio.Reader)
	r.Reset(c)
	c.left = maxHeader
	resp, err := readHeader(r, req)
	if err != nil {
		putReader(r)
		if c.left <= 0 { // what was cut off there looks malformed
			err = errHeaderTooLong
		}
		c.drop()
		return nil, causeOf(req.Context(), err)
	}
	c.left = math.MaxInt64
	resp.Body = &body{
		of: resp.Body, c: c, r: r, ctx: req.Context(),
		last: resp.Close || req.Close || resp.StatusCode == http.StatusSwitchingProtocols,
	}
	return resp, nil
}

// readHeader passes over the provisional responses.
func readHeader(r *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		if _, err := r.Peek(1); err != nil {
			return nil, err
		}
		resp, err := http.ReadResponse(r, req)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
}

// Read reads no more than is left.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHeaderTooLong
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// body is that of a response. At its end the connection is free.
type body struct {
	of   io.Reader
	c    *conn // nil: it has been let go
	r    *bufio.Reader
	ctx  context.Context
	last bool // no call follows on the connection
}

func (b *body) Read(p []byte) (int, error) {
	if b.c == nil {
		return 0, io.EOF
	}
	n, err := b.of.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.end(!b.last && b.r.Buffered() == 0)
	case err != nil:
		err = causeOf(b.ctx, err)
		b.end(false)
	}
	return n, err
}

func (b *body) Close() error {
	if b.c != nil {
		b.end(false)
	}
	return nil
}

// end lets the connection go. While it waits for a call, it keeps nothing of
// the last one.
func (b *body) end(again bool) {
	c, stop := b.c, b.c.stop
	putReader(b.r)
	b.c, b.r, c.stop = nil, nil, nil
	if stop() && again {
		c.transport.keep(c)
	} else {
		_ = c.Close()
	}
}
