package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
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

// Worker works jobs off until it is stopped. All fields but Rate,
// InstitutionSessions, Accounts and OnOutcome must be set.
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
	// Rate is the number of calls to Flinks per second of all workers together,
	// which should agree on it. 0: as fast as Flinks lets them.
	Rate int
	// InstitutionSessions is the number of live sessions of all workers at one
	// institution at most. 0: any number.
	InstitutionSessions int
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
	turns    turns
	paused   institutions // in maintenance
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
	if w.Accounts == nil { // nobody keeps what comes
		counting := *w.Flinks
		counting.NoRaw = true
		w.Flinks = &counting
	}
	w.stopping = make(chan struct{})
	w.ours.init(w.State, w.Name, w.Log)
	w.turns.init(w.State, w.Rate, w.Log)
	w.host.init("flinks", 30*time.Second, w.Log)
	w.redis.init("redis", 2*time.Second, w.Log)

	lanes, err := w.open(ctx)
	if err != nil {
		return err
	}
	work, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(nil)
	var pulls sync.WaitGroup
	w.look(ctx)
	pulls.Go(func() { w.watch(ctx) })
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

// watch keeps up with what other workers find out, until ctx ends.
func (w *Worker) watch(ctx context.Context) {
	for sleep(ctx.Done(), circuitLook) {
		w.look(ctx)
	}
}

// look learns whether Flinks refuses us all, at which pace it is called, and
// which institutions are in maintenance.
func (w *Worker) look(ctx context.Context) {
	w.ours.look(ctx)
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if now, err := w.State.Limits(ctx); err == nil {
		w.turns.pace.learn(asked, now.Pace, 0)
		w.paused.learn(asked, now.Paused)
	}
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

// PausedInstitutions is the number of institutions that are known to be in
// maintenance: no live calls are made there but for a probe now and then. It
// may be called while the worker runs.
func (w *Worker) PausedInstitutions() int { return w.paused.count() }

// open looks the streams and the durable consumers up, so that a missing one is
// told here and not as silence. It waits for a server that does not answer.
func (w *Worker) open(ctx context.Context) (lanes []*lane, err error) {
	if w.outcomes, err = w.stream(ctx, event.StreamOutcomes); err != nil {
		return nil, err
	}
	if w.live, err = w.stream(ctx, event.StreamLive); err != nil {
		return nil, err
	}
	for _, name := range event.Lanes {
		cons, err := patiently(ctx, "lane "+string(name), func() (jetstream.Consumer, error) {
			return w.JS.Consumer(ctx, event.StreamJobs, name.Durable())
		})
		if err != nil {
			return nil, err
		}
		slots := w.Concurrency
		if name == event.OnDemand {
			slots = max(1, w.Concurrency/8)
		}
		lanes = append(lanes, &lane{worker: w, name: name, cons: cons, free: make(chan struct{}, slots), tasks: make(chan task)})
	}
	return lanes, nil
}

func (w *Worker) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	return patiently(ctx, "stream "+name, func() (jetstream.Stream, error) { return w.JS.Stream(ctx, name) })
}

// patiently repeats a look-up until it goes well, ctx ends, or the server says
// that there is no such thing.
func patiently[T any](ctx context.Context, what string, look func() (T, error)) (T, error) {
	bo := backoff.NewExponentialBackOff(backoff.WithMaxInterval(2*time.Second), backoff.WithMaxElapsedTime(0))
	found, err := backoff.RetryWithData(func() (T, error) {
		found, err := look()
		if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) {
			err = backoff.Permanent(fmt.Errorf("%w (run `nightshift setup` first)", err))
		}
		return found, err
	}, backoff.WithContext(bo, ctx))
	if err != nil {
		return found, fmt.Errorf("consumer: %s: %w", what, err)
	}
	return found, nil
}
