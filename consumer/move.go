package consumer

import (
	"time"

	"nightshift/flinks"
	"nightshift/producer/event"
)

// Do is what a worker does next with a job.
type Do string

// The moves.
const (
	Call  Do = "call"  // make the call of Job.Phase now
	Wait  Do = "wait"  // wait After in the process, then make the call of Job.Phase
	Park  Do = "park"  // put the job down; it comes back after After and goes on with Job.Phase
	End   Do = "end"   // the job ends with Type and Reason
	Yield Do = "yield" // the fault is ours: stop pulling and hand the job back untouched
)

// Move is a decision: what to do, and the job as it goes on from here.
type Move struct {
	Do     Do
	Work   Work
	After  time.Duration // with Wait and Park
	Type   event.Type    // with End
	Reason event.Reason  // with End; with Park and Yield: what stands in the way
}

// Work is a job in a worker's hands: what the job's message says, and what was
// learnt since. Work.Phase is the call made last, or the one to make.
type Work struct {
	event.Job
	RefusedAt   time.Time // the bank refused the login live at this time, as far as Redis knows
	LastRefresh time.Time // from Flinks; zero: not told
	AskedBank   bool      // this worker has made a live call that may have reached the bank
}

// Status says which of Flinks' normal answers came. With a refusal it is empty.
type Status string

// The normal answers.
const (
	OK        Status = "ok"        // 200
	Pending   Status = "pending"   // 202: still processing
	Challenge Status = "challenge" // 203: the bank asks a security question
)

// Reply is what came back from a call, reduced to what a decision needs.
type Reply struct {
	Status      Status
	Kind        flinks.Kind   // what a refusal means; KindNone with a Status
	FlinksCode  string        // of a refusal, verbatim
	RequestID   string        // when the reply has one
	LastRefresh time.Time     // when the reply has one
	RetryAfter  time.Duration // when Flinks named a time
	Unsent      bool          // the call certainly never reached Flinks

	// InARow counts the different logins, this one included, whose calls of
	// this operation were answered in the same suspicious way, with no good
	// answer in between.
	InARow int
	// ShortWait is what the backoff in the process would wait next.
	// Negative: it has waited long enough.
	ShortWait time.Duration
}

// Bar is what keeps a job from a live call at its bank for now.
type Bar struct {
	Paused bool          // the bank is in maintenance; else as many sessions as it may have are open
	After  time.Duration // with Paused: until it may be asked whether it is back
}

// decision is a move without the job, which it has changed in place: a Work is
// too large to be handed from rule to rule.
type decision struct {
	do     Do
	after  time.Duration
	typ    event.Type
	reason event.Reason
}

// become makes the move what was decided.
func (m *Move) become(d decision) {
	m.Do, m.After, m.Type, m.Reason = d.do, d.after, d.typ, d.reason
}

func call(w *Work, phase event.Phase) decision {
	w.Phase = phase
	return decision{do: Call}
}

func end(t event.Type, r event.Reason) decision {
	return decision{do: End, typ: t, reason: r}
}

func yield(why event.Reason) decision { return decision{do: Yield, reason: why} }
