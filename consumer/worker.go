package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks"
	"nightshift/producer/event"
	"nightshift/state"
)

// Times of the machinery, none of which changes what a job does.
const (
	// leaseTTL is how long a login stays taken when its worker dies. The
	// consumers' AckWait is set to the same time by producer.Setup.
	leaseTTL = 30 * time.Second
	// beatEvery leaves room for two lost beats before a lease ends.
	beatEvery = leaseTTL / 3
	// storeTimeout bounds one operation on Redis or JetStream.
	storeTimeout = 5 * time.Second
)

// errStopped is the cause of a job's context when the grace time is over.
var errStopped = errors.New("consumer: stopped")

// Worker works jobs off until it is stopped. All fields but Accounts and
// OnOutcome must be set.
type Worker struct {
	JS     jetstream.JetStream
	Flinks *flinks.Client
	State  *state.Store
	Policy Policy
	Log    *slog.Logger

	// Name is this process's name in leases and logs, unlike any other's.
	Name string
	// Concurrency is the number of nightly jobs in hand at once. On-demand
	// jobs have slots of their own, an eighth as many and at least one, so
	// that they never wait for the night.
	Concurrency int
	// Grace is how long calls in flight may go on after Run was told to stop.
	Grace time.Duration
	// Accounts keeps the data of a refresh. Nil: it is not kept, and outcomes
	// carry no reference.
	Accounts *Accounts
	// OnOutcome, when set, is called after each outcome was told. It must not
	// block.
	OnOutcome func(event.Outcome)

	// Stats may be read while the worker runs.
	Stats Stats

	outcomes jetstream.Stream
	live     jetstream.Stream

	ours     circuit // Flinks refuses us all
	host     gate    // no Flinks
	redis    gate    // no Redis
	pace     pace
	rows     rows
	stopping chan struct{}
	jobs     sync.WaitGroup
	handled  atomic.Uint64 // messages taken in hand
}

// Stats counts what a worker does.
type Stats struct {
	InHand   atomic.Int64 // jobs being worked on now
	Pulled   atomic.Int64 // messages taken, repeats included
	Told     atomic.Int64 // outcomes told
	Repeated atomic.Int64 // messages that turned out to be repeats
	Parked   atomic.Int64 // jobs put down as scheduled messages
	Dead     atomic.Int64 // messages that were no valid job
	Calls    atomic.Int64 // calls to Flinks
	Live     atomic.Int64 // of these, live Authorize
}

// Run pulls and works jobs until ctx ends, then lets calls in flight finish
// for the grace time, hands the other jobs back, and returns. It returns an
// error only when the lanes' consumers cannot be used at all.
func (w *Worker) Run(ctx context.Context) error {
	w.stopping = make(chan struct{})
	w.ours.init(w.State, w.Name, w.Log)
	w.host.init("flinks", 30*time.Second, w.Log)
	w.redis.init("redis", 2*time.Second, w.Log)

	var err error
	if w.outcomes, err = w.JS.Stream(ctx, event.StreamOutcomes); err != nil {
		return fmt.Errorf("consumer: stream %s: %w (run `nightshift setup` first)", event.StreamOutcomes, err)
	}
	if w.live, err = w.JS.Stream(ctx, event.StreamLive); err != nil {
		return fmt.Errorf("consumer: stream %s: %w (run `nightshift setup` first)", event.StreamLive, err)
	}
	lanes, err := w.lanes(ctx)
	if err != nil {
		return err
	}
	work, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(nil)
	var pulls sync.WaitGroup
	w.ours.look(ctx)
	pulls.Go(func() { w.ours.watch(ctx) })
	for _, l := range lanes {
		pulls.Go(func() { l.pull(ctx, work) })
	}
	<-ctx.Done()
	close(w.stopping)
	stop := time.AfterFunc(w.Grace, func() { kill(errStopped) })
	defer stop.Stop()
	pulls.Wait()
	w.jobs.Wait()
	return nil
}

// Pauses tells which pauses there are and whether each is on: "flinks_refuses"
// on all workers, "flinks_unreachable" and "redis_unreachable" on this one. It
// may be called while the worker runs.
func (w *Worker) Pauses() map[string]bool {
	return map[string]bool{
		"flinks_refuses":     w.ours.isOpen(""),
		"flinks_unreachable": w.host.isShut(),
		"redis_unreachable":  w.redis.isShut(),
	}
}

// lanes looks the durable consumers up, so that a missing one is told here
// and not as silence.
func (w *Worker) lanes(ctx context.Context) ([]*lane, error) {
	var all []*lane
	for _, name := range event.Lanes {
		cons, err := w.JS.Consumer(ctx, event.StreamJobs, name.Durable())
		if err != nil {
			return nil, fmt.Errorf("consumer: lane %s: %w (run `nightshift setup` first)", name, err)
		}
		slots := w.Concurrency
		if name == event.OnDemand {
			slots = max(1, w.Concurrency/8)
		}
		all = append(all, &lane{worker: w, name: name, cons: cons, free: make(chan struct{}, slots)})
	}
	return all, nil
}
