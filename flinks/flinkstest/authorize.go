package flinkstest

import (
	"net/http"
	"strings"
	"time"
)

// authorizeRequest is the documented body of Authorize.
type authorizeRequest struct {
	LoginID                                 string `json:"LoginId"`
	RequestID                               string `json:"RequestId"`
	Username, Password, Institution         string
	Language, Tag                           string
	MostRecentCached, Save, ScheduleRefresh flag
	SecurityResponses                       map[string]texts
}

// authorizeReply is the body of an Authorize that went through (200) or asks
// back (203, without a Login).
type authorizeReply struct {
	Links              []link
	HTTPStatusCode     int             `json:"HttpStatusCode"`
	SecurityChallenges []challengeView `json:",omitempty"`
	InstitutionName    string          `json:",omitempty"`
	Login              *loginView      `json:",omitempty"`
	InstitutionID      int             `json:"InstitutionId,omitempty"`
	Institution        string
	RequestID          string `json:"RequestId"`
}

type challengeView struct {
	Type      string
	Prompt    string
	Iterables []string `json:",omitempty"`
}

// authorize opens a session: from the answers to a challenge, from the cache,
// or at the bank.
func (s *Server) authorize(c *call) reply {
	var req authorizeRequest
	if rep, ok := c.decode(&req); !ok {
		return rep
	}
	if req.RequestID != "" {
		return s.answerChallenge(c, req)
	}
	k, rep, ok := s.cardOf(c, req)
	if !ok {
		return rep
	}
	c.login = k.ID
	if req.MostRecentCached {
		c.mode = "cached"
		return s.cached(c, k, req)
	}
	c.mode = "live"
	return s.live(c, k, req)
}

// cardOf finds the card that an Authorize means.
func (s *Server) cardOf(c *call, req authorizeRequest) (*card, reply, bool) {
	if req.LoginID != "" {
		c.login = strings.ToLower(req.LoginID)
		if k := s.cards.find(req.LoginID); k != nil {
			return k, reply{}, true
		}
		return nil, c.refuse("INVALID_LOGIN"), false
	}
	if field := req.lacks(); field != "" {
		c.mistake = "Authorize without " + field
		return nil, c.missing(field), false
	}
	language := strings.ToLower(req.Language)
	if language == "" {
		language = "en"
	}
	k, known := s.cards.named(req.Institution, req.Username, language)
	switch {
	case !known:
		return nil, c.invalid("Institution", "The institution is not supported."), false
	case k == nil:
		return nil, c.refuse("INVALID_USERNAME"), false
	case !samePassword(k.Password, req.Password):
		return nil, c.refuse("INVALID_PASSWORD"), false
	}
	k.admitUser(req)
	return k, reply{}, true
}

// lacks names the first field that is missing to authorize by credentials.
func (req authorizeRequest) lacks() string {
	switch {
	case req.Username == "" && req.Password == "" && req.Institution == "":
		return "LoginId"
	case req.Username == "":
		return "Username"
	case req.Password == "":
		return "Password"
	case req.Institution == "":
		return "Institution"
	}
	return ""
}

// admitUser brings a deleted card back when its user signs in again to stay.
// ScheduleRefresh counts only for a card that is new.
func (k *card) admitUser(req authorizeRequest) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !req.Save {
		return
	}
	if k.deleted {
		k.deleted, k.lastRefresh, k.last, k.lastPolls = false, time.Time{}, Answer{}, 0
	}
	if k.lastRefresh.IsZero() && bool(req.ScheduleRefresh) {
		k.scheduled = true
	}
}

// samePassword is lenient in the first letter's case, as the documentation is:
// it writes both Everyday and everyday.
func samePassword(want, got string) bool {
	return want != "" && len(want) == len(got) &&
		want[1:] == got[1:] && strings.EqualFold(want[:1], got[:1])
}

// welcome is the 200 of a session. The caller holds the card's mutex.
func (c *call) welcome(x *session) reply {
	c.request = x.id
	x.card.authorized = x.used
	return reply{status: http.StatusOK, body: authorizeReply{
		Links:          links("AccountsDetail", "AccountsSummary", "Statements"),
		HTTPStatusCode: http.StatusOK, InstitutionName: x.card.Institution,
		Login: x.view(), InstitutionID: x.card.InstitutionID,
		Institution: x.card.Institution, RequestID: x.id,
	}}
}

// ask is the 203 of a session. The caller holds the card's mutex.
func (c *call) ask(x *session) reply {
	c.request = x.id
	views := make([]challengeView, len(x.script.Challenge))
	for i, q := range x.script.Challenge {
		kind := q.Type
		if kind == "" {
			kind = "QuestionAndAnswer"
		}
		views[i] = challengeView{kind, q.Prompt, q.Iterables}
	}
	return reply{status: http.StatusNonAuthoritativeInfo, body: authorizeReply{
		Links: authorizationLink, HTTPStatusCode: http.StatusNonAuthoritativeInfo,
		SecurityChallenges: views, Institution: x.card.Institution, RequestID: x.id,
	}}
}
