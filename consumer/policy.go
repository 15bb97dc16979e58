package consumer

import (
	"hash/fnv"
	"strconv"
	"time"

	"nightshift/producer/event"
)

// Policy holds the numbers that decisions depend on. [DefaultPolicy] has the
// guide's; every field must be positive.
type Policy struct {
	MaxAge       time.Duration // cached data is fresh up to this age
	PollInterval time.Duration // between two polls of one request
	PollTimeout  time.Duration // how long Flinks may answer "still processing"
	PollParked   time.Duration // between two polls of a job that waits parked
	Patience     time.Duration // how long a job waits in the process before it is parked

	// Pushed says that Flinks tells by webhook when accounts are there: a job
	// that waits for them is parked at once, and woken by the push. PollPushed
	// is when it asks by itself, should no push come.
	Pushed     bool
	PollPushed time.Duration

	MaxLive        int // live Authorize calls per login and cycle
	MaxReauthorize int // sessions of one job that may be lost
	MaxFailures    int // times one job may be parked because something is out of order

	RetryBase time.Duration // the first long wait; each further one is twice as long
	RetryCap  time.Duration // the longest

	// OurFault is the number of different logins in a row that must be
	// refused in the same way before the fault is taken for our own.
	OurFault int
}

// DefaultPolicy follows the Nightly Refreshes guide where it has a number
// (poll interval 3 s, docs: give up after 30 minutes).
func DefaultPolicy() Policy {
	return Policy{
		MaxAge:         24 * time.Hour,
		PollInterval:   3 * time.Second,
		PollTimeout:    30 * time.Minute,
		PollParked:     30 * time.Second,
		Patience:       time.Minute,
		PollPushed:     5 * time.Minute,
		MaxLive:        3,
		MaxReauthorize: 3,
		MaxFailures:    6,
		RetryBase:      5 * time.Minute,
		RetryCap:       time.Hour,
		OurFault:       3,
	}
}

// retryDelay is the n-th long wait of a job (n from 1): exponential, with a
// jitter of a fifth either way. The jitter comes from the job, not from
// chance, so that the decision stays a pure function and a repeated decision
// is the same one.
func (p Policy) retryDelay(j event.Job, n int) time.Duration {
	d := p.RetryBase
	for range n - 1 {
		if d >= p.RetryCap/2 {
			d = p.RetryCap
			break
		}
		d *= 2
	}
	d = min(d, p.RetryCap)
	h := fnv.New32a()
	_, _ = h.Write([]byte(j.LoginID + ":" + j.Cycle + ":" + strconv.Itoa(n)))
	spread := int64(d) * 2 / 5
	return d - d/5 + time.Duration(spread*int64(h.Sum32()%1000)/1000)
}
