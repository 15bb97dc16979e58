package flinkstest

import (
	"strings"
	"time"
)

// right reports whether an answer fits. Banks do not mind case.
func (q Challenge) right(answer string) bool {
	return q.Answer == "" || strings.EqualFold(strings.TrimSpace(answer), q.Answer)
}

// answerChallenge takes the answers to a 203 and drives the bank on.
func (s *Server) answerChallenge(c *call, req authorizeRequest) reply {
	c.mode, c.request = "mfa", strings.ToLower(req.RequestID)
	x := s.sessions.find(req.RequestID)
	if x == nil {
		return c.refuse("SESSION_NONEXISTENT")
	}
	k := x.card
	c.login = k.ID
	now := time.Now()
	k.mu.Lock()
	k.settle(now)
	code := x.waits(c.start)
	if code == "" && len(req.SecurityResponses) == 0 {
		defer k.mu.Unlock()
		return c.missing("SecurityResponses")
	}
	if code == "" {
		code = x.judge(req.SecurityResponses, now)
	}
	if code != "" {
		defer k.mu.Unlock()
		return c.refuse(code).with(0, x)
	}
	next := Answer{}
	if x.script.Then != nil {
		next = *x.script.Then
	}
	if !next.drives() {
		defer k.mu.Unlock()
		return c.apart(next)
	}
	k.asked = nil
	s.drive(c, x, next, now)
	k.mu.Unlock()
	return s.await(c, x, next)
}

// waits reports whether a session can take answers, as a FlinksCode or "". The
// caller holds the card's mutex.
func (x *session) waits(at time.Time) string {
	switch x.stage {
	case challenged:
		if at.Sub(x.used) <= idleLife {
			return ""
		}
		x.stage = expired
		if x.save {
			// Cached mode goes on telling it after the session is forgotten.
			x.card.last = Answer{FlinksCode: "SESSION_EXPIRED"}
		}
		return "SESSION_EXPIRED"
	case opening:
		return "CONCURRENT_SESSION"
	case authorized, working, done:
		return "ALREADY_AUTHORIZED"
	case expired:
		return "SESSION_EXPIRED"
	}
	return "SESSION_NONEXISTENT"
}

// judge compares answers with the questions. A wrong one ends the session, as
// the current error table says; an incomplete or misdirected set may be sent
// again. The caller holds the card's mutex.
func (x *session) judge(answers map[string]texts, now time.Time) string {
	x.used = now
	asked := map[string]bool{}
	wrong, unanswered := false, false
	for _, q := range x.script.Challenge {
		asked[q.Prompt] = true
		given := strings.Join(answers[q.Prompt], " ")
		unanswered = unanswered || given == ""
		wrong = wrong || !q.right(given)
	}
	for prompt := range answers {
		if !asked[prompt] {
			return "UNKNOWN_CHALLENGE_KEY"
		}
	}
	switch {
	case unanswered:
		return "SECURITYRESPONSES_INCOMPLETE"
	case wrong:
		x.conclude("INVALID_SECURITY_RESPONSE", 0)
		return "INVALID_SECURITY_RESPONSE"
	}
	return ""
}
