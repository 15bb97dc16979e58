package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"nightshift/flinks"
	"nightshift/producer"
)

// Limits of a push. A body is held in memory until its signature is checked,
// so hookBodies of them at once, and no more, whoever sends them.
const (
	hookMaxBody = 16 << 20
	hookBodies  = 16
)

// hookStore is how long a push waits for JetStream before Flinks is told to
// come again.
const hookStore = 5 * time.Second

// hook answers pushes. Nothing of a body goes into a log, an answer or a
// metric: it holds accounts and names.
type hook struct {
	secret       Secret
	header, path string
	pushes       *producer.Pushes
	log          *slog.Logger

	bodies  chan struct{}
	answers map[answer]*atomic.Int64 // by what was answered; the keys never change
	warned  atomic.Int64             // when a refused push was last told of, in Unix seconds
}

// answer is what became of a push, in a word.
type answer string

// The answers.
const (
	answerStored    answer = "stored"     // the notice is safe
	answerRepeated  answer = "repeated"   // it was safe already
	answerIgnored   answer = "ignored"    // it names no login or session
	answerUnsigned  answer = "unsigned"   // no signature, or a wrong one
	answerMalformed answer = "malformed"  // no JSON, or cut off
	answerTooLarge  answer = "too_large"  // more than hookMaxBody
	answerMethod    answer = "bad_method" // no POST
	answerElsewhere answer = "bad_path"   // another path
	answerNotStored answer = "not_stored" // Flinks has to send it again
)

// statuses are the answers as HTTP says them.
var statuses = map[answer]int{
	answerStored: http.StatusOK, answerRepeated: http.StatusOK, answerIgnored: http.StatusOK,
	answerUnsigned: http.StatusUnauthorized, answerMalformed: http.StatusBadRequest,
	answerTooLarge: http.StatusRequestEntityTooLarge, answerMethod: http.StatusMethodNotAllowed,
	answerElsewhere: http.StatusNotFound, answerNotStored: http.StatusServiceUnavailable,
}

func newHook(s webhookSettings, pushes *producer.Pushes, log *slog.Logger) *hook {
	h := &hook{
		secret: s.Secret, header: s.Header, path: s.Path, pushes: pushes, log: log,
		bodies: make(chan struct{}, hookBodies), answers: map[answer]*atomic.Int64{},
	}
	for a := range statuses {
		h.answers[a] = &atomic.Int64{}
	}
	return h
}

// ServeHTTP answers one request.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := h.answer(w, r)
	h.answers[a].Add(1)
	if a == answerMethod {
		w.Header().Set("Allow", http.MethodPost)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(statuses[a])
	_, _ = io.WriteString(w, string(a)+"\n")
}

// answer takes a push in. What can be refused without its body is.
func (h *hook) answer(w http.ResponseWriter, r *http.Request) answer {
	signature := r.Header.Get(h.header)
	switch {
	case r.URL.Path != h.path:
		return answerElsewhere
	case r.Method != http.MethodPost:
		return answerMethod
	case r.ContentLength > hookMaxBody:
		return answerTooLarge
	case signature == "":
		h.warn("push refused: it has no signature in this header (continuing)")
		return answerUnsigned
	}
	select {
	case h.bodies <- struct{}{}:
		defer func() { <-h.bodies }()
	case <-r.Context().Done():
		return answerNotStored
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, hookMaxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return answerTooLarge
	}
	if err != nil {
		return answerMalformed
	}
	if !flinks.Signed(h.secret, body, signature) {
		h.warn("push refused: its signature is wrong (continuing)")
		return answerUnsigned
	}
	return h.take(r.Context(), body)
}

// take keeps a notice of a push that Flinks has signed.
func (h *hook) take(ctx context.Context, body []byte) answer {
	push, err := flinks.DecodePush(body)
	if err != nil {
		h.log.Warn("push refused: it is signed, but no JSON object (continuing)")
		return answerMalformed
	}
	notice, err := producer.Notice(push, now())
	if err != nil {
		h.log.Warn("push acknowledged, but of no use (continuing)", "err", err)
		return answerIgnored
	}
	ctx, cancel := context.WithTimeout(ctx, hookStore)
	defer cancel()
	repeat, err := h.pushes.Store(ctx, notice)
	switch {
	case err != nil:
		h.log.Warn("push not stored; Flinks will send it again (continuing)", "login", notice.LoginID, "err", err)
		return answerNotStored
	case repeat:
		return answerRepeated
	}
	return answerStored
}

// warn tells of refused pushes once a minute at most: anybody can send them.
func (h *hook) warn(message string) {
	at, last := now().Unix(), h.warned.Load()
	if at-last < 60 || !h.warned.CompareAndSwap(last, at) {
		return
	}
	h.log.Warn(message, "header", h.header, "refused", h.answers[answerUnsigned].Load()+1) //nolint:sloglint // one of two constants
}
