package producer

import (
	"context"
	"iter"
	"sync"

	"nightshift/producer/event"
)

// part is what was found out about some buckets of the roster.
type part struct {
	buckets []int
	due     []event.Job    // to be published
	counts  map[string]int // what became of its logins so far
}

// ledger keeps the parts whose jobs are being published, all in one row, and
// settles each once all of its jobs are stored, in their order.
type ledger struct {
	settle func(*part) error
	fail   context.CancelCauseFunc // ends the publication

	mu   sync.Mutex
	open []*part
	left int // jobs of the first that are not stored yet
}

// jobs are those of all parts. Each part is opened before its jobs.
func (l *ledger) jobs(ctx context.Context, parts <-chan *part) iter.Seq2[event.Job, error] {
	return func(yield func(event.Job, error) bool) {
		for p := range parts {
			l.begin(p)
			for _, job := range p.due {
				if !yield(job, nil) {
					return
				}
			}
			if ctx.Err() != nil {
				return
			}
		}
	}
}

func (l *ledger) begin(p *part) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open = append(l.open, p); len(l.open) == 1 {
		l.left = len(p.due)
		l.close()
	}
}

// stored notes what became of the next job.
func (l *ledger) stored(p Published) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.Already {
		l.open[0].counts[CountAlready]++
	} else {
		l.open[0].counts[CountQueued]++
	}
	l.left--
	l.close()
}

// close settles what is complete. After a failure nothing is settled.
func (l *ledger) close() {
	for l.left == 0 && len(l.open) > 0 {
		if err := l.settle(l.open[0]); err != nil {
			l.fail(err)
			l.left = -1
			return
		}
		if l.open = l.open[1:]; len(l.open) > 0 {
			l.left = len(l.open[0].due)
		}
	}
}
