package producer_test

import (
	"encoding/json"
	"flag"
	"iter"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"nightshift/producer"
	"nightshift/producer/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain: nothing of this package may leave a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// golden compares got, as JSON, with a file of testdata.
func golden(t *testing.T, name string, got any) {
	t.Helper()
	data, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, '\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(data)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// start runs a server in this process until the test ends.
func start(t testing.TB, opts *server.Options) *server.Server {
	t.Helper()
	opts.NoLog, opts.NoSigs = true, true
	srv, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { stop(srv) })
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("nats-server is not ready")
	}
	return srv
}

func stop(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}

func connect(t testing.TB, url string, opts ...nats.Option) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// newJetStream is a server without any stream.
func newJetStream(t testing.TB) jetstream.JetStream {
	srv := start(t, &server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir()})
	return connect(t, "", nats.InProcessServer(srv))
}

// newNight is a server that is set up.
func newNight(t testing.TB) jetstream.JetStream {
	t.Helper()
	js := newJetStream(t)
	setUp(t, js)
	return js
}

func setUp(t testing.TB, js jetstream.JetStream) {
	t.Helper()
	if _, err := (producer.Setup{}).Run(t.Context(), js); err != nil {
		t.Fatal(err)
	}
}

// restartable is a server that is set up, its address, and how to take it away
// and bring it back with what it had stored.
type restartable struct {
	t    testing.TB
	srv  *server.Server
	opts server.Options
	js   jetstream.JetStream
}

func newRestartable(t testing.TB) *restartable {
	r := &restartable{t: t, opts: server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir()}}
	r.up()
	r.opts.Port = r.srv.Addr().(*net.TCPAddr).Port // It comes back where it was.
	r.js = connect(t, r.srv.ClientURL(), nats.MaxReconnects(-1),
		nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // The default one prints.
	setUp(t, r.js)
	return r
}

func (r *restartable) up() {
	opts := r.opts // The server changes its options.
	r.srv = start(r.t, &opts)
}

func (r *restartable) down() { stop(r.srv) }

// tonight is the plan of most tests.
var tonight = producer.Plan{Cycle: "2026-11-22", Lane: event.Nightly, Mode: event.Cached}

// jobs of the plan for some logins.
func jobs(p producer.Plan, loginIDs ...string) iter.Seq2[event.Job, error] {
	return func(yield func(event.Job, error) bool) {
		for _, id := range loginIDs {
			if !yield(p.Job(producer.Entry{LoginID: id}, time.Now()), nil) {
				return
			}
		}
	}
}

// subjects are those that the stream of the jobs holds, with the number of
// messages on each.
func subjects(t testing.TB, js jetstream.JetStream) map[string]uint64 {
	t.Helper()
	s, err := js.Stream(t.Context(), event.StreamJobs)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Subjects
}

// take is a worker that takes the next job of a lane.
func take(t testing.TB, js jetstream.JetStream, lane event.Lane) jetstream.Msg {
	t.Helper()
	cons, err := js.Consumer(t.Context(), event.StreamJobs, lane.Durable())
	if err != nil {
		t.Fatal(err)
	}
	msg, err := cons.Next(jetstream.FetchMaxWait(5 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func ack(t testing.TB, msg jetstream.Msg) {
	t.Helper()
	if err := msg.DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// park does what a worker does with a job that has to wait for an hour.
func park(t testing.TB, js jetstream.JetStream, msg jetstream.Msg) event.Job {
	t.Helper()
	job, err := event.DecodeJob(msg.Subject(), msg.Data())
	if err != nil {
		t.Fatal(err)
	}
	job.Attempt++
	parked := nats.NewMsg(event.RetrySubject(job.LoginID, job.Lane))
	if parked.Data, err = json.Marshal(job); err != nil {
		t.Fatal(err)
	}
	parked.Header.Set(jetstream.ScheduleHeader, "@at "+time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano))
	parked.Header.Set(jetstream.ScheduleTargetHeader, job.Subject())
	if _, err := js.PublishMsg(t.Context(), parked, jetstream.WithMsgID(job.MsgID())); err != nil {
		t.Fatal(err)
	}
	ack(t, msg)
	return job
}
