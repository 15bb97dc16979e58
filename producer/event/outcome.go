package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Type is one of the endings of a refresh that the rest of a company acts on.
type Type string

// The endings.
const (
	Refreshed         Type = "refreshed"          // the data is fresh; nothing to do
	ReconnectRequired Type = "reconnect_required" // the account holder must connect again
	MFARequired       Type = "mfa_required"       // the bank asks a question that only the account holder can answer
	Failed            Type = "failed"             // Nightshift gave up for this cycle; the account holder need do nothing
)

// Types lists every ending.
var Types = []Type{Refreshed, ReconnectRequired, MFARequired, Failed}

// AfterExpiry is what to do with an outcome whose requestId has expired.
type AfterExpiry string

// AskRefresh says: ask for a live refresh on demand as soon as the account
// holder is there. It makes the bank ask again, and its outcome brings a new
// requestId, which is good for some minutes from then.
const AskRefresh AfterExpiry = "refresh"

// Reason says in one word of a closed list why a refresh ended as it did.
type Reason string

// Reasons of refreshed.
const (
	CachedFresh           Reason = "cached_fresh"           // Flinks' data was young enough; no live call was made
	LiveRefresh           Reason = "live_refresh"           // a live Authorize fetched it
	NoTransactions        Reason = "no_transactions"        // refreshed, without attributes: too few transactions
	AttributesRefused     Reason = "attributes_refused"     // refreshed, without attributes: Flinks refused them
	AttributesUnavailable Reason = "attributes_unavailable" // refreshed, without attributes: they did not come in time
)

// Reasons of reconnect_required.
const (
	CredentialsRefused    Reason = "credentials_refused"     // the bank refuses user name or password, or Flinks no longer knows the login
	SecurityAnswerRefused Reason = "security_answer_refused" // the stored answer to a security question is missing or wrong
	LoginDisabled         Reason = "login_disabled"          // the bank has disabled the account holder's login
	HolderAction          Reason = "holder_action"           // the account holder must act on the bank's own site first
	Refused               Reason = "refused"                 // any other refusal; flinksCode has the word
	NoSuccessLately       Reason = "no_success_lately"       // refreshes have failed at the bank for more than seven days
	NoCachedCallLately    Reason = "no_cached_call_lately"   // nobody has read the data at Flinks for more than seven days
	RefusedBefore         Reason = "refused_before"          // an earlier live refresh was refused and the login was not reconnected since; no live call was made
	IneligibleAtFlinks    Reason = "ineligible_at_flinks"    // Flinks lists the login as ineligible for its nightly refresh; no call was made
)

// Reasons of mfa_required.
const (
	SecurityChallenge Reason = "security_challenge" // requestId is the session to answer it in
	ChallengeListed   Reason = "challenge_listed"   // Flinks lists the login as stopped at a challenge; no call was made, and there is no session
)

// Reasons of failed.
const (
	BankUnavailable   Reason = "bank_unavailable"   // one of the codes that time mends, until the live calls were used up
	FlinksUnreachable Reason = "flinks_unreachable" // no usable reply, again and again
	StillProcessing   Reason = "still_processing"   // Flinks was still processing when the time for polling was over
	SessionLost       Reason = "session_lost"       // the session was lost again and again
	Busy              Reason = "busy"               // another session held the login, or others all the bank's sessions, all the time
	Throttled         Reason = "throttled"          // Flinks asked to slow down until the attempts were used up
	InvalidRequest    Reason = "invalid_request"    // Flinks calls the request for this login invalid; the operator's matter
	Unauthorized      Reason = "unauthorized"       // a data call of this login was refused as unauthorized; the operator's matter
	WindowClosed      Reason = "window_closed"      // the window closed before the refresh could begin
	Cancelled         Reason = "cancelled"          // an operator took the job back while it was parked
)

// Reasons lists every reason under the ending it belongs to.
var Reasons = map[Type][]Reason{
	Refreshed: {CachedFresh, LiveRefresh, NoTransactions, AttributesRefused, AttributesUnavailable},
	ReconnectRequired: {
		CredentialsRefused, SecurityAnswerRefused, LoginDisabled, HolderAction, Refused,
		NoSuccessLately, NoCachedCallLately, RefusedBefore, IneligibleAtFlinks,
	},
	MFARequired: {SecurityChallenge, ChallengeListed},
	Failed: {
		BankUnavailable, FlinksUnreachable, StillProcessing, SessionLost, Busy, Throttled,
		InvalidRequest, Unauthorized, WindowClosed, Cancelled,
	},
}

