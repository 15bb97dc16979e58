package consumer

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
	"nightshift/state"
)

// handle works one message from its decoding to its ack. What it needs for a
// moment only is left behind in functions of its own: thousands of stacks wait
// for Flinks below it.
func (w *Worker) handle(ctx context.Context, msg jetstream.Msg) {
	t := w.take(ctx, msg)
	if t == nil {
		return
	}
	defer w.leave(t.hold)
	defer t.drop()
	if (t.mayRepeat() || !t.held.KnownLogin) && w.recall(t.hold, &t.job, &t.held) {
		return
	}
	if t.forgotten() && !w.recallLive(t.hold, &t.held) {
		return
	}
	w.work(t)
}

// taken is a message whose login was claimed.
type taken struct {
	*hold
	meta *jetstream.MsgMetadata
	job  event.Job
	held state.Held
}

// take decodes a message and claims its login. Nil: there is nothing to do, or
// not here and now.
func (w *Worker) take(ctx context.Context, msg jetstream.Msg) *taken {
	meta, err := msg.Metadata()
	if err != nil {
		w.Log.Error("message has no JetStream metadata (continuing)", "subject", msg.Subject(), "err", err)
		return nil
	}
	t := &taken{meta: meta}
	if t.job, err = event.DecodeJob(msg.Subject(), msg.Data()); err != nil {
		w.bury(ctx, msg, meta, err)
		return nil
	}
	return w.claimed(ctx, msg, t)
}

// claimed claims a job's login. Nil: it is not to be had.
func (w *Worker) claimed(ctx context.Context, msg jetstream.Msg, t *taken) *taken {
	job := &t.job
	lease := state.Lease{
		LoginID: job.LoginID, Cycle: job.Cycle, Fence: t.meta.Sequence.Stream,
		// Not the number of the delivery: a server that was killed forgets it,
		// and would make two deliveries to one worker look like one.
		Owner: fmt.Sprintf("%s/%d", w.Name, w.handled.Add(1)),
	}
	asked := time.Now()
	held, err := w.claim(ctx, lease)
	if err != nil {
		w.redis.close("redis does not answer", "err", err)
		w.nak(msg, redisDown)
		return nil
	}
	w.redis.open()
	switch held.Verdict {
	case state.Busy:
		w.nak(msg, busyWait(job.Lane, held.BusyFor))
	case state.Done, state.Stale:
		w.Stats.Repeated.Add(1)
		w.ack(msg)
	case state.Claimed:
		held.Live = max(held.Live, job.Spent.Live)
		t.held = held
		t.hold = w.hold(ctx, msg, lease, asked, held)
		return t
	}
	return nil
}

func (w *Worker) claim(ctx context.Context, lease state.Lease) (state.Held, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return w.State.Claim(ctx, lease, leaseTTL)
}

// busyWait is when to ask again for a login that another job has. Its lease
// may end long before its time, when that job does.
func busyWait(lane event.Lane, busyFor time.Duration) time.Duration {
	if lane == event.OnDemand {
		return busyAtHand
	}
	return min(busyFor+time.Second, busyAtMost)
}

// mayRepeat reports whether the job may have ended already without Redis
// knowing: the message was delivered before, the job is not at its first
// attempt, Redis knows the cycle from another message (its job may have been
// cancelled), or Redis' memory does not reach back far enough. The time of
// publication alone does not tell: a producer may publish a night again after
// it has ended, and Redis may have forgotten it in between.
func (t *taken) mayRepeat() bool {
	return t.meta.NumDelivered > 1 || t.job.Attempt > 1 || t.held.Known ||
		t.job.Published.Before(t.held.Epoch.Add(state.CycleTTL))
}

// clockSkew is how far the clocks of Redis and of the nats-server may be apart.
const clockSkew = time.Minute

// forgotten reports whether Redis may have lost its memory of the job: it
// remembers no further back than the job's message.
func (t *taken) forgotten() bool {
	return !t.held.Known && t.held.Epoch.After(t.meta.Timestamp.Add(-clockSkew))
}

// work makes the moves, one after the other, until the job is put down or has
// ended.
func (w *Worker) work(t *taken) {
	h, c, move := t.hold, &course{patience: w.shortBackoff()}, w.first(t)
	for {
		switch move.Do {
		case End:
			w.end(h, move, c)
			return
		case Park:
			w.park(h, &move.Work, move.After, move.Reason)
			return
		case Yield:
			w.yield(move, c)
			w.handBack(h, oursAtLeast)
			return
		case Wait:
			if !w.wait(h, move.After) {
				w.putDown(h, &move.Work)
				return
			}
		}
		if err := w.next(h, move, c); err != nil {
			w.stopped(h, &t.job, &move.Work, err)
			return
		}
	}
}

// first is the move that a job begins with.
func (w *Worker) first(t *taken) *Move {
	m := &Move{}
	m.Work.Job = t.job
	m.Work.RefusedAt, m.Work.Spent.Live = t.held.RefusedAt, t.held.Live
	m.become(w.Policy.begin(&m.Work, t.now()))
	return m
}

// next makes one call and decides what follows, which becomes the move. With an
// error the call was not made, or its answer does not count; the move's work is
// the job as it stands.
func (w *Worker) next(h *hold, m *Move, c *course) error {
	if ok, err := w.ready(h, m, c); !ok {
		return err
	}
	c.before = m.Work.Spent
	err := w.call(h, &m.Work, c)
	if err == nil && h.Err() != nil {
		err = context.Cause(h) // the answer to a call that was cut off says nothing
		if c.reply.Unsent {
			m.Work.Spent = c.before
		}
	}
	if err != nil {
		return err
	}
	made := m.Work.Spent.Live
	w.Policy.follow(m, &c.reply, h.now())
	if m.Work.Spent.Live < made && c.recorded > c.before.Live {
		w.unrecord(h, m.Work.Spent.Live)
	}
	return nil
}

// ready waits until the call may be made. If it may not, the move becomes what
// happens to the job instead, or an error says why it cannot go on here.
func (w *Worker) ready(h *hold, m *Move, c *course) (ok bool, err error) {
	if ok, err := w.admit(h, m); !ok {
		return false, err
	}
	if !w.awaitTurn(h, &m.Work, c) || m.Work.Phase == event.PhaseLive && w.isStopping() {
		return false, errStopped // a live call that is cut off would be spent in vain
	}
	if ok, err := w.admit(h, m); !ok { // its bank may have closed meanwhile
		return false, err
	}
	err = h.certain()
	return err == nil, err
}

// awaitTurn waits for the turn that the job's next call takes in the pace of
// all workers, or its next two. It reports false when the worker stops or the
// hold ends first.
func (w *Worker) awaitTurn(h *hold, work *Work, c *course) bool {
	c.turn = time.Time{}
	if w.turns.pace.free(time.Now()) {
		return true
	}
	calls := 1
	if work.Phase == event.PhaseCached || work.Phase == event.PhaseLive {
		calls = 2 // a token is minted first
	}
	select {
	case mine := <-w.turns.ask(calls, work.Lane == event.OnDemand):
		c.turn = mine.at.Add(mine.gap)
		return w.wait(h, time.Until(mine.at))
	case <-w.stopping:
	case <-h.Done():
	}
	return false
}
