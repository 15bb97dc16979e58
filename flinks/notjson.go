package flinks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

func trimBOM(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
}

// looksLikeJSON tells a JSON text, perhaps a broken one, from a page or a line
// of plain text.
func looksLikeJSON(text []byte) bool {
	if len(text) > 0 && bytes.IndexByte([]byte(`{["`), text[0]) >= 0 {
		return true
	}
	return json.Valid(text)
}

// describe is [ErrNotJSON] with what came instead.
func describe(resp *http.Response, body []byte) error {
	text := trimBOM(body)
	if len(text) == 0 {
		return fmt.Errorf("%w (empty)", ErrNotJSON)
	}
	media, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if media == "" {
		media = "no content type"
	}
	return fmt.Errorf("%w (%s, starts %q)", ErrNotJSON, clip(media, 40), clip(string(text), 60))
}

// cleanJSONError takes values out of a decoder's error: they may be somebody's
// account number.
func cleanJSONError(err error) error {
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return err
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		clean := *t
		clean.Value, _, _ = strings.Cut(t.Value, " ")
		return &clean
	}
	if errors.Is(err, errBadTime) {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return fmt.Errorf("%w: a value does not fit its field", ErrUnusable)
}
