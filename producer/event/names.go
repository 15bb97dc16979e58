package event

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The streams and the object store, created or checked by producer.Setup.
const (
	StreamJobs     = "REFRESH_JOBS"     // work still to do; a work queue
	StreamOutcomes = "REFRESH_OUTCOMES" // the truth about what ended how
	StreamLive     = "REFRESH_LIVE"     // the live calls of each login's last cycle, for when Redis has forgotten them
	StreamPushes   = "REFRESH_PUSHES"   // what Flinks has pushed, as notices without the data
	StreamDead     = "REFRESH_DEAD"     // messages that are no valid job, with the reason
	StreamAccounts = "REFRESH_ACCOUNTS" // the accounts of the last refresh, one message per loginId
	BucketAccounts = "refresh-accounts" // object store: those that are too large for a message, one object per loginId
)

// Streams lists every stream.
var Streams = []string{StreamJobs, StreamOutcomes, StreamLive, StreamPushes, StreamDead, StreamAccounts}

// The subjects that the streams take in.
const (
	SubjectsJobs     = "refresh.job.*.*.*"
	SubjectsOutcomes = "refresh.outcome.*.*"
	SubjectsLive     = "refresh.live.*"
	SubjectsPushes   = "refresh.push.*"
	SubjectsDead     = "refresh.dead.*"
	SubjectsAccounts = "refresh.accounts.*"
)

// Lane is the queue that a job waits in. The lanes never wait for each other.
type Lane string

// The lanes. Each has a durable pull consumer of the same name.
const (
	Nightly  Lane = "nightly"  // the routine of the night
	OnDemand Lane = "ondemand" // somebody is waiting for it
)

// Lanes lists every lane.
var Lanes = []Lane{Nightly, OnDemand}

// Durable is the name of the lane's durable consumer on [StreamJobs].
func (l Lane) Durable() string { return string(l) }

// Filter is the subject that the lane's consumer takes its jobs from.
func (l Lane) Filter() string { return ReadySubject("*", l) }

// Valid reports whether l is one of [Lanes].
func (l Lane) Valid() bool { return l == Nightly || l == OnDemand }

// ReadySubject is where a job waits for a worker. The loginId stands first,
// because a compare-and-set with a wildcard in front costs the server a scan.
func ReadySubject(loginID string, lane Lane) string {
	return "refresh.job." + loginID + "." + string(lane) + ".ready"
}

// RetrySubject is where a parked job waits for its time, as a scheduled
// message that targets [ReadySubject].
func RetrySubject(loginID string, lane Lane) string {
	return "refresh.job." + loginID + "." + string(lane) + ".retry"
}

// AnyJobSubject matches every message of a login in a lane, ready or parked.
// A publication expects none of them: a login is queued once per lane.
func AnyJobSubject(loginID string, lane Lane) string {
	return "refresh.job." + loginID + "." + string(lane) + ".*"
}

// OutcomeSubject is where an ending of that type is told. Pass "*" as loginID
// for all logins. The cycle is in the data, not here: the server keeps every
// distinct subject in memory.
func OutcomeSubject(loginID string, t Type) string {
	return "refresh.outcome." + loginID + "." + string(t)
}

// AnyOutcomeSubject matches every outcome of a login.
func AnyOutcomeSubject(loginID string) string { return OutcomeSubject(loginID, "*") }

// LiveSubject is where a login's live calls are written down before they are
// made. Only the last message is kept.
func LiveSubject(loginID string) string { return "refresh.live." + loginID }

// AccountsSubject is where the accounts of a login's last refresh lie. Only the
// last message is kept.
func AccountsSubject(loginID string) string { return "refresh.accounts." + loginID }

// DeadReason says why a message was no valid job.
type DeadReason string

// The reasons for [StreamDead].
const (
	DeadMalformed DeadReason = "malformed" // not JSON, or a field of the wrong type
	DeadVersion   DeadReason = "version"   // a version this Nightshift does not know
	DeadInvalid   DeadReason = "invalid"   // a field that breaks a rule, or a subject that names another job
)

