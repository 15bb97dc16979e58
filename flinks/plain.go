package flinks

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// taker takes the members of a reply, one by one. It refuses what it cannot
// take just as encoding/json would.
type taker interface {
	take(name, value []byte) bool
}

// readPlain reads a reply of the usual form in one pass, a tenth of what
// encoding/json needs. False leaves a reply to that: it is no JSON, or has
// something unusual about it, or wrong.
func readPlain(body []byte, to taker) (counter, bool) {
	c := counter{data: body, to: to}
	ok := c.skip() && body[c.pos] == '{' && c.value(answer, 0) && !c.skip() && !c.odd
	return c, ok
}

// take takes what any reply may carry. Other members are passed over, but for
// one whose name is, in another case, that of a field: encoding/json takes it.
func (h *head) take(name, value []byte, fields ...string) bool {
	switch string(name) {
	case "HttpStatusCode":
		return h.HTTPStatusCode.UnmarshalJSON(value) == nil
	case "StatusCode":
		return h.StatusCode.UnmarshalJSON(value) == nil
	case "FlinksCode":
		return takeText(value, &h.FlinksCode)
	}
	if looksLike(name, "HttpStatusCode") || looksLike(name, "StatusCode") || looksLike(name, "FlinksCode") {
		return false
	}
	for _, field := range fields {
		if looksLike(name, field) {
			return false
		}
	}
	return true
}

// looksLike reports whether a name may be meant for a field.
func looksLike(name []byte, field string) bool {
	return bytes.IndexByte(name, '\\') >= 0 || bytes.EqualFold(name, []byte(field))
}

// takeText takes a text or null.
func takeText(value []byte, into *string) bool {
	if value[0] != '"' {
		return string(value) == "null"
	}
	if bytes.IndexByte(value, '\\') >= 0 || !utf8.Valid(value) {
		return json.Unmarshal(value, into) == nil
	}
	*into = string(value[1 : len(value)-1])
	return true
}

// takeInt takes a whole number or null.
func takeInt(value []byte, into *int64) bool {
	if string(value) == "null" {
		return true
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err == nil {
		*into = n
	}
	return err == nil
}

// takeLogin takes the login that a reply is about, or null.
func takeLogin(value []byte, into **Login) bool {
	if string(value) == "null" {
		*into = nil
		return true
	}
	if *into != nil { // twice: encoding/json would mix them
		return false
	}
	*into = &Login{}
	_, ok := readPlain(value, *into)
	return ok
}

func (l *Login) take(name, value []byte) bool {
	switch string(name) {
	case "Id":
		return takeText(value, &l.ID)
	case "Username":
		return takeText(value, (*string)(&l.Username))
	case "Type":
		return takeText(value, &l.Type)
	case "IsScheduledRefresh":
		return l.IsScheduledRefresh.UnmarshalJSON(value) == nil
	case "LastRefresh":
		return l.LastRefresh.take(value)
	}
	for _, field := range []string{"Id", "Username", "Type", "IsScheduledRefresh", "LastRefresh"} {
		if looksLike(name, field) {
			return false
		}
	}
	return true
}

func (t *Time) take(value []byte) bool {
	var text string
	if !takeText(value, &text) {
		return false
	}
	at, err := ParseTime(text)
	t.Time = at
	return err == nil
}
