package consumer

import (
	"time"

	"nightshift/flinks"
	"nightshift/producer/event"
)

// Begin decides the first move of a job that was just claimed.
func (p Policy) Begin(w Work, now time.Time) Move {
	m := Move{Work: w}
	m.become(p.begin(&m.Work, now))
	return m
}

// Step decides what follows from a reply to the call of w.Phase. It is the
// guide's flowchart, completed; no other place holds a rule about a reply.
func (p Policy) Step(w Work, r Reply, now time.Time) Move {
	m := Move{Work: w}
	p.follow(&m, &r, now)
	return m
}

// Barred decides about a job that may not ask its bank for now. No live call is
// used, and it is no failure. Whoever waits for the outcome is told at once
// that the bank is in maintenance, for that may last.
func (p Policy) Barred(w Work, b Bar, now time.Time) Move {
	m := Move{Work: w}
	m.become(p.barred(&m.Work, b, now))
	return m
}

// follow makes a move that which follows from the reply to its call.
func (p *Policy) follow(m *Move, r *Reply, now time.Time) {
	learn(&m.Work, r)
	m.become(p.step(&m.Work, r, now))
}

func (p *Policy) begin(w *Work, now time.Time) decision {
	if w.Spent.Started.IsZero() && windowClosed(w, now) {
		return end(event.Failed, event.WindowClosed)
	}
	if w.Spent.Started.IsZero() {
		w.Spent.Started = now
	}
	switch w.Phase {
	case event.PhaseDetail, event.PhasePoll:
		return call(w, w.Phase)
	default: // accounts do not outlive a pause: attributes, too, begin anew
		if w.Mode == event.Live && w.Spent.Live == 0 {
			return p.live(w, now)
		}
		return call(w, event.PhaseCached)
	}
}

func (p *Policy) step(w *Work, r *Reply, now time.Time) decision {
	switch r.Kind {
	case flinks.KindThrottled:
		return p.throttled(w, r, now)
	case flinks.KindBusy:
		return p.trouble(w, r, event.Busy, now)
	case flinks.KindTransport:
		if r.Unsent && r.InARow >= p.OurFault {
			return yield(event.FlinksUnreachable)
		}
		return p.trouble(w, r, event.FlinksUnreachable, now)
	case flinks.KindConfig:
		if r.Unsent { // no authorize token was minted: that is no login's matter
			return yield(event.Unauthorized)
		}
	}
	switch w.Phase {
	case event.PhaseDetail, event.PhasePoll:
		return p.detail(w, r, now)
	case event.PhaseAttributes:
		return p.attributes(w, r, now)
	default:
		return p.authorized(w, r, now)
	}
}

// learn notes what a reply says besides its meaning.
func learn(w *Work, r *Reply) {
	if r.RequestID != "" {
		w.RequestID = r.RequestID
	}
	if !r.LastRefresh.IsZero() {
		w.LastRefresh = r.LastRefresh
	}
	switch {
	case r.FlinksCode != "":
		w.Spent.FlinksCode = r.FlinksCode
	case r.Status == OK || r.Status == Challenge:
		w.Spent.FlinksCode = ""
	}
	if r.Status != Pending && !isTrouble(r.Kind) {
		w.Spent.PendingSince = time.Time{}
	}
	if r.Status == OK || w.Phase == event.PhaseLive {
		w.Spent.Queued = 0
	}
	if w.Phase == event.PhaseLive && spared(r) {
		w.Spent.Live, w.AskedBank = max(w.Spent.Live-1, 0), false
	}
}

// isTrouble: the call was not answered; what was true before it still is.
func isTrouble(k flinks.Kind) bool {
	return k == flinks.KindThrottled || k == flinks.KindBusy || k == flinks.KindTransport
}

// spared reports whether a live Authorize certainly did not reach the bank,
// so that it does not count.
func spared(r *Reply) bool {
	switch r.Kind {
	case flinks.KindThrottled, flinks.KindBusy, flinks.KindConfig, flinks.KindInvalidRequest:
		return true
	}
	return r.Unsent
}

// authorized decides after either Authorize.
func (p *Policy) authorized(w *Work, r *Reply, now time.Time) decision {
	switch {
	case r.Status == OK && (w.Phase == event.PhaseLive || p.fresh(w, now)):
		return call(w, event.PhaseDetail)
	case r.Status == OK:
		return p.live(w, now)
	case r.Status == Challenge:
		return end(event.MFARequired, event.SecurityChallenge)
	case r.Status == Pending: // a live session runs: its result is told to the cached call
		return p.pending(w, event.PhaseCached, now)
	}
	switch r.Kind {
	case flinks.KindConfig:
		return p.doubt(w, r, event.Unauthorized, now)
	case flinks.KindInvalidRequest:
		return p.doubt(w, r, event.InvalidRequest, now)
	case flinks.KindAlreadyAuthorized:
		if r.RequestID != "" {
			return call(w, event.PhaseDetail)
		}
		return p.reauthorize(w, event.SessionLost)
	case flinks.KindRetryable, flinks.KindSessionLost, flinks.KindUnauthorized: // the guide's seven
		if w.Phase == event.PhaseCached {
			return p.live(w, now)
		}
		if w.Spent.Live >= p.MaxLive {
			return end(event.Failed, event.BankUnavailable)
		}
		return p.park(w, p.retryDelay(&w.Job, w.Spent.Live), event.BankUnavailable, now)
	}
	return end(event.ReconnectRequired, reconnectReason(r.Kind))
}

