package flinkstest

import "time"

// cached answers an Authorize from the last refresh: its data, or its error
// word for word. An error, too, carries a RequestId, with which older data can
// still be read. While a live session runs, it answers 202.
func (s *Server) cached(c *call, k *card, req authorizeRequest) reply {
	if !s.pause(c, s.opts.Latency.Cached, 0) {
		return reply{}
	}
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.settle(now)
	k.stats.Cached++
	if fault := k.last.Fault; fault != "" {
		k.last.Fault = ""
		return reply{fault: fault}
	}
	if k.bank != nil {
		return c.stillRunning(k.bank.session)
	}
	if k.lastPolls > 0 {
		k.lastPolls--
		return c.stillRunning(nil)
	}
	code, status := k.last.end(), k.last.Status
	if k.unanswered(now) {
		code, status = "SESSION_EXPIRED", 0
	}
	x := s.openSession(k, "cached", authorized, now)
	x.tag, x.lastRefresh = req.Tag, k.lastRefresh
	if code == "" {
		return c.welcome(x)
	}
	c.request = x.id
	if k.lastRefresh.IsZero() {
		x.stage, x.code = refused, code
	}
	return c.refuse(code).with(status, x).amend(authorizeAgain)
}

// unanswered reports whether the last refresh ended at questions that nobody
// answered in time. While they can still be answered, the refresh before
// counts. The caller holds the card's mutex.
func (k *card) unanswered(now time.Time) bool {
	if k.asked != nil && k.asked.stage == challenged {
		return k.asked.save && now.Sub(k.asked.used) > idleLife
	}
	return k.last.Challenge != nil
}

// stillRunning is the 202 of an Authorize whose login is being refreshed. It
// names the running session, where there is one.
func (c *call) stillRunning(x *session) reply {
	rep := c.refuse("OPERATION_PENDING")
	if x != nil {
		c.request = x.id
		rep = rep.with(0, x)
	}
	return rep.amend(authorizeAgain)
}

func authorizeAgain(e *envelope) { e.Links = authorizationLink }
