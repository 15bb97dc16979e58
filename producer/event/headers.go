package event

import "time"

// Headers of the messages. Attribute names are CloudEvents', written as the
// CloudEvents NATS binding asks in binary mode: "ce-" and the name. Lookups
// in NATS headers are case-sensitive.
const (
	HeaderSpecVersion     = "ce-specversion"
	HeaderID              = "ce-id"
	HeaderSource          = "ce-source"
	HeaderType            = "ce-type"
	HeaderSubject         = "ce-subject"
	HeaderTime            = "ce-time"
	HeaderDataContentType = "ce-datacontenttype"

	HeaderTraceparent = "traceparent" // W3C Trace Context, from the job to its outcome

	// Of parked jobs: what stands in the way, one of the words of [Reasons].
	// Empty: the worker stopped and handed the job on.
	HeaderParked = "nightshift-parked"

	// Of messages in [StreamDead].
	HeaderDeadError    = "nightshift-error"    // what is wrong, in words
	HeaderDeadSubject  = "nightshift-subject"  // where the message lay
	HeaderDeadSequence = "nightshift-sequence" // its sequence in [StreamJobs]
)

// Source is the ce-source of every outcome event.
const Source = "/nightshift"

// CloudEventsType is the ce-type of an ending. The version is part of it: a
// change that is not additive would get a new one.
func CloudEventsType(t Type) string { return "nightshift.refresh." + string(t) + ".v1" }

// Headers are the outcome's CloudEvents attributes. Their values need no
// percent-encoding: loginId, cycle and type have none of its characters.
func (o *Outcome) Headers() map[string][]string {
	all := [...]struct{ name, value string }{
		{HeaderSpecVersion, "1.0"},
		{HeaderID, o.ID()},
		{HeaderSource, Source},
		{HeaderType, CloudEventsType(o.Type)},
		{HeaderSubject, o.LoginID},
		{HeaderTime, o.Timings.Ended.UTC().Format(time.RFC3339Nano)},
		{HeaderDataContentType, "application/json"},
	}
	h := make(map[string][]string, len(all)+3) // who publishes it adds some
	values := make([]string, len(all))
	for i, header := range all {
		values[i] = header.value
		h[header.name] = values[i : i+1 : i+1]
	}
	return h
}
