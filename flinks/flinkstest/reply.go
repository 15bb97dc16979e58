package flinkstest

import (
	"encoding/json"
	"net/http"
)

// reply is what an operation answers; write puts it on the wire.
type reply struct {
	status int
	code   string // The FlinksCode, for the journal.
	body   any
	fault  string // Something else happens on the wire; see befall.
	raw    []byte // Written as it is, when set, with the type below.
	ctype  string
}

// envelope is the body of everything that is not a plain success.
type envelope struct {
	FlinksCode        string              `json:",omitempty"`
	Links             []link              `json:",omitempty"`
	HTTPStatusCode    int                 `json:"HttpStatusCode"`
	Message           string              `json:",omitempty"`
	Institution       string              `json:",omitempty"`
	RequestID         string              `json:"RequestId,omitempty"`
	ValidationDetails map[string][]string `json:",omitempty"`
}

// link is one entry of Links.
type link struct {
	Rel     string  `json:"rel"`
	Href    string  `json:"href"`
	Example *string `json:"example"`
}

// plain is an answer of the web server in front: JSON, but no FlinksCode.
func plain(status int, message string) reply {
	return reply{status: status, body: envelope{HTTPStatusCode: status, Message: message}}
}

// refuse is an answer with a FlinksCode, in the status that the code has at
// this operation.
func (c *call) refuse(code string) reply {
	status := statusOf(c.op.place, code)
	return reply{status: status, code: code, body: envelope{
		FlinksCode: code, HTTPStatusCode: status, Message: messageOf(code),
	}}
}

// invalid is INVALID_REQUEST with the field and what is wrong with it.
func (c *call) invalid(field, problem string) reply {
	return c.refuse("INVALID_REQUEST").amend(func(e *envelope) {
		e.ValidationDetails = map[string][]string{field: {problem}}
	})
}

// with completes a refusal with the status a script asks for (0: the
// catalogue's) and the session it belongs to.
func (rep reply) with(status int, x *session) reply {
	if status != 0 {
		rep.status = status
	}
	return rep.amend(func(e *envelope) {
		e.HTTPStatusCode = rep.status
		if x != nil {
			e.RequestID, e.Institution = x.id, x.card.Institution
		}
	})
}

// amend changes the envelope of a refusal.
func (rep reply) amend(change func(*envelope)) reply {
	e := rep.body.(envelope)
	change(&e)
	rep.body = e
	return rep
}

// write puts the reply on the wire. A dropped connection has no reply: the
// panic is net/http's own way to cut one. The same goes for a client that left.
func (rep reply) write(w http.ResponseWriter) {
	if rep.status == 0 || rep.fault == FaultLost {
		panic(http.ErrAbortHandler)
	}
	out, ctype := rep.raw, rep.ctype
	if out == nil {
		var err error
		if out, err = json.Marshal(rep.body); err != nil {
			panic("flinkstest: encode reply: " + err.Error())
		}
		ctype = "application/json; charset=utf-8"
	}
	w.Header().Set("Content-Type", ctype)
	w.WriteHeader(rep.status)
	// A client that has left is no trouble of the server's.
	_, _ = w.Write(out)
}
