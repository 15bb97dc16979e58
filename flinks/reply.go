package flinks

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// wire is a reply as it is decoded: the fields of one call beside a [head].
type wire interface {
	envelope() *head
	// usable reports whether a reply of this status has what the call is for.
	usable(status int) bool
	// ignoresCode reports that a FlinksCode means nothing in this reply.
	ignoresCode(status int) bool
}

// head is what any reply may carry to tell how the call went.
type head struct {
	HTTPStatusCode statusCode `json:"HttpStatusCode"`
	StatusCode     statusCode // DeleteCard's name for it
	FlinksCode     string
}

func (h *head) envelope() *head      { return h }
func (h *head) usable(int) bool      { return true }
func (h *head) ignoresCode(int) bool { return false }

// status is the status that counts. Flinks' own word is taken over a good HTTP
// status, and "pending" over any; a body turns no refusal into a success.
func (h *head) status(fromHTTP int) int {
	if Normalize(h.FlinksCode).pending() {
		return http.StatusAccepted
	}
	status := fromHTTP
	said := int(h.HTTPStatusCode)
	if said == 0 {
		said = int(h.StatusCode)
	}
	if status/100 == 2 && said >= 200 && said <= 599 {
		status = said
	}
	if status == http.StatusCreated {
		return http.StatusOK
	}
	return status
}

// read decodes a body into w and tells data from refusal.
func (r *request) read(resp *http.Response, body []byte, w wire) (int, *Error) {
	text := trimBOM(body)
	if !looksLikeJSON(text) {
		e := newError(r.op, resp)
		e.Err = ErrNotJSON
		if resp.StatusCode/100 == 3 {
			e.Err = ErrRedirect
		}
		return 0, e
	}
	decodeErr := decode(text, w)
	h := w.envelope()
	status := h.status(resp.StatusCode)
	code := Normalize(h.FlinksCode)
	switch {
	case decodeErr != nil:
		e := refusal(r.op, resp, text)
		e.HTTPStatus = status
		// The body of a refusal need not have the form of an answer.
		if r.accepts(status) || !json.Valid(text) {
			e.Err = cleanJSONError(decodeErr)
		}
		return 0, e
	case !r.accepts(status), code.refuses() && !w.ignoresCode(status):
		e := refusal(r.op, resp, text)
		e.HTTPStatus = status
		if e.Code == "" || !e.Code.refuses() {
			e.Err = plainCause(status)
		}
		return 0, e
	case !w.usable(status):
		e := newError(r.op, resp)
		e.Err = ErrUnusable
		return 0, e
	}
	return status, nil
}

// decode reads a body into w, in w's own way if it has one.
func decode(body []byte, w wire) error {
	if own, ok := w.(interface{ decode([]byte) error }); ok {
		return own.decode(body)
	}
	return json.Unmarshal(body, w)
}

// plainCause is the cause of an error that carries no refusing code.
func plainCause(status int) error {
	switch status / 100 {
	case 2:
		return ErrUnusable
	case 3:
		return ErrRedirect
	}
	return nil
}

func newError(op string, resp *http.Response) *Error {
	return &Error{
		Op:         op,
		HTTPStatus: resp.StatusCode,
		RetryAfter: retryAfter(resp.Header, time.Now()),
	}
}

// refusal reads the body of a refusal. What does not fit stays empty: a field
// of an odd type must not hide the FlinksCode beside it.
func refusal(op string, resp *http.Response, body []byte) *Error {
	var b struct {
		FlinksCode, Message string
		RequestID           string `json:"RequestId"`
		Institution         string
		ValidationDetails   validation
	}
	_ = json.Unmarshal(body, &b)
	e := newError(op, resp)
	e.FlinksCode, e.Code, e.Message = b.FlinksCode, Normalize(b.FlinksCode), b.Message
	e.RequestID, e.Institution, e.Validation = b.RequestID, b.Institution, b.ValidationDetails
	return e
}

// retryAfter reads a Retry-After header of either form: seconds, or a date,
// which is taken from the reply's own Date where it has one.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour
	value := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Duration(min(max(n, 0), int64(most/time.Second))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), most)
}
