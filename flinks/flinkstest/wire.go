package flinkstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// flag is a bool that may come as a string: published examples and clients
// send "true".
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(strings.Trim(string(b), `"`)) {
	case "true":
		*f = true
	case "false", "null":
		*f = false
	default:
		return fmt.Errorf("%.20q is no bool", b)
	}
	return nil
}

// texts is an array of strings that may come as one bare string.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// loginView is the Login object of a reply.
type loginView struct {
	Username           string
	IsScheduledRefresh bool
	LastRefresh        *string
	Type               string
	ID                 string `json:"Id"`
}

// view shows a card as a session sees it. The caller holds the card's mutex.
func (x *session) view() *loginView {
	v := &loginView{
		Username: x.card.Username, IsScheduledRefresh: x.card.scheduled,
		Type: "Personal", ID: x.card.ID,
	}
	if !x.lastRefresh.IsZero() {
		v.LastRefresh = new(wireTime(x.lastRefresh))
	}
	return v
}

// wireTime writes a time as Flinks does: UTC without saying so, the fraction
// as long as it needs to be.
func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.9999999") }

func links(rels ...string) []link {
	out := make([]link, len(rels))
	for i, rel := range rels {
		out[i] = link{Rel: rel, Href: "/Get" + rel}
	}
	return out
}

// authorizationLink is the link of replies that ask for another Authorize.
var authorizationLink = []link{{Rel: "Authorization", Href: "/Authorize"}}

// decode reads a request's body and answers INVALID_REQUEST where it cannot.
func (c *call) decode(into any) (reply, bool) {
	err := json.Unmarshal(c.body, into)
	if err == nil {
		return reply{}, true
	}
	field := "$"
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		field = wrong.Field
	}
	c.mistake = "request body is malformed"
	return c.invalid(field, "The value could not be converted"), false
}

// missing is INVALID_REQUEST for a field that is required.
func (c *call) missing(field string) reply {
	return c.invalid(field, "The "+field+" field is required.")
}
