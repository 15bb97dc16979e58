package producer

import (
	"time"

	"nightshift/state"
)

// Why says in one word why a login is due, or is not.
type Why string

// The words.
const (
	Due              Why = "due"
	New              Why = "new"
	NotScheduled     Why = "not_scheduled"
	WaitingForHolder Why = "waiting_for_holder"
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
	}
	return string(w)
}

// Verdict says whether a login takes part in a night.
type Verdict struct {
	Eligible bool
	Why      Why
}

// Eligible judges a login.
func Eligible(l state.Login, _ time.Time, _ bool) Verdict {
	switch {
	case !l.Scheduled:
		return Verdict{false, NotScheduled}
	case !l.Waiting.IsZero():
		return Verdict{false, WaitingForHolder}
	case l.Ended.IsZero():
		return Verdict{true, New}
	}
	return Verdict{true, Due}
}