// Outcome tells how a login's refresh ended. There is exactly one for each
// (loginId, cycle).
type Outcome struct {
	LoginID string `json:"loginId"`
	Cycle   string `json:"cycle"`
	Lane    Lane   `json:"lane"`

	Type       Type   `json:"type"`
	Reason     Reason `json:"reason"`
	FlinksCode string `json:"flinksCode,omitempty"` // verbatim, as Flinks spelt it

	Institution string    `json:"institution,omitempty"`
	LastRefresh time.Time `json:"lastRefresh,omitzero"` // when the bank was last read, UTC

	// RequestID is the Flinks session that ended here, usable until
	// RequestIDExpires: to answer a challenge, or to read the data.
	RequestID        string    `json:"requestId,omitempty"`
	RequestIDExpires time.Time `json:"requestIdExpires,omitzero"`
	// AfterExpiry says, with mfa_required, what to do from then on. The
	// account holder is hardly ever there within those minutes.
	AfterExpiry AfterExpiry `json:"afterExpiry,omitempty"`

	Calls    Calls     `json:"calls"`
	Timings  Timings   `json:"timings"`
	Counts   Counts    `json:"counts,omitzero"`
	Accounts *Accounts `json:"accounts,omitempty"` // only with refreshed

	Job Job `json:"job"` // the job as it was asked for, ready to be replayed
}

// Calls counts the Authorize calls that the job made.
type Calls struct {
	Cached int `json:"cached"`
	Live   int `json:"live"`
}

// Timings are the steps of the job's life, UTC.
type Timings struct {
	Published time.Time `json:"published"`
	Started   time.Time `json:"started,omitzero"` // first call; zero when none was made
	Ended     time.Time `json:"ended"`
}

// Counts says how much data there is, never what it says.
type Counts struct {
	Accounts     int `json:"accounts"`
	Transactions int `json:"transactions"`
}

// Accounts is where the data of a refresh lies: a claim check. As a rule it is
// the last message of a subject; what is too large for a message is an object.
// Either is replaced by the login's next refresh of that size, and expires.
type Accounts struct {
	Stream  string `json:"stream,omitempty"` // with Subject; or else Bucket with Object
	Subject string `json:"subject,omitempty"`
	Bucket  string `json:"bucket,omitempty"`
	Object  string `json:"object,omitempty"`
	Digest  string `json:"digest"` // SHA-256=<base64url>, as object stores state it
	Size    uint64 `json:"size"`   // bytes
}

// ID is the outcome's identity, in Nats-Msg-Id and ce-id.
func (o *Outcome) ID() string { return OutcomeID(o.LoginID, o.Cycle) }

// Subject is where the outcome is told.
func (o *Outcome) Subject() string { return OutcomeSubject(o.LoginID, o.Type) }

// Check reports the first field that breaks a rule.
func (o *Outcome) Check() error {
	if err := CheckLoginID(o.LoginID); err != nil {
		return err
	}
	if err := CheckCycle(o.Cycle); err != nil {
		return err
	}
	reasons, ok := Reasons[o.Type]
	if !ok {
		return fmt.Errorf("bad type %q: one of %v", o.Type, Types)
	}
	if !slices.Contains(reasons, o.Reason) {
		return fmt.Errorf("bad reason %q for %s: one of %v", o.Reason, o.Type, reasons)
	}
	return nil
}

// Encode writes the event's data.
func (o *Outcome) Encode() ([]byte, error) {
	w := writer{buf: make([]byte, 0, 1024)}
	w.buf = append(w.buf, '{')
	w.outcome(o)
	job, err := o.Job.MarshalJSON()
	w.note(err)
	w.name("job")
	w.buf = append(append(w.buf, job...), '}')
	if w.err != nil {
		return nil, fmt.Errorf("event: encode outcome: %w", w.err)
	}
	return w.buf, nil
}

// DecodeOutcome reads an outcome event's data. It accepts types and reasons
// that are newer than this package; a reader decides what they mean to it.
func DecodeOutcome(data []byte) (Outcome, error) {
	var o Outcome
	if err := json.Unmarshal(data, &o); err != nil {
		return Outcome{}, fmt.Errorf("event: decode outcome: %w", err)
	}
	if o.LoginID == "" || o.Cycle == "" || o.Type == "" {
		return Outcome{}, errors.New("event: decode outcome: loginId, cycle or type is missing")
	}
	return o, nil
}
