package flinkstest

import (
	"net/http"
	"sync"
	"time"
)

// tokenLife is how long an unused authorize token lives.
const tokenLife = 30 * time.Minute

// credential is the key an operation asks for.
type credential int

const (
	noKey          credential = iota
	secretKey                 // flinks-auth-key: the secret key.
	authorizeToken            // flinks-auth-key: a token, good for one use.
	apiKey                    // x-api-key.
	bearer                    // Authorization: Bearer and the secret key.
)

const badKey = "You must provide a valid auth key"

// tokens are the authorize tokens that were minted and not yet used.
type tokens struct {
	mu   sync.Mutex
	born map[string]time.Time
	room int // The size at which the dead ones are next thrown out.
}

func (t *tokens) add(token string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.born == nil {
		t.born = map[string]time.Time{}
	}
	if len(t.born) >= max(t.room, 1024) {
		for id, at := range t.born {
			if now.Sub(at) > tokenLife {
				delete(t.born, id)
			}
		}
		t.room = 2 * len(t.born)
	}
	t.born[token] = now
}

// spend uses a token up and says what is wrong with it, if anything. Whether a
// refused Authorize spends its token is not documented; here it does.
func (t *tokens) spend(token string, now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := t.born[token]
	delete(t.born, token)
	switch {
	case !ok:
		return "authorize token unknown or already used"
	case now.Sub(at) > tokenLife:
		return "authorize token older than 30 minutes"
	}
	return ""
}

// RefuseSecret makes the server refuse the secret key, and the tokens minted
// with it, as if the key had expired; false mends it.
func (s *Server) RefuseSecret(refused bool) { s.refused.Store(refused) }

// admit checks the credential of a call.
func (s *Server) admit(c *call) (reply, bool) {
	h := c.r.Header
	auth := h.Get("flinks-auth-key")
	expired := s.refused.Load()
	bad := false
	switch c.op.key {
	case secretKey:
		bad = c.wrong("flinks-auth-key", auth, s.opts.SecretKey) || expired
	case bearer:
		bad = c.wrong("Authorization", h.Get("Authorization"), "Bearer "+s.opts.SecretKey) || expired
	case authorizeToken:
		bad = expired || s.wrongToken(c, auth)
	case apiKey:
		bad = !s.opts.NoAPIKey && c.wrong("x-api-key", h.Get("x-api-key"), s.opts.APIKey)
		if auth == s.opts.SecretKey {
			c.mistake = "secret key sent to " + c.op.name
		}
	case noKey:
	}
	if !bad {
		return reply{}, false
	}
	return c.refuse("UNAUTHORIZED").amend(func(e *envelope) { e.Message = badKey }), true
}

// wrong compares a credential and writes a wrong one into the journal, without
// its value.
func (c *call) wrong(header, got, want string) bool {
	switch got {
	case want:
		return false
	case "":
		c.mistake = header + " is missing"
	default:
		c.mistake = header + " is wrong"
	}
	return true
}

func (s *Server) wrongToken(c *call, token string) bool {
	switch token {
	case "":
		c.mistake = "flinks-auth-key is missing"
	case s.opts.SecretKey:
		c.mistake = "secret key sent to Authorize in place of an authorize token"
	default:
		c.mistake = s.tokens.spend(token, c.start)
	}
	return c.mistake != ""
}

func (s *Server) generateAuthorizeToken(c *call) reply {
	if !s.pause(c, s.opts.Latency.Other, 0) {
		return reply{}
	}
	token := s.newID()
	s.tokens.add(token, time.Now())
	return reply{status: http.StatusOK, body: struct {
		HTTPStatusCode int `json:"HttpStatusCode"`
		Token          string
	}{http.StatusOK, token}}
}
