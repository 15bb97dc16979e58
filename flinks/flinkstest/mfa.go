package flinkstest

import (
	"net/http"
	"strings"
)

// mfaQuestion is a question of a login, and an answer to store for it.
type mfaQuestion struct {
	Question string
	Answer   string `json:",omitempty"`
}

// mfaQuestions lists the questions that the bank may ask.
func (s *Server) mfaQuestions(c *call) reply {
	c.login = strings.ToLower(c.arg)
	k := s.cards.find(c.arg)
	if k == nil {
		return c.refuse("INVALID_LOGIN")
	}
	if !s.pause(c, s.opts.Latency.Other, 0) {
		return reply{}
	}
	return reply{status: http.StatusOK, body: struct {
		Message   string
		Questions []mfaQuestion
	}{"SUCCESS", k.questions()}}
}

// questions are all questions in the login's script, each once.
func (k *card) questions() []mfaQuestion {
	out := []mfaQuestion{}
	seen := map[string]bool{}
	for i := range k.Live {
		for a := &k.Live[i]; a != nil; a = a.Then {
			for _, q := range a.Challenge {
				if !seen[q.Prompt] {
					seen[q.Prompt] = true
					out = append(out, mfaQuestion{Question: q.Prompt})
				}
			}
		}
	}
	return out
}

// answerMFAQuestions stores answers. The bank's questions are then answered
// from the store: a live Authorize asks no more, and fails on a wrong answer.
func (s *Server) answerMFAQuestions(c *call) reply {
	var req struct {
		LoginID   string `json:"LoginId"`
		Questions []mfaQuestion
	}
	if rep, ok := c.decode(&req); !ok {
		return rep
	}
	switch {
	case req.LoginID == "":
		c.mistake = "AnswerMFAQuestions without LoginId"
		return c.missing("LoginId")
	case len(req.Questions) == 0:
		return c.missing("Questions")
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
	defer k.mu.Unlock()
	if k.stored == nil {
		k.stored = map[string]string{}
	}
	for _, q := range req.Questions {
		k.stored[q.Question] = q.Answer
	}
	return reply{status: http.StatusOK, body: struct{ Message string }{"Answers updated"}}
}
