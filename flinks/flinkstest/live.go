package flinkstest

import (
	"slices"
	"time"
)

// bankRun is a live session while the bank is being driven. It ends at its
// time, whether or not anybody still waits for it.
type bankRun struct {
	session *session
	answer  Answer
	ends    time.Time
}

// live answers an Authorize by a session at the bank.
func (s *Server) live(c *call, k *card, req authorizeRequest) reply {
	now := time.Now()
	k.mu.Lock()
	k.settle(now)
	if k.bank != nil {
		defer k.mu.Unlock()
		return c.refuse("CONCURRENT_SESSION")
	}
	a := nth(k.Live, k.live)
	k.live++
	if !a.drives() {
		defer k.mu.Unlock()
		return c.apart(a)
	}
	k.stats.Live++
	if k.asked != nil {
		// A new session takes the place of one that waits for its user.
		k.asked.stage, k.asked = ended, nil
	}
	x := s.openSession(k, "live", opening, now)
	x.save, x.tag = bool(req.Save), req.Tag
	s.drive(c, x, a, now)
	k.mu.Unlock()
	return s.await(c, x, a)
}

// apart answers a live Authorize that never reached the bank.
func (c *call) apart(a Answer) reply {
	if a.Fault != "" {
		return reply{fault: a.Fault}
	}
	return c.refuse(a.FlinksCode).with(a.Status, nil)
}

// drive starts a run at the bank. The caller holds the card's mutex.
func (s *Server) drive(c *call, x *session, a Answer, now time.Time) {
	x.stage = opening
	x.card.bank = &bankRun{session: x, answer: a, ends: now.Add(s.duration(c, s.opts.Latency.Live, a.Latency))}
}

// await waits for the end of a run and tells it, unless the client leaves.
func (s *Server) await(c *call, x *session, a Answer) reply {
	k := x.card
	k.mu.Lock()
	var rest time.Duration
	if k.bank != nil && k.bank.session == x {
		rest = time.Until(k.bank.ends)
	}
	k.mu.Unlock()
	if !c.sleep(rest) {
		return reply{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.settle(time.Now())
	rep := c.outcome(x, a)
	if a.Fault == FaultLost {
		rep.fault = FaultLost
	}
	return rep
}

// outcome tells how a run at the bank ended. The caller holds the card's mutex.
func (c *call) outcome(x *session, a Answer) reply {
	c.request = x.id
	switch x.stage {
	case challenged:
		return c.ask(x)
	case refused:
		status := a.Status
		if a.FlinksCode != x.code {
			status = 0
		}
		return c.refuse(x.code).with(status, x)
	}
	return c.welcome(x)
}

// settle ends the card's run at the bank if its time has come. Everything that
// looks at a card settles it first. The caller holds the card's mutex.
func (k *card) settle(now time.Time) {
	if k.bank == nil || now.Before(k.bank.ends) {
		return
	}
	x, a, at := k.bank.session, k.bank.answer, k.bank.ends
	k.bank = nil
	x.used = at
	code := a.end()
	if len(a.Challenge) > 0 && code == "" {
		if code = k.fromStore(a.Challenge); code == "ask" {
			x.stage, x.script, k.asked = challenged, a, x
			return
		}
	}
	if code != "" {
		x.conclude(code, a.Status)
		return
	}
	x.stage, x.lastRefresh = authorized, at
	if x.save {
		k.last, k.lastPolls, k.lastRefresh = Answer{}, 0, at
	}
}

// conclude ends a session's Authorize with a code, which cached mode will then
// repeat. What is not saved leaves no mark. The caller holds the card's mutex.
func (x *session) conclude(code string, status int) {
	x.stage, x.code = refused, code
	if x.card.asked == x {
		x.card.asked = nil
	}
	if x.save {
		x.card.last, x.card.lastPolls = Answer{FlinksCode: code, Status: status}, 0
	}
}

// fromStore answers a bank's questions from the answers that were stored
// beforehand: "" when all are right, "ask" when one is not there.
func (k *card) fromStore(questions []Challenge) string {
	if slices.ContainsFunc(questions, func(q Challenge) bool { return k.stored[q.Prompt] == "" }) {
		return "ask"
	}
	for _, q := range questions {
		if !q.right(k.stored[q.Prompt]) {
			return "INVALID_SECURITY_RESPONSE"
		}
	}
	return ""
}
