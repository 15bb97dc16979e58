package flinks

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Causes that a caller, or [KindOf], may ask for with errors.Is.
var (
	// ErrNotJSON says that the body is no JSON: most often the page of a
	// proxy in between, whatever its status.
	ErrNotJSON = errors.New("reply is not JSON")
	// ErrUnusable says that the body is JSON but lacks what the call is for.
	ErrUnusable = errors.New("unusable reply")
	// ErrBodyTooLarge says that the body is longer than [Client.MaxBody].
	ErrBodyTooLarge = errors.New("reply is too large")
	// ErrRedirect says that the reply points elsewhere. It is not followed:
	// credentials go to no other host.
	ErrRedirect = errors.New("redirect refused")
	// ErrSettings says that a field of the [Client] cannot be used.
	ErrSettings = errors.New("bad settings")
	// ErrBadID says that an id cannot stand in a request's path.
	ErrBadID = errors.New("bad id")
)

// Error is a refusal by Flinks, or a call that brought no usable answer. Ask
// [KindOf] what it means.
type Error struct {
	// Op is the call, by its Flinks name, such as "Authorize".
	Op string
	// HTTPStatus is the status, 0 when no reply came. Where HTTP says 2xx and
	// the body's HttpStatusCode another, it is the body's.
	HTTPStatus int
	// FlinksCode is the code verbatim, Code its normal form. Empty: none came.
	FlinksCode string
	Code       Code
	// Message is Flinks' text, verbatim. It may hold personal data, so it is
	// no part of Error().
	Message string `json:"-"`
	// RequestID may be usable even so: a 401 to a cached Authorize carries one
	// that the data endpoints accept.
	RequestID   string
	Institution string
	// Validation is ValidationDetails: texts by field. It may hold what was
	// sent, so it is no part of Error() either.
	Validation map[string][]string `json:"-"`
	// RetryAfter is the Retry-After header, 0 when there was none, 24 h at most.
	RetryAfter time.Duration
	// Unsent says that the request certainly never left this process: a live
	// Authorize with it did not reach Flinks. False means "not known".
	Unsent bool
	// Err is the cause, nil for a plain refusal: a network error, a
	// *json.SyntaxError, a *json.UnmarshalTypeError or one of this package's.
	Err error
}

// Error is one line: the call, the status, the code, the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("flinks: " + e.Op + ": ")
	switch {
	case e.HTTPStatus != 0:
		fmt.Fprintf(&b, "HTTP %d", e.HTTPStatus)
	case e.Unsent:
		b.WriteString("not sent")
	default:
		b.WriteString("no reply")
	}
	switch {
	case e.Code != "":
		b.WriteString(" " + clip(string(e.Code), 60))
	case e.Err == nil:
		b.WriteString(" without a FlinksCode")
	}
	if e.Err != nil {
		b.WriteString(", " + clip(e.Err.Error(), 240))
	}
	return b.String()
}

// Format writes Error(), quoted for %q, whatever the verb: %#v shows no more
// than %v.
func (e *Error) Format(f fmt.State, verb rune) {
	text := e.Error()
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(f, text)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// clip cuts a foreign text to n characters and to one printable line.
func clip(s string, n int) string {
	var b strings.Builder
	for _, r := range s {
		if n == 0 {
			b.WriteString("…")
			break
		}
		n--
		if !unicode.IsPrint(r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}
