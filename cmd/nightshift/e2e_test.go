package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// TestKilledReplica runs the whole system as processes: nats-server,
// redis-server, the simulator, two workers; 2,000 logins are published, and one
// worker is killed half way. Every login must end exactly once, as it deserves.
func TestKilledReplica(t *testing.T) {
	t.Parallel()
	const logins = 2000
	s := newSystem(t, logins)
	first, second := s.consume(t), s.consume(t)

	s.nightshift(t, "produce", "--once", "--roster", s.roster, "--cycle", "2026-11-22", "--json")
	s.await(t, func() bool { return s.outcomes(t) >= logins/2 })
	if err := first.Process.Kill(); err != nil { // kill -9
		t.Fatal(err)
	}
	s.await(t, func() bool { return s.jobs(t) == 0 })
	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(); err != nil {
		t.Errorf("a worker that is told to stop ends with %v", err)
	}
	s.verify(t, logins)
}

// system is Nightshift as it runs in production: separate processes on
// loopback.
type system struct {
	dir, bin, roster string
	env              []string
	natsURL, flinks  string
	js               jetstream.JetStream
}

func newSystem(t *testing.T, logins int) *system {
	t.Helper()
	s := &system{dir: t.TempDir()}
	s.bin = s.build(t, "nightshift", "nightshift/cmd/nightshift", raceFlags...)
	s.roster = filepath.Join(s.dir, "logins.csv")
	s.natsURL = s.startNATS(t)
	redis := s.startRedis(t)
	s.flinks = s.startSandbox(t, logins)
	s.env = append(os.Environ(),
		"NIGHTSHIFT_NATS_URL="+s.natsURL,
		"NIGHTSHIFT_REDIS_URL="+redis,
		"NIGHTSHIFT_FLINKS_URL="+s.flinks,
		"NIGHTSHIFT_FLINKS_CUSTOMER_ID="+flinkstest.DefaultCustomerID,
		"NIGHTSHIFT_FLINKS_SECRET_KEY="+flinkstest.DefaultSecretKey,
		"NIGHTSHIFT_FLINKS_API_KEY="+flinkstest.DefaultAPIKey,
		"NIGHTSHIFT_POLL_INTERVAL=100ms",
		"NIGHTSHIFT_RETRY_BASE=500ms",
		"NIGHTSHIFT_RETRY_CAP=1s",
		"NIGHTSHIFT_CONCURRENCY=32",
		"NIGHTSHIFT_ATTRIBUTES=Income",
	)
	nc, err := nats.Connect(s.natsURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if s.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	s.nightshift(t, "setup")
	return s
}

// build builds a program of this module, or one that it requires.
func (s *system) build(t *testing.T, name, pkg string, flags ...string) string {
	t.Helper()
	bin := filepath.Join(s.dir, name)
	args := append(append([]string{"build", "-o", bin}, flags...), pkg)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return bin
}

// start runs a program until the test ends; its output goes to a log that a
// failed test prints.
func (s *system) start(t *testing.T, stdout io.Writer, bin string, args ...string) *exec.Cmd {
	t.Helper()
	var log tail
	cmd := exec.Command(bin, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, stdout, &log
	if stdout == nil {
		cmd.Stdout = &log
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s %s:\n%s", filepath.Base(bin), strings.Join(args, " "), &log)
		}
	})
	return cmd
}

// tail keeps the end of an output.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf.Len() > 1<<16 {
		l.buf.Next(1 << 15)
	}
	return l.buf.Write(p)
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (s *system) startNATS(t *testing.T) string {
	t.Helper()
	bin := s.build(t, "nats-server", "github.com/nats-io/nats-server/v2")
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	s.start(t, nil, bin, "-a", "127.0.0.1", "-p", port, "-js", "-sd", filepath.Join(s.dir, "nats"))
	s.await(t, func() bool {
		nc, err := nats.Connect("nats://" + addr)
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	return "nats://" + addr
}

func (s *system) startRedis(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed; `task redis` installs it")
	}
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	s.start(t, nil, bin, "--bind", "127.0.0.1", "--port", port, "--dir", s.dir, "--appendonly", "yes", "--save", "")
	s.await(t, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return "redis://" + addr
}

// startSandbox serves a population and returns the address it says it has.
func (s *system) startSandbox(t *testing.T, logins int) string {
	t.Helper()
	out, in := io.Pipe()
	t.Cleanup(func() { _ = in.Close() })
	s.start(t, in, s.bin, "sandbox", "--addr", "127.0.0.1:0", "--roster", s.roster,
		"--logins", fmt.Sprint(logins), "--latency", "cached=5ms,live=100ms,detail=20ms")
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	var ready struct{ URL string }
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return ready.URL
}

func (s *system) consume(t *testing.T) *exec.Cmd {
	t.Helper()
	return s.start(t, nil, s.bin, "consume")
}

// nightshift runs a command to its end.
func (s *system) nightshift(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(s.bin, args...)
	cmd.Env = s.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("nightshift %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

// await polls what other processes bring about.
func (s *system) await(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(5 * time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("waited 5 minutes in vain")
		}
	}
}

func (s *system) outcomes(t *testing.T) int { return s.count(t, event.StreamOutcomes) }
func (s *system) jobs(t *testing.T) int     { return s.count(t, event.StreamJobs) }

func (s *system) count(t *testing.T, stream string) int {
	t.Helper()
	info, err := s.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.CachedInfo().State.Msgs)
}

// get reads one of the simulator's own routes.
func (s *system) get(t *testing.T, route string, into any) {
	t.Helper()
	resp, err := http.Get(s.flinks + route)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", route, err)
	}
}

// verify compares what was told with what every login deserves, and what
// Flinks saw with what no client may do.
func (s *system) verify(t *testing.T, logins int) {
	t.Helper()
	told := map[string]event.Outcome{}
	for line := range strings.Lines(s.nightshift(t, "events", "--json")) {
		o, err := event.DecodeOutcome([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := told[o.LoginID]; twice {
			t.Errorf("%s was told twice", o.LoginID)
		}
		told[o.LoginID] = o
	}
	if len(told) != logins {
		t.Errorf("%d logins were told, want %d", len(told), logins)
	}
	for id, deserved := range s.deserved(t) {
		if got := told[id]; string(got.Type) != deserved {
			t.Errorf("%s ended as %s (%s %s), deserved %s", id, got.Type, got.Reason, got.FlinksCode, deserved)
		}
	}
	if n := s.count(t, event.StreamDead); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	var overlaps []any
	if s.get(t, "/_sandbox/overlaps", &overlaps); len(overlaps) > 0 {
		t.Errorf("%d logins had two sessions at once: %v", len(overlaps), overlaps[0])
	}
	var stats struct {
		Logins map[string]flinkstest.LoginStats
	}
	s.get(t, "/_sandbox/stats?full=1", &stats)
	if len(stats.Logins) < logins {
		t.Fatalf("the simulator counts %d logins", len(stats.Logins))
	}
	var repeated event.Calls // calls that no outcome knows of
	for id, n := range stats.Logins {
		repeated.Cached += max(0, n.Cached-told[id].Calls.Cached)
		repeated.Live += max(0, n.Live-told[id].Calls.Live)
		if n.Live > 3 {
			t.Errorf("%s was asked live %d times, the bound is 3", id, n.Live)
		}
	}
	t.Logf("because of the kill %d cached and %d live Authorize were made twice", repeated.Cached, repeated.Live)
}

// deserved reads the roster's last column.
func (s *system) deserved(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(s.roster)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range rows[1:] {
		all[r[0]] = r[2]
	}
	return all
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
