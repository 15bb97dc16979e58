package flinkstest

import "time"

// Login is a customer's bank login and the script of what happens to it.
type Login struct {
	// ID is the loginId. Empty: made from institution, username and language.
	ID string
	// Username and Password authorize by credentials; no Password, no such way.
	Username, Password string
	// Institution is the bank; empty means FlinksCapital, InstitutionID 14.
	Institution   string
	InstitutionID int
	// Scheduled says that the nightly refresh is switched on.
	Scheduled bool
	// LastRefresh is when the cached data is from; zero means never, which the
	// wire shows as null.
	LastRefresh time.Time
	// Last is how the last refresh ended, which cached mode repeats: its
	// FlinksCode again and again, its Polls (202, as if a live session ran) and
	// its Fault on the first calls only. A Challenge means that the questions
	// were never answered, which cached mode tells as SESSION_EXPIRED.
	Last Answer
	// Live are the answers of the bank, one per live Authorize.
	Live []Answer
	// Detail are the ends of the data calls, one per session that makes any.
	Detail []Answer
	// Attributes are the ends of the Attributes calls, one per call that is not
	// answered 202.
	Attributes []Answer
	// Accounts is the number of generated accounts; 0 means 1, below 0 none.
	Accounts int
	// Transactions is the number of generated transactions per account.
	Transactions int
}

// Answer is one scripted answer. The zero Answer is success.
type Answer struct {
	// FlinksCode is the refusal; empty means success. OPERATION_PENDING and
	// OPERATION_DISPATCHED are the words of the 202s that come before it.
	FlinksCode string
	// Status replaces the catalogue's HTTP status of FlinksCode.
	Status int
	// Polls is how many calls are answered 202 first.
	Polls int
	// Pending is how long calls are answered 202, from the session's first on.
	Pending time.Duration
	// Challenge makes a live Authorize answer 203 with these questions.
	Challenge []Challenge
	// Then follows right answers to the Challenge; nil means success. It may
	// hold a Challenge again.
	Then *Answer
	// Latency replaces the server's for this answer.
	Latency time.Duration
	// Fault is what happens on the wire instead, one of the Fault words: to the
	// live Authorize or Attributes call that gets this answer, or to the first
	// cached or data call that meets it, which then goes on. All but FaultLost
	// keep a live Authorize from the bank.
	Fault string
}

// Challenge is a security question of a bank.
type Challenge struct {
	Type   string // Empty means QuestionAndAnswer, the only published one.
	Prompt string
	// Iterables are the choices, where the bank offers any.
	Iterables []string
	// Answer is the right answer; empty accepts any.
	Answer string
}

// drives reports whether a live Authorize with this answer reaches the bank,
// and so leaves a mark on the cached state.
func (a Answer) drives() bool {
	return (a.Fault == "" || a.Fault == FaultLost) && !apart[a.FlinksCode]
}

// pendingCode is the FlinksCode of the 202s before the answer, and end the one
// after them.
func (a Answer) pendingCode() string {
	if a.FlinksCode == "OPERATION_DISPATCHED" {
		return a.FlinksCode
	}
	return "OPERATION_PENDING"
}

func (a Answer) end() string {
	if a.FlinksCode == "OPERATION_DISPATCHED" || a.FlinksCode == "OPERATION_PENDING" {
		return ""
	}
	return a.FlinksCode
}

// nth is the n-th answer of a script, counted from 0. The last one repeats.
func nth(script []Answer, n int) Answer {
	if len(script) == 0 {
		return Answer{}
	}
	return script[min(n, len(script)-1)]
}
