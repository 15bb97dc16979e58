package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

// rig is a whole Nightshift in a bubble of virtual time: a real nats-server, a
// server of the Redis protocol, the simulator behind real HTTP, and workers.
type rig struct {
	*testing.T
	js       jetstream.JetStream
	accounts jetstream.ObjectStore // as subscribers read it
	keep     *consumer.Accounts    // as workers write it
	redis    *miniredis.Miniredis
	store    *state.Store
	trips    *trips
	sim      *flinkstest.Server
	client   *flinks.Client
	log      *logbook
}

// night is where the bubble's clock stands when a test begins.
var night = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// bubble runs a test in virtual time. Within it, r is the test: the context
// and the clean-up of the outer one belong to another time.
func bubble(t *testing.T, test func(r *rig)) {
	bubbleWith(t, flinkstest.Options{}, test)
}

// bubbleWith is bubble with a simulator of other settings.
func bubbleWith(t *testing.T, opts flinkstest.Options, test func(r *rig)) {
	// The server's clock is a goroutine of the package. Started inside the
	// bubble it would be waited for in vain.
	ats.Register()
	defer ats.Unregister()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, log: &logbook{}}
		r.js = newJetStream(t)
		r.redis, r.store, r.trips = newRedis(t)
		sim, client := flinkstest.Start(t, opts)
		r.sim = sim
		r.client = &flinks.Client{
			BaseURL: flinkstest.BaseURL, CustomerID: flinkstest.DefaultCustomerID,
			SecretKey: flinkstest.DefaultSecretKey, APIKey: flinkstest.DefaultAPIKey, HTTP: client,
		}
		var err error
		if r.accounts, err = (producer.Setup{}).Run(t.Context(), r.js); err != nil {
			t.Fatal(err)
		}
		if r.keep, err = consumer.OpenAccounts(t.Context(), r.js); err != nil {
			t.Fatal(err)
		}
		test(r)
		r.noMistakes()
	})
}

func newJetStream(t *testing.T) jetstream.JetStream {
	t.Helper()
	js, stop := startNATS(t, t.TempDir())
	t.Cleanup(stop)
	return js
}

// startNATS starts a server on what another one may have left in dir.
func startNATS(t *testing.T, dir string) (js jetstream.JetStream, stop func()) {
	t.Helper()
	srv, err := server.NewServer(&server.Options{
		DontListen: true, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("nats-server is not ready")
	}
	nc, err := nats.Connect("", nats.InProcessServer(srv))
	if err != nil {
		t.Fatal(err)
	}
	if js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	return js, func() {
		nc.Close()
		srv.Shutdown()
		srv.WaitForShutdown()
	}
}

func newRedis(t *testing.T) (*miniredis.Miniredis, *state.Store, *trips) {
	t.Helper()
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true)
	opts, err := state.Options("redis://127.0.0.1:1") // an IP: a name would be looked up outside the bubble
	if err != nil {
		t.Fatal(err)
	}
	opts.Dialer = func(context.Context, string, string) (net.Conn, error) { return dialBuffered(m) }
	client, asked := redis.NewClient(opts), &trips{}
	client.AddHook(asked)
	s := state.New(client)
	t.Cleanup(func() { _ = s.Close(); m.Close() })
	return m, s, asked
}

// buffered is a connection whose writes do not wait for the reader, as those of
// a system do not, up to a point. Without that, whoever sends many commands at
// once waits for a server that waits for its answers to be read.
type buffered struct {
	net.Conn
	out  chan []byte
	done chan struct{}
	once sync.Once
}

func dialBuffered(m *miniredis.Miniredis) (net.Conn, error) {
	conn, err := m.Dial()
	if err != nil {
		return nil, err
	}
	b := &buffered{Conn: conn, out: make(chan []byte, 1024), done: make(chan struct{})}
	go func() {
		for {
			select {
			case data := <-b.out:
				if _, err := b.Conn.Write(data); err != nil {
					return
				}
			case <-b.done:
				return
			}
		}
	}()
	return b, nil
}

func (b *buffered) Write(data []byte) (int, error) {
	select {
	case b.out <- bytes.Clone(data):
		return len(data), nil
	case <-b.done:
		return 0, net.ErrClosed
	}
}

func (b *buffered) Close() error {
	b.once.Do(func() { close(b.done) })
	return b.Conn.Close()
}

// trips counts the round trips to Redis.
type trips struct{ atomic.Int64 }