// fresh reports whether the cached data will do.
func (p *Policy) fresh(w *Work, now time.Time) bool {
	switch {
	case w.LastRefresh.IsZero():
		return false
	case w.Mode == event.Live:
		return !w.LastRefresh.Before(w.Published)
	}
	return now.Sub(w.LastRefresh) <= p.MaxAge
}

// live decides whether the bank may be asked. A worker that has asked it asks
// again only after a long wait: the call before may have reached the bank.
func (p *Policy) live(w *Work, now time.Time) decision {
	switch {
	case !w.RefusedAt.IsZero() && !w.LastRefresh.After(w.RefusedAt):
		return end(event.ReconnectRequired, event.RefusedBefore)
	case w.Spent.Live >= p.MaxLive:
		return end(event.Failed, event.BankUnavailable)
	case windowClosed(w, now):
		return end(event.Failed, event.WindowClosed)
	case w.AskedBank:
		return p.park(w, p.retryDelay(&w.Job, w.Spent.Live), event.FlinksUnreachable, now)
	}
	return call(w, event.PhaseLive)
}

// detail decides after GetAccountsDetail and its polls.
func (p *Policy) detail(w *Work, r *Reply, now time.Time) decision {
	switch {
	case r.Status == OK && w.Options.Attributes != "":
		return call(w, event.PhaseAttributes)
	case r.Status == OK:
		return end(event.Refreshed, refreshedReason(w))
	case r.Status == Challenge:
		return end(event.MFARequired, event.SecurityChallenge)
	case r.Status == Pending:
		return p.pending(w, event.PhasePoll, now)
	}
	switch r.Kind {
	case flinks.KindConfig:
		return p.doubt(w, r, event.Unauthorized, now)
	case flinks.KindInvalidRequest:
		return p.doubt(w, r, event.InvalidRequest, now)
	case flinks.KindUnauthorized: // a bad API key looks like this, and so does a session that is gone
		if r.InARow < p.OurFault && w.Spent.Reauthorized < p.MaxReauthorize {
			return p.reauthorize(w, event.Unauthorized)
		}
		return p.doubt(w, r, event.Unauthorized, now)
	case flinks.KindSessionLost, flinks.KindAlreadyAuthorized:
		return p.reauthorize(w, event.SessionLost)
	case flinks.KindRetryable: // time mends it, the account holder cannot
		return p.fail(w, event.BankUnavailable, now)
	case flinks.KindNoTransaction: // an empty account is no fault
		return end(event.Refreshed, event.NoTransactions)
	}
	return end(event.ReconnectRequired, reconnectReason(r.Kind))
}

// attributes decides after GetAttributes. The accounts are there by now, so
// whatever happens the login is refreshed.
func (p *Policy) attributes(w *Work, r *Reply, now time.Time) decision {
	switch r.Status {
	case OK:
		return end(event.Refreshed, refreshedReason(w))
	case Pending:
		return p.pending(w, event.PhaseAttributes, now)
	}
	switch r.Kind {
	case flinks.KindRetryable:
		return p.trouble(w, r, event.BankUnavailable, now)
	case flinks.KindSessionLost:
		return p.reauthorize(w, event.SessionLost)
	case flinks.KindNoTransaction:
		return end(event.Refreshed, event.NoTransactions)
	}
	return end(event.Refreshed, event.AttributesRefused)
}

// pending waits for Flinks: in the process first, then parked, and not for
// ever. Accounts that are pushed are waited for parked from the beginning.
func (p *Policy) pending(w *Work, next event.Phase, now time.Time) decision {
	if w.Spent.PendingSince.IsZero() {
		w.Spent.PendingSince = now
	}
	switch waited := now.Sub(w.Spent.PendingSince); {
	case p.Pushed && next == event.PhasePoll && waited < p.PollTimeout:
		w.Phase = next
		after := max(min(p.PollPushed, p.PollTimeout-waited), p.PollInterval)
		return decision{do: Park, after: after, reason: event.StillProcessing}
	case waited < p.Patience:
		w.Phase = next
		return decision{do: Wait, after: p.PollInterval}
	case waited >= p.PollTimeout || next == event.PhaseAttributes:
		return p.fail(w, event.StillProcessing, now)
	}
	w.Phase = next
	return decision{do: Park, after: p.PollParked, reason: event.StillProcessing}
}

