package doctor

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"nightshift/cmd/internal/rig"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

// TestMain: nothing of this package may leave a goroutine behind.
func TestMain(m *testing.M) {
	state.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// equal compares whole checks, but for what only this package can call.
func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Check{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// startNATS runs a server in this process until the test ends.
func startNATS(t *testing.T, o *server.Options) *server.Server {
	t.Helper()
	o.Host, o.Port, o.NoLog, o.NoSigs = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("nats-server is not ready")
	}
	return s
}

// configured is a server with the given configuration file.
func configured(t *testing.T, config string) *server.Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	o.StoreDir = t.TempDir()
	return startNATS(t, o)
}

// connect makes the patient's way to a server.
func (p *Patient) connect(t *testing.T, url string) {
	t.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	p.NATS.Where, p.Conn = "nats://there", nc
	if p.JS, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
}

func setUp(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	if _, err := (producer.Setup{}).Run(t.Context(), js); err != nil {
		t.Fatal(err)
	}
}

// onlyNATS is a patient without Redis and Flinks, whose streams are set up.
func onlyNATS(t *testing.T) *Patient {
	t.Helper()
	p := &Patient{}
	p.connect(t, startNATS(t, &server.Options{JetStream: true, StoreDir: t.TempDir()}).ClientURL())
	setUp(t, p.JS)
	return p
}

// redisServer starts the real thing, and the store and a client for it.
func redisServer(t *testing.T, args ...string) (string, *redis.Client) {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed; `task redis` installs it")
	}
	addr, err := rig.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(bin, append([]string{
		"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir", t.TempDir(),
	}, args...)...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	rdb := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	until(t, func() bool { return rdb.Ping(t.Context()).Err() == nil })
	return addr, rdb
}

func (p *Patient) open(t *testing.T, addr string) {
	t.Helper()
	s, err := state.Open("redis://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p.Redis.Where, p.State = "redis://there", s
}

// onlyRedis is a patient without NATS and Flinks.
func onlyRedis(t *testing.T) (*Patient, *redis.Client) {
	t.Helper()
	p := &Patient{NATS: Server{Err: nats.ErrNoServers}}
	addr, rdb := redisServer(t)
	p.open(t, addr)
	return p, rdb
}

// until polls a condition that another process makes true.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited 30 s in vain")
		}
	}
}

// client is a way into a simulated Flinks.
func client(t *testing.T, secret string) *flinks.Client {
	t.Helper()
	sim := httptest.NewServer(flinkstest.New(flinkstest.Options{SecretKey: "right"}))
	t.Cleanup(sim.Close)
	c := &flinks.Client{
		BaseURL: sim.URL, CustomerID: flinkstest.DefaultCustomerID, SecretKey: flinks.Secret(secret),
		HTTP: flinks.NewHTTPClient(1),
	}
	t.Cleanup(c.HTTP.CloseIdleConnections)
	return c
}

// examine is all checks by their names.
func examine(t *testing.T, p *Patient) map[string]Check {
	t.Helper()
	all := map[string]Check{}
	var told []Check
	for _, c := range Examine(t.Context(), p, func(c Check) { told = append(told, c) }) {
		if _, twice := all[c.Name]; twice {
			t.Errorf("%s is checked twice", c.Name)
		}
		all[c.Name] = c
	}
	if len(told) != len(all) {
		t.Errorf("%d checks are told, %d are returned", len(told), len(all))
	}
	return all
}

// publish queues jobs of one night.
func publish(t *testing.T, js jetstream.JetStream, logins ...string) {
	t.Helper()
	plan := producer.Plan{Cycle: "2026-11-22", Lane: event.Nightly, Mode: event.Cached}
	for _, id := range logins {
		msg, err := producer.JobMsg(plan.Job(producer.Entry{LoginID: id}, time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
}

// take is a worker that takes the next job of the night.
func take(t *testing.T, js jetstream.JetStream) jetstream.Msg {
	t.Helper()
	cons, err := js.Consumer(t.Context(), event.StreamJobs, event.Nightly.Durable())
	if err != nil {
		t.Fatal(err)
	}
	msg, err := cons.Next(jetstream.FetchMaxWait(5 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// park puts a job down for an hour.
func park(t *testing.T, js jetstream.JetStream, login string) {
	t.Helper()
	msg := nats.NewMsg(event.RetrySubject(login, event.Nightly))
	msg.Header.Set(jetstream.ScheduleHeader, "@at "+time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano))
	msg.Header.Set(jetstream.ScheduleTargetHeader, event.ReadySubject(login, event.Nightly))
	if _, err := js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
}

// orphan makes the job of login a an orphan: a consumer that saw nothing but
// login b finished a later job, and then took on the whole lane.
func orphan(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	publish(t, js, "a", "b")
	cons, err := js.Consumer(t.Context(), event.StreamJobs, event.Nightly.Durable())
	if err != nil {
		t.Fatal(err)
	}
	cfg := cons.CachedInfo().Config
	cfg.FilterSubject = event.ReadySubject("b", event.Nightly)
	if _, err := js.UpdateConsumer(t.Context(), event.StreamJobs, cfg); err != nil {
		t.Fatal(err)
	}
	if err := take(t, js).DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg.FilterSubject = event.Nightly.Filter()
	if _, err := js.UpdateConsumer(t.Context(), event.StreamJobs, cfg); err != nil {
		t.Fatal(err)
	}
}

// dump is all that the streams and consumers hold, without what changes by
// itself.
func dump(t *testing.T, js jetstream.JetStream) map[string]any {
	t.Helper()
	all := map[string]any{}
	streams := js.ListStreams(t.Context())
	for info := range streams.Info() {
		all[info.Config.Name] = []any{info.Config, info.State.Msgs, info.State.LastSeq}
	}
	if err := streams.Err(); err != nil {
		t.Fatal(err)
	}
	for _, lane := range event.Lanes {
		if cons, err := js.Consumer(t.Context(), event.StreamJobs, lane.Durable()); err == nil {
			i := cons.CachedInfo()
			all[lane.Durable()] = []any{i.Config, i.NumPending, i.NumAckPending, i.Delivered.Stream}
		}
	}
	return all
}
