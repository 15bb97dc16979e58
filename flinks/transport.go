package flinks

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// reply is what came back from a call and counts as data.
type reply struct {
	status int    // 200, 202 or 203
	body   []byte // exactly as it came, where it was asked for
}

// bodies are the buffers that replies are read into.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// bodyKept is the largest buffer that waits for another reply.
const bodyKept = 1 << 20

// do makes the call and decodes its reply into w. Every error is an [*Error].
func (c *Client) do(ctx context.Context, r *request, w wire) (reply, error) {
	transport, timeout := c.transport()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return reply{}, &Error{Op: r.op, Unsent: true, Err: err}
	}
	if ctx.Err() != nil {
		return reply{}, &Error{Op: r.op, Unsent: true, Err: withContext(ctx, context.Cause(ctx))}
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return reply{}, &Error{Op: r.op, Unsent: unsent(err), Err: withContext(ctx, withoutURL(err))}
	}
	defer resp.Body.Close()
	buf := bodies.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= bodyKept {
			bodies.Put(buf)
		}
	}()
	body, err := readBody(resp, c.maxBody(), buf)
	if err != nil {
		e := newError(r.op, resp)
		e.Err = withContext(ctx, err)
		return reply{}, e
	}
	return c.answer(r, resp, body, w)
}

// answer decodes a reply. Nothing of body is kept: it is used again.
func (c *Client) answer(r *request, resp *http.Response, body []byte, w wire) (reply, error) {
	status, e := r.read(resp, body, w)
	if e != nil {
		if errors.Is(e.Err, ErrNotJSON) {
			e.Err = describe(resp, c.scrub(body, r.cred.secret))
		}
		return reply{}, e
	}
	got := reply{status: status}
	if r.raw && !c.NoRaw {
		got.body = bytes.Clone(body)
	}
	return got, nil
}

// unsent reports whether nothing of a request was sent: there was no
// connection. Of another transport's calls that is known only where its error
// says that it could not connect.
func unsent(err error) bool {
	if _, none := errors.AsType[unsentError](err); none {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// withoutURL takes off the layer of net/http's errors that repeats the URL.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// withContext makes sure that the end of ctx can be asked for. net/http
// reports the cause of a cancellation instead, which may be any error.
func withContext(ctx context.Context, err error) error {
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return fmt.Errorf("%w: %w", end, err)
	}
	return err
}

// readBody reads up to limit bytes, once, into buf.
func readBody(resp *http.Response, limit int64, buf *bytes.Buffer) ([]byte, error) {
	// An announced size is a promise only, so that much is not reserved on it.
	const trusted = 4 << 20
	buf.Reset()
	buf.Grow(int(min(max(resp.ContentLength, 0), limit, trusted)) + bytes.MinRead)
	plain, err := unzipped(resp)
	if err != nil {
		return nil, err
	}
	if _, err := buf.ReadFrom(io.LimitReader(plain, limit+1)); err != nil {
		return nil, err
	}
	if int64(buf.Len()) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrBodyTooLarge, limit)
	}
	return buf.Bytes(), nil
}

// unzipped reads the body of a reply whose request accepted gzip.
func unzipped(resp *http.Response) (io.Reader, error) {
	if !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return resp.Body, nil
	}
	return gzip.NewReader(resp.Body)
}

// scrub hides our own secrets in a body that is about to be quoted: a proxy's
// error page may echo the request.
func (c *Client) scrub(body []byte, used Secret) []byte {
	// Only the beginning is quoted.
	body = body[:min(len(body), 4<<10)]
	for _, s := range []Secret{used, c.SecretKey, c.APIKey} {
		if s != "" {
			body = bytes.ReplaceAll(body, []byte(s.Reveal()), []byte(hidden))
		}
	}
	return body
}

func (r *request) accepts(status int) bool { return slices.Contains(r.data, status) }
