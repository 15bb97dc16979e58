package consumer

// step names a place between two steps of a job's life where nothing may go
// wrong if the worker dies just there. A build with the tag "drill" can be told
// to die at one of them; in any other build the places do not exist.
type step string

// The places.
const (
	liveRecorded step = "live-recorded" // a live call is written down and not made yet
	liveCalled   step = "live-called"   // a live call is made, and its answer not used yet
	accountsKept step = "accounts-kept" // the accounts are stored, the outcome is not
	outcomeTold  step = "outcome-told"  // the outcome is told, Redis does not know
	endRecorded  step = "end-recorded"  // Redis knows the ending, the message is not acked
	jobParked    step = "job-parked"    // the job is parked, Redis does not know
	parkRecorded step = "park-recorded" // Redis knows that it is parked, the message is not acked
)
