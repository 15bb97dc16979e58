package flinkstest

import (
	"net/http"
	"strings"
	"time"
)

// eligibleAge is how old a success may be for the nightly refresh to go on.
const eligibleAge = 7 * 24 * time.Hour

// setScheduledRefresh answers with a bare JSON string, as published. The word
// for switching it off is a choice.
func (s *Server) setScheduledRefresh(c *call) reply {
	var req struct {
		LoginID     string `json:"LoginId"`
		IsActivated flag
	}
	if rep, ok := c.decode(&req); !ok {
		return rep
	}
	if req.LoginID == "" {
		c.mistake = "SetScheduledRefresh without LoginId"
		return c.missing("LoginId")
	}
	c.login = strings.ToLower(req.LoginID)
	k := s.cards.find(req.LoginID)
	if k == nil {
		return c.refuse("INVALID_LOGIN")
	}
	if !s.pause(c, s.opts.Latency.Other, 0) {
		return reply{}
	}
	k.mu.Lock()
	k.scheduled = bool(req.IsActivated)
	k.mu.Unlock()
	word := "deactivated from"
	if req.IsActivated {
		word = "activated for"
	}
	return reply{status: http.StatusOK, body: "LoginId " + k.ID + " has now been " + word + " automatic refresh"}
}

// ineligible is one login that the nightly refresh leaves out.
type ineligible struct {
	LoginID              string `json:"LoginId"`
	LastRefreshDate      *string
	LastRefreshState     string
	LastRefreshErrorCode *string
}

// nightlyRefreshStatus lists the scheduled logins that are not eligible. The
// condition of a cached call in the last seven days is left to the caller, who
// alone knows whether results come by webhook.
func (s *Server) nightlyRefreshStatus(c *call) reply {
	if !s.pause(c, s.opts.Latency.Other, 0) {
		return reply{}
	}
	now := time.Now()
	out := []ineligible{}
	for _, k := range s.cards.list() {
		if one, ok := k.ineligible(now); ok {
			out = append(out, one)
		}
	}
	return reply{status: http.StatusOK, body: struct {
		HTTPStatusCode  int `json:"HttpStatusCode"`
		IneligibleCards []ineligible
	}{http.StatusOK, out}}
}

// ineligible says why a card is left out. AnsweringSecurityChallenge is the one
// published state; the other words are choices.
func (k *card) ineligible(now time.Time) (ineligible, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.settle(now)
	out := ineligible{LoginID: k.ID}
	if !k.lastRefresh.IsZero() {
		out.LastRefreshDate = new(wireTime(k.lastRefresh))
	}
	code := k.last.end()
	switch {
	case !k.scheduled:
		return out, false
	case k.last.Challenge != nil, k.asked != nil && k.asked.save:
		out.LastRefreshState = "AnsweringSecurityChallenge"
	case code != "" && !seven[code]:
		out.LastRefreshState, out.LastRefreshErrorCode = "Failed", &code
	case !k.lastRefresh.IsZero() && now.Sub(k.lastRefresh) > eligibleAge:
		out.LastRefreshState = "Completed"
	default:
		return out, false
	}
	return out, true
}

// deleteCard removes a login, unless it is in use: right after an Authorize or
// while the bank is being driven. Its reply is known from clients only.
func (s *Server) deleteCard(c *call) reply {
	c.login = strings.ToLower(c.arg)
	k := s.cards.find(c.arg)
	if k == nil {
		return c.refuse("INVALID_LOGIN")
	}
	if !s.pause(c, s.opts.Latency.Other, 0) {
		return reply{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	k.settle(now)
	if k.bank != nil || now.Sub(k.authorized) < time.Minute {
		return c.refuse("CARD_IN_USE")
	}
	k.deleted = true
	return reply{status: http.StatusOK, body: struct {
		StatusCode int
		Message    string
	}{http.StatusOK, "Card deleted"}}
}