func (t *trips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (t *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		t.add(cmd)
		return next(ctx, cmd)
	}
}

func (t *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		t.add(cmds[0])
		return next(ctx, cmds)
	}
}

// add leaves out what a new connection asks first.
func (t *trips) add(cmd redis.Cmder) {
	if name := cmd.Name(); name != "hello" && name != "client" {
		t.Add(1)
	}
}

// worker is one more replica, not yet running.
func (r *rig) worker(name string, change ...func(*consumer.Worker)) *consumer.Worker {
	w := &consumer.Worker{
		JS: r.js, Flinks: r.client, State: r.store, Accounts: r.keep,
		Policy: consumer.DefaultPolicy(), Name: name, Concurrency: 16, Grace: 30 * time.Second,
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}
	for _, c := range change {
		c(w)
	}
	return w
}

// start runs a worker; stop ends it and waits until it has.
func (r *rig) start(w *consumer.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(r.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.Error(err)
		}
	})
	r.Cleanup(stop)
	return stop
}

// nightly is a new job of tonight.
func nightly(loginID string, change ...func(*event.Job)) event.Job {
	plan := producer.Plan{Cycle: "2000-01-01", Lane: event.Nightly, Mode: event.Cached}
	j := plan.Job(producer.Entry{LoginID: loginID}, time.Now())
	for _, c := range change {
		c(&j)
	}
	return j
}

func (r *rig) publish(jobs ...event.Job) producer.Tally {
	r.Helper()
	tally, err := producer.Publisher{JS: r.js}.Publish(r.Context(), func(yield func(event.Job, error) bool) {
		for _, j := range jobs {
			if !yield(j, nil) {
				return
			}
		}
	}, nil)
	if err != nil {
		r.Fatal(err)
	}
	return tally
}

// drain lets time pass until no job is left in the stream, and returns how
// much did.
func (r *rig) drain(atMost time.Duration) time.Duration {
	r.Helper()
	begin := time.Now()
	for r.count(event.StreamJobs) > 0 {
		if time.Since(begin) > atMost {
			r.Fatalf("after %v there are %d jobs left", atMost, r.count(event.StreamJobs))
		}
		time.Sleep(min(10*time.Millisecond+time.Since(begin)/20, time.Minute))
	}
	return time.Since(begin)
}

func (r *rig) count(stream string) uint64 {
	r.Helper()
	s, err := r.js.Stream(r.Context(), stream)
	if err != nil {
		r.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// messages are all that a stream holds, in order.
func (r *rig) messages(stream string) []*jetstream.RawStreamMsg {
	r.Helper()
	s, err := r.js.Stream(r.Context(), stream)
	if err != nil {
		r.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	info := s.CachedInfo().State
	for seq := max(info.FirstSeq, 1); seq <= info.LastSeq; seq++ {
		m, err := s.GetMsg(r.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func (r *rig) outcomes() []event.Outcome {
	r.Helper()
	var all []event.Outcome
	for _, m := range r.messages(event.StreamOutcomes) {
		o, err := event.DecodeOutcome(m.Data)
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

// only returns the one outcome there is.
func (r *rig) only() event.Outcome {
	r.Helper()
	all := r.outcomes()
	if len(all) != 1 {
		r.Fatalf("%d outcomes, want 1: %+v", len(all), all)
	}
	return all[0]
}

// calls are the operations of a login as the simulator saw them.
func (r *rig) calls(loginID string) []string {
	var ops []string
	for _, c := range r.sim.Journal() {
		if c.LoginID == loginID {
			ops = append(ops, strings.TrimSpace(c.Op+" "+c.Mode))
		}
	}
	return ops
}

// noMistakes: whatever a test is about, no worker may call Flinks in a way
// that no correct client does, or hold two sessions of a login.
func (r *rig) noMistakes() {
	r.Helper()
	for _, c := range r.sim.Journal() {
		if c.Mistake != "" && !r.log.expects(c.Mistake) {
			r.Errorf("mistake in %s: %s", c.Op, c.Mistake)
		}
	}
	for _, o := range r.sim.Overlaps() {
		r.Errorf("two sessions at once: %+v", o)
	}
}

// logbook keeps what workers log, and what a test expects to go wrong.
type logbook struct {
	mu       sync.Mutex
	text     strings.Builder
	mistakes []string
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logbook) expects(mistake string) bool {
	return slices.ContainsFunc(l.mistakes, func(m string) bool { return strings.Contains(mistake, m) })
}

var _ io.Writer = (*logbook)(nil)
