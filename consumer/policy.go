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

// queueFirst is the first wait for a place among a bank's sessions.
const queueFirst = 5 * time.Second

// retryDelay is the n-th long wait of a job (n from 1): exponential, with a
// jitter of a fifth either way.
func (p *Policy) retryDelay(j *event.Job, n int) time.Duration {
	return doubled(j, n, p.RetryBase, p.RetryCap)
}

// queueDelay is the n-th wait for a place among a bank's sessions.
func (p *Policy) queueDelay(j *event.Job, n int) time.Duration {
	return doubled(j, n, min(queueFirst, p.RetryBase), p.RetryBase)
}

// yield is how far the jobs of a paused bank come back apart, and how much
// longer those wait to probe that have asked it more often than others.
func (p *Policy) yield() time.Duration { return p.RetryBase / 2 }

// probeEvery is the time until the next probe after a job's live call has found
// the bank in maintenance: no longer than that job will wait itself, should it
// be the only one.
func (p *Policy) probeEvery(w *Work) time.Duration {
	return min(p.RetryBase, p.retryDelay(&w.Job, w.Spent.Live))
}

// doubled is the n-th wait of a row that doubles from first to most, with a
// jitter of a fifth either way.
func doubled(j *event.Job, n int, first, most time.Duration) time.Duration {
	d := first
	for range n - 1 {
		if d >= most/2 {
			d = most
			break
		}
		d *= 2
	}
	d = min(d, most)
	return d - d/5 + jitter(j, n, d*2/5)
}

// jitter is a part of d, its own for each job and n. It comes from the job, not
// from chance, so that the decision stays a pure function and a repeated
// decision is the same one.
func jitter(j *event.Job, n int, d time.Duration) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(j.LoginID + ":" + j.Cycle + ":" + strconv.Itoa(n)))
	return time.Duration(int64(d) * int64(h.Sum32()%1000) / 1000)
}