// trouble waits in the process for the same call; when that has lasted long
// enough, the job is parked.
func (p *Policy) trouble(w *Work, r *Reply, why event.Reason, now time.Time) decision {
	if r.ShortWait < 0 {
		return p.fail(w, why, now)
	}
	if w.Phase == event.PhaseLive && !spared(r) {
		// The bank may have been asked: the cached call tells how that went.
		w.Phase = event.PhaseCached
	}
	return decision{do: Wait, after: r.ShortWait}
}

// throttled waits as trouble does, and at least for the time that Flinks
// named. That all other calls slow down, too, is the matter of pace.
func (p *Policy) throttled(w *Work, r *Reply, now time.Time) decision {
	if r.RetryAfter > p.Patience {
		if windowClosed(w, now.Add(r.RetryAfter)) {
			return giveUp(w, event.Throttled)
		}
		r.ShortWait = -1 // it has waited in the process for long enough
	}
	d := p.trouble(w, r, event.Throttled, now)
	if d.do != End {
		d.after = max(d.after, r.RetryAfter)
	}
	return d
}

// fail parks a job that something out of order keeps from going on, and gives
// up when that has happened too often.
func (p *Policy) fail(w *Work, why event.Reason, now time.Time) decision {
	w.Spent.Failures++
	if w.Spent.Failures > p.MaxFailures {
		return giveUp(w, why)
	}
	return p.park(w, p.retryDelay(&w.Job, w.Spent.Failures), why, now)
}

// park puts the job down until after. It begins again with the cached call,
// which costs the bank nothing and knows of whatever happened meanwhile.
func (p *Policy) park(w *Work, after time.Duration, why event.Reason, now time.Time) decision {
	if windowClosed(w, now.Add(after)) {
		return giveUp(w, why)
	}
	w.Phase, w.RequestID, w.Spent.PendingSince = event.PhaseCached, "", time.Time{}
	return decision{do: Park, after: after, reason: why}
}

func (p *Policy) barred(w *Work, b Bar, now time.Time) decision {
	if b.Paused && w.Lane == event.OnDemand {
		return end(event.Failed, event.BankUnavailable)
	}
	w.Spent.Queued++
	if b.Paused {
		return p.park(w, b.After+jitter(&w.Job, w.Spent.Queued, p.yield()), event.BankUnavailable, now)
	}
	return p.park(w, p.queueDelay(&w.Job, w.Spent.Queued), event.Busy, now)
}

// reauthorize opens a new session, a bounded number of times.
func (p *Policy) reauthorize(w *Work, why event.Reason) decision {
	if w.Spent.Reauthorized >= p.MaxReauthorize {
		return giveUp(w, why)
	}
	w.Spent.Reauthorized++
	w.RequestID = ""
	return call(w, event.PhaseCached)
}

// doubt decides about a refusal that is the fault of one login's set-up, or of
// ours. Several logins in a row: ours. Else the job waits once, while others
// show which it is, and is believed the second time.
func (p *Policy) doubt(w *Work, r *Reply, why event.Reason, now time.Time) decision {
	if r.InARow >= p.OurFault {
		return yield(why)
	}
	if w.Spent.Doubted > 0 {
		return end(event.Failed, why)
	}
	w.Spent.Doubted++
	return p.park(w, p.retryDelay(&w.Job, 1), why, now)
}

// giveUp ends a job that time did not mend. Past the accounts nothing is lost
// but the attributes.
func giveUp(w *Work, why event.Reason) decision {
	if w.Phase == event.PhaseAttributes {
		return end(event.Refreshed, event.AttributesUnavailable)
	}
	return end(event.Failed, why)
}

// windowClosed reports whether t is past the end of the job's window.
func windowClosed(w *Work, t time.Time) bool {
	return !w.NotAfter.IsZero() && t.After(w.NotAfter)
}

// refreshedReason tells a live refresh from cached data. Flinks' clock may
// differ from ours, hence the minute.
func refreshedReason(w *Work) event.Reason {
	since := w.Spent.Started.Add(-time.Minute)
	if w.Spent.Live > 0 && (w.LastRefresh.IsZero() || w.LastRefresh.After(since)) {
		return event.LiveRefresh
	}
	return event.CachedFresh
}

// reconnectReason words a refusal that only the account holder can mend.
func reconnectReason(k flinks.Kind) event.Reason {
	switch k {
	case flinks.KindCredentials:
		return event.CredentialsRefused
	case flinks.KindSecurityAnswer:
		return event.SecurityAnswerRefused
	case flinks.KindDisabledLogin:
		return event.LoginDisabled
	case flinks.KindHolderAction:
		return event.HolderAction
	}
	return event.Refused
}
