package consumer

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// A pull waits this long for messages; the heartbeat finds out within twice
// its time when the consumer's leader has gone.
const (
	pullWait      = 2 * time.Second
	pullHeartbeat = 500 * time.Millisecond
)

// gather is how long a busy lane lets free slots add up before it pulls.
const gather = 5 * time.Millisecond

// lane takes the jobs of one lane, never more than it has free slots: a
// message that waits in a buffer would use up its AckWait there.
type lane struct {
	worker *Worker
	name   event.Lane
	cons   jetstream.Consumer
	free   chan struct{} // one element per job in hand
	tasks  chan task     // for goroutines that have worked one
	idle   atomic.Int32  // of these, those that wait for another
}

// task is a message to be worked.
type task struct {
	work context.Context //nolint:containedctx // all jobs of a worker have the same
	msg  jetstream.Msg
	done func()
}

// spare is how many goroutines wait for another message at most.
const spare = 1024

// pull runs until ctx ends. Jobs run under work.
func (l *lane) pull(ctx, work context.Context) {
	defer close(l.tasks)
	for ctx.Err() == nil {
		n, probe, done := l.slots(ctx)
		if n == 0 {
			return
		}
		got := l.fetch(ctx, work, n, done)
		for range n - got {
			<-l.free
		}
		if got == 0 {
			done()
			if probe { // an idle lane must not take every probe from the other one
				sleep(ctx.Done(), pullHeartbeat)
			}
		}
	}
}

// slots waits for a free slot, then takes all that are free and that the gates
// let through: with probe a single one. done ends the probe.
func (l *lane) slots(ctx context.Context) (n int, probe bool, done func()) {
	select {
	case l.free <- struct{}{}:
		n = 1
	case <-ctx.Done():
		return 0, false, nil
	}
	probeRedis, doneRedis := l.worker.redis.enter(ctx)
	probeHost, doneHost := l.worker.host.enter(ctx)
	probeOurs, doneOurs := l.worker.ours.enter(ctx)
	done = func() { doneOurs(); doneHost(); doneRedis() }
	if ctx.Err() != nil {
		<-l.free
		done()
		return 0, false, nil
	}
	if probeOurs || probeHost || probeRedis {
		return n, true, done
	}
	n += l.takeFree()
	if n < cap(l.free)/4 { // under load, pulls of one would be most of the work
		sleep(ctx.Done(), gather)
		n += l.takeFree()
	}
	return n, false, done
}

// takeFree takes all slots that are free at this moment.
func (l *lane) takeFree() (n int) {
	for {
		select {
		case l.free <- struct{}{}:
			n++
		default:
			return n
		}
	}
}

// fetch pulls up to n jobs and starts them. It returns how many came.
func (l *lane) fetch(ctx, work context.Context, n int, done func()) (got int) {
	batch, err := l.cons.Fetch(n, jetstream.FetchMaxWait(pullWait), jetstream.FetchHeartbeat(pullHeartbeat))
	if err != nil {
		l.trouble(ctx, err)
		return 0
	}
	for msg := range batch.Messages() {
		got++
		l.worker.Stats.Pulled.Add(1)
		if ctx.Err() != nil {
			_ = msg.Nak() // too late for us; another worker takes it at once
			<-l.free
			done()
			continue
		}
		l.start(task{work, msg, done})
	}
	if err := batch.Error(); err != nil {
		l.trouble(ctx, err)
	}
	return got
}

// start works one message, in a goroutine that has worked one before if there
// is any: the stack of a new one has to grow first, which is a tenth of a job's
// processor time.
func (l *lane) start(t task) {
	l.worker.Stats.InHand.Add(1)
	select {
	case l.tasks <- t:
	default:
		l.worker.jobs.Go(func() { l.serve(t) })
	}
}

// serve works messages while there are any for it.
func (l *lane) serve(t task) {
	for ok := true; ok; t, ok = l.another() {
		l.handle(t)
	}
}

// another waits for the next message; false: there is none, or enough others
// wait.
func (l *lane) another() (t task, ok bool) {
	defer l.idle.Add(-1)
	if l.idle.Add(1) > spare {
		return task{}, false
	}
	t, ok = <-l.tasks
	return t, ok
}

func (l *lane) handle(t task) {
	defer func() {
		l.worker.Stats.InHand.Add(-1)
		<-l.free
		t.done()
	}()
	l.worker.handle(t.work, t.msg)
}

// trouble tells of a pull that went wrong and waits a moment. A missed
// heartbeat or a lost connection mends itself by pulling again.
func (l *lane) trouble(ctx context.Context, err error) {
	if errors.Is(err, context.Canceled) || ctx.Err() != nil {
		return
	}
	l.worker.Log.Warn("cannot pull jobs (continuing)", "lane", l.name, "err", err)
	sleep(ctx.Done(), time.Second)
}

// sleep waits for d, or until stop closes; it reports whether d passed.
func sleep(stop <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-stop:
		return false
	}
}
