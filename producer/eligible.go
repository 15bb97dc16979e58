package producer

import (
	"slices"
	"time"

	"nightshift/flinks"
	"nightshift/producer/event"
	"nightshift/state"
)

// lately is the seven days of the guide: a login whose last success, or last
// cached call, is older has fallen out of the nightly refresh. Seven days to
// the millisecond are not older. Source: nightly-refresh, eligibility.
const lately = 7 * 24 * time.Hour

// Why says in one word why a login is due, or is not.
type Why string

// Why a login is due.
const (
	Due Why = "due" // it fulfils all of the guide's conditions
	New Why = "new" // it was never refreshed
)

// Why a login is not due.
const (
	NotScheduled     Why = "not_scheduled"         // it was taken out of the nights
	WaitingForHolder Why = "waiting_for_holder"    // its holder was told to act, and has not yet
	LastError        Why = "last_error"            // the last refresh met a code that time does not mend
	NoSuccess        Why = "no_success_lately"     // refreshes fail, and the last success is more than seven days ago
	NoCachedCall     Why = "no_cached_call_lately" // nobody has read its data for more than seven days
)

// Text is the word in a sentence for people.
func (w Why) Text() string {
	switch w {
	case Due:
		return "it is due every night"
	case New:
		return "it is due: it was never refreshed"
	case NotScheduled:
		return "it does not take part in the nights"
	case WaitingForHolder:
		return "its holder was told to act and has not yet"
	case LastError:
		return "its last refresh met an error that time does not mend"
	case NoSuccess:
		return "its refreshes fail, and the last success is more than seven days ago"
	case NoCachedCall:
		return "nobody has read its data for more than seven days"
	}
	return string(w)
}

// Verdict says whether a login takes part in a night.
type Verdict struct {
	Eligible bool
	Why      Why
}

// Eligible judges a login by the conditions of the guide (nightly-refresh):
// it is scheduled; a success in the last seven days; a cached call in the last
// seven days, unless webhooks bring the data; no error but the seven that stay
// in the nightly refresh. A login that was never seen before is eligible.
//
// Days count against a login only while its refreshes are tried and fail at
// the bank or at Flinks: nights that we missed, and refreshes that failed for
// a reason of our own, are no reason to send its holder a mail.
func Eligible(l state.Login, now time.Time, webhooks bool) Verdict {
	switch {
	case !l.Scheduled:
		return Verdict{false, NotScheduled}
	case !l.Waiting.IsZero():
		return Verdict{false, WaitingForHolder}
	case refused(l):
		return Verdict{false, LastError}
	case l.Ended.IsZero() && l.Success.IsZero():
		return Verdict{true, New}
	}
	since := now.Add(-lately)
	switch {
	case l.Ended.Before(since) || ours(l):
		return Verdict{true, Due}
	case latest(l.Success, l.Since).Before(since):
		return Verdict{false, NoSuccess}
	case !webhooks && latest(l.Cached, l.Since).Before(since):
		return Verdict{false, NoCachedCall}
	}
	return Verdict{true, Due}
}

// refused reports an error other than the seven. One that ended as failed is
// no matter between the login and its bank.
func refused(l state.Login) bool {
	return l.Type == string(event.ReconnectRequired) && l.Code != "" && !flinks.Normalize(l.Code).NightlySafe()
}

// ours reports whether the last refresh failed for a reason that says nothing
// about the login.
func ours(l state.Login) bool {
	return l.Type == string(event.Failed) && !slices.Contains(atBank, event.Reason(l.Reason))
}

// atBank are the reasons of failed that are the bank's or Flinks'.
var atBank = []event.Reason{event.BankUnavailable, event.StillProcessing, event.SessionLost}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// FellOut is what the holder of a login is told, once, that is no longer
// eligible; ok is false where there is nothing to tell.
func (v Verdict) FellOut() (reason event.Reason, ok bool) {
	switch v.Why {
	case LastError:
		return event.RefusedBefore, true
	case NoSuccess:
		return event.NoSuccessLately, true
	case NoCachedCall:
		return event.NoCachedCallLately, true
	}
	return "", false
}

// Listed judges a login that Flinks lists as ineligible in the first step of
// the daily routine: what its holder is to be told; ok is false where the list
// is no reason to tell anything. That is so for one of the seven codes, and for
// age alone: Flinks no longer refreshes most banks, so its list may hold every
// login there is, and a refresh of our own shows which of them need their
// holder. What we have refreshed later than Flinks' own last try is not
// ineligible, whatever the list says; and who was told once is not told again.
func Listed(c flinks.IneligibleCard, l state.Login) (told event.Type, reason event.Reason, ok bool) {
	switch {
	case !l.Scheduled, !l.Waiting.IsZero(), l.Success.After(c.LastRefreshDate.Time):
		return "", "", false
	case c.Challenged():
		return event.MFARequired, event.ChallengeListed, true
	case c.Code() == "", c.Code().NightlySafe():
		return "", "", false
	}
	return event.ReconnectRequired, event.IneligibleAtFlinks, true
}
