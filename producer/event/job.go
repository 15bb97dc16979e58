package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// JobVersion is the version of the job's form that this package writes.
const JobVersion = 1

// Mode says how a refresh begins.
type Mode string

// The modes.
const (
	Cached Mode = "cached" // ask for the data Flinks has; refresh live only when it is too old
	Live   Mode = "live"   // refresh live, however fresh the data is
)

// Phase is the call that a job makes next.
type Phase string

// The phases of a refresh, in their order.
const (
	PhaseCached     Phase = "cached"     // Authorize, MostRecentCached true
	PhaseLive       Phase = "live"       // Authorize, MostRecentCached false
	PhaseDetail     Phase = "detail"     // GetAccountsDetail
	PhasePoll       Phase = "poll"       // GetAccountsDetailAsync
	PhaseAttributes Phase = "attributes" // GetAttributes
)

// Job asks for one refresh of one login. It carries everything that a worker
// needs: what is asked for, and, once it was parked, how far it came.
type Job struct {
	Version int    `json:"version"` // 1
	LoginID string `json:"loginId"`
	Cycle   string `json:"cycle"` // the run it belongs to; one outcome per (loginId, cycle)
	Lane    Lane   `json:"lane"`
	Mode    Mode   `json:"mode"`
	Attempt int    `json:"attempt"` // 1, and one more each time it was parked

	Phase     Phase  `json:"phase,omitempty"`     // where to go on; empty: from the start
	RequestID string `json:"requestId,omitempty"` // the Flinks session to go on with

	NotAfter    time.Time `json:"notAfter,omitzero"` // end of the window: no Authorize begins later; zero: no end
	Options     Options   `json:"options,omitzero"`
	Institution string    `json:"institution,omitempty"` // when known; Flinks' name of the bank
	Published   time.Time `json:"published"`             // when the job was first published, UTC
	Spent       Spent     `json:"spent,omitzero"`

	// Extra holds the fields that this version does not know. They are
	// written back as they came.
	Extra map[string]json.RawMessage `json:"-"`
}

// Options are the customer's wishes for the data.
type Options struct {
	// Attributes is the set to ask Flinks Enrich for: Income, CreditRisk,
	// Lending, UserAnalysis or All. Empty: none.
	Attributes string `json:"attributes,omitempty"`
	// DaysOfTransactions is 90 or 365. 0: no transactions are asked for.
	DaysOfTransactions int `json:"daysOfTransactions,omitempty"`
}

// Spent is what a job has used up so far. It bounds what it may still do.
type Spent struct {
	Cached       int       `json:"cached,omitempty"`       // cached Authorize calls
	Live         int       `json:"live,omitempty"`         // live Authorize calls that may have reached the bank
	Reauthorized int       `json:"reauthorized,omitempty"` // sessions that were lost and opened anew
	Failures     int       `json:"failures,omitempty"`     // times it was parked because something was out of order
	Queued       int       `json:"queued,omitempty"`       // times in a row it was parked before a live call because its bank takes none for now
	Doubted      int       `json:"doubted,omitempty"`      // refusals that may have been our own fault
	PendingSince time.Time `json:"pendingSince,omitzero"`  // since when Flinks answers "still processing"
	Started      time.Time `json:"started,omitzero"`       // the first call of all
	FlinksCode   string    `json:"flinksCode,omitempty"`   // the last refusal, verbatim
}

// AttributeSets are the values of [Options.Attributes].
var AttributeSets = []string{"Income", "CreditRisk", "Lending", "UserAnalysis", "All"}

// MsgID is the Nats-Msg-Id of the job's message: one per attempt.
func (j *Job) MsgID() string {
	return j.LoginID + ":" + j.Cycle + ":" + strconv.Itoa(j.Attempt)
}

// OutcomeID is the identity of the outcome that the job will have.
func (j *Job) OutcomeID() string { return OutcomeID(j.LoginID, j.Cycle) }

// Asked is the job as it was asked for, without what was learnt since: what
// an outcome keeps for a replay.
func (j *Job) Asked() Job {
	asked := *j
	asked.Attempt, asked.Phase, asked.RequestID, asked.Spent = 1, "", "", Spent{}
	return asked
}

// Subject is where the job waits for a worker.
func (j *Job) Subject() string { return ReadySubject(j.LoginID, j.Lane) }

// A JobError says why a message is no valid job.
type JobError struct {
	Reason DeadReason
	Err    error
}

func (e *JobError) Error() string { return fmt.Sprintf("job is %s: %v", e.Reason, e.Err) }

// Unwrap returns the cause.
func (e *JobError) Unwrap() error { return e.Err }

// maxJob bounds a job's message, in bytes. A job has about 500, and what comes
// of it, fields that nobody here knows included, has to fit into one message.
const maxJob = 64 << 10

// DecodeJob reads a job's message and checks it. Its error is a [*JobError].
func DecodeJob(subject string, data []byte) (Job, error) {
	if len(data) > maxJob {
		return Job{}, &JobError{DeadInvalid, fmt.Errorf("it has %d bytes, at most %d are allowed", len(data), maxJob)}
	}
	var j Job
	if err := j.UnmarshalJSON(data); err != nil {
		return Job{}, &JobError{DeadMalformed, err}
	}
	if j.Version != JobVersion {
		return Job{}, &JobError{DeadVersion, fmt.Errorf("version %d, this Nightshift reads version %d", j.Version, JobVersion)}
	}
	if err := j.Check(); err != nil {
		return Job{}, &JobError{DeadInvalid, err}
	}
	if id, lane, ok := splitJobSubject(subject); !ok || id != j.LoginID || lane != j.Lane {
		return Job{}, &JobError{DeadInvalid, fmt.Errorf("subject %q is not that of loginId %s in lane %s", subject, j.LoginID, j.Lane)}
	}
	return j, nil
}

// Check reports the first field that breaks a rule.
func (j *Job) Check() error {
	if err := CheckLoginID(j.LoginID); err != nil {
		return err
	}
	if err := CheckCycle(j.Cycle); err != nil {
		return err
	}
	switch {
	case !j.Lane.Valid():
		return fmt.Errorf("bad lane %q: nightly or ondemand", j.Lane)
	case j.Mode != Cached && j.Mode != Live:
		return fmt.Errorf("bad mode %q: cached or live", j.Mode)
	case j.Attempt < 1:
		return fmt.Errorf("bad attempt %d: it counts from 1", j.Attempt)
	case j.Published.IsZero():
		return errors.New("published is missing: the time of publication, RFC 3339")
	}
	if err := j.checkPhase(); err != nil {
		return err
	}
	return j.Options.Check()
}

func (j *Job) checkPhase() error {
	switch j.Phase {
	case "", PhaseCached, PhaseLive:
		return nil
	case PhaseDetail, PhasePoll, PhaseAttributes:
		if j.RequestID == "" {
			return fmt.Errorf("phase %s needs a requestId", j.Phase)
		}
		return nil
	}
	return fmt.Errorf("bad phase %q: cached, live, detail, poll or attributes", j.Phase)
}

// Check reports the first option that Flinks does not offer.
func (o Options) Check() error {
	if !slices.Contains([]int{0, 90, 365}, o.DaysOfTransactions) {
		return fmt.Errorf("bad daysOfTransactions %d: 90 or 365, or 0 for none", o.DaysOfTransactions)
	}
	if o.Attributes != "" && !slices.Contains(AttributeSets, o.Attributes) {
		return fmt.Errorf("bad attributes %q: one of %v", o.Attributes, AttributeSets)
	}
	return nil
}