// DeadSubject is where a message that is no valid job is kept.
func DeadSubject(r DeadReason) string { return "refresh.dead." + string(r) }

// ErrLoginID is the root of every error about the form of a loginId.
var ErrLoginID = errors.New("bad loginId")

// maxLoginID is generous: Flinks' own loginIds are GUIDs of 36 characters.
const maxLoginID = 128

// inLoginID allows what is at once a NATS token, a URL path segment and a Redis
// hash tag without any escaping.
func inLoginID(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || c == '_' || c == '-'
}

func isDigit(c rune) bool { return '0' <= c && c <= '9' }

// CheckLoginID refuses a loginId that cannot be a part of a subject: empty,
// too long, or with anything but letters, digits, '-' and '_' (a dot, a blank
// or a wildcard would address other logins). The error matches [ErrLoginID].
func CheckLoginID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: it is empty", ErrLoginID)
	case len(id) > maxLoginID:
		return fmt.Errorf("%w: it has %d characters, at most %d are allowed", ErrLoginID, len(id), maxLoginID)
	case !all(id, inLoginID):
		return fmt.Errorf("%w %q: only letters, digits, '-' and '_' are allowed", ErrLoginID, id)
	}
	return nil
}

// isCycle: a date, or "od-" and a ULID; "-r1", "-r2"… marks a replay of it.
func isCycle(c string) bool {
	c, replay, isReplay := strings.Cut(c, "-r")
	if isReplay && (replay == "" || len(replay) > 6 || replay[0] == '0' || !all(replay, isDigit)) {
		return false
	}
	if id, onDemand := strings.CutPrefix(c, "od-"); onDemand {
		return len(id) == 26 && all(id, inULID)
	}
	return len(c) == len("2026-11-22") && c[4] == '-' && c[7] == '-' && all(c[:4]+c[5:7]+c[8:], isDigit)
}

// inULID: digits and capital letters but for I, L, O and U.
func inULID(c rune) bool {
	return isDigit(c) || 'A' <= c && c <= 'Z' && !strings.ContainsRune("ILOU", c)
}

func all(s string, allowed func(rune) bool) bool {
	return strings.IndexFunc(s, func(c rune) bool { return !allowed(c) }) < 0
}

// CheckCycle refuses a cycle that has none of the forms "2026-11-22",
// "2026-11-22-r1" and "od-<ulid>".
func CheckCycle(c string) error {
	if !isCycle(c) {
		return fmt.Errorf("bad cycle %q: it has the form 2026-11-22, 2026-11-22-r1 (a replay) or od-<ulid> (on demand)", c)
	}
	return nil
}

// NextReplay names the cycle that an outcome of this cycle is replayed under:
// "2026-11-22-r1" after "2026-11-22", "2026-11-22-r2" after that. It depends on
// nothing else, so that whoever replays the same outcome asks for the same
// (loginId, cycle), which has one outcome only.
func NextReplay(cycle string) string {
	of, n := splitReplay(cycle)
	return of + "-r" + strconv.Itoa(n+1)
}

// IsReplay reports whether the cycle is a replay of another one.
func IsReplay(cycle string) bool {
	_, n := splitReplay(cycle)
	return n > 0
}

// splitReplay tells what a cycle is the n-th replay of; 0: it is none.
func splitReplay(cycle string) (of string, n int) {
	if of, last, ok := strings.Cut(cycle, "-r"); ok {
		if n, err := strconv.Atoi(last); err == nil {
			return of, n
		}
	}
	return cycle, 0
}

// OutcomeID identifies the one outcome of a login in a cycle, whatever its
// type: Nats-Msg-Id and ce-id are the same, so that two workers with two
// different endings cannot both be heard.
func OutcomeID(loginID, cycle string) string { return loginID + ":" + cycle }

// splitJobSubject takes a job's subject apart; ok is false for any other.
func splitJobSubject(subject string) (loginID string, lane Lane, ok bool) {
	parts := strings.Split(subject, ".")
	if len(parts) != 5 || parts[0] != "refresh" || parts[1] != "job" {
		return "", "", false
	}
	return parts[2], Lane(parts[3]), true
}
