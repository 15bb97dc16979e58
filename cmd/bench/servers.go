package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"nightshift/cmd/internal/rig"
	"nightshift/producer/event"
)

// customer is in the path of every call.
const customer = "43387ca6-0391-4c82-857d-70d95f087ecb"

// bench is a run of the program: its figures, and while a part is measured,
// its servers.
type bench struct {
	settings `json:"settings"`

	Machine string   `json:"machine"`
	Date    string   `json:"date"`
	Figures []figure `json:"figures"`
	Growth  []night  `json:"growth,omitempty"`

	dir, bin     string
	flinks       string // address of the stub
	processes    []*rig.Process
	nats, redis  *rig.Process
	natsAddr     string
	redisAddr    string
	nc           *nats.Conn
	js           jetstream.JetStream
	rdb          *redis.Client
	publications int
}

// with runs a part on servers of its own.
func (b *bench) with(part func(*bench) error) (err error) {
	if b.dir, err = os.MkdirTemp("", "nightshift-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	defer b.stop()
	if err := b.start(); err != nil {
		return err
	}
	return part(b)
}

// start builds the programs and starts the servers.
func (b *bench) start() error {
	b.bin = filepath.Join(b.dir, "nightshift")
	server := filepath.Join(b.dir, "nats-server")
	if err := errors.Join(rig.Compile(b.bin, rig.Nightshift), rig.Compile(server, rig.NATSServer)); err != nil {
		return err
	}
	redisServer, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server is not installed; `task redis` installs it")
	}
	if b.natsAddr, err = rig.FreeAddr(); err != nil {
		return err
	}
	if b.redisAddr, err = rig.FreeAddr(); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(b.natsAddr)
	if b.nats, err = b.launch("nats", nil, server, "-a", host, "-p", port, "-js", "-sd", filepath.Join(b.dir, "jetstream")); err != nil {
		return err
	}
	_, port, _ = net.SplitHostPort(b.redisAddr)
	if b.redis, err = b.launch("redis", nil, redisServer, "--bind", "127.0.0.1", "--port", port, "--dir", b.dir, "--appendonly", "yes", "--save", ""); err != nil {
		return err
	}
	b.nc, err = nats.Connect("nats://"+b.natsAddr, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return err
	}
	if b.js, err = jetstream.New(b.nc); err != nil {
		return err
	}
	b.rdb = redis.NewClient(&redis.Options{Addr: b.redisAddr})
	if err := await(time.Minute, func() bool { return b.nc.IsConnected() && b.rdb.Ping(context.Background()).Err() == nil }); err != nil {
		return err
	}
	if err := b.startStub(0); err != nil {
		return err
	}
	return b.command("setup")
}

// startStub starts another Flinks, which later processes call.
func (b *bench) startStub(latency time.Duration) (err error) {
	if b.flinks, err = rig.FreeAddr(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if _, err = b.launch("stub", nil, self, "serve-stub", b.flinks, latency.String()); err != nil {
		return err
	}
	return await(time.Minute, func() bool {
		c, err := net.Dial("tcp", b.flinks)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (b *bench) launch(name string, env []string, bin string, args ...string) (*rig.Process, error) {
	p, err := rig.Launch(filepath.Join(b.dir, name+".log"), env, bin, args...)
	if err == nil {
		b.processes = append(b.processes, p)
	}
	return p, err
}

// stop ends all that a part has started.
func (b *bench) stop() {
	if b.nc != nil {
		b.nc.Close()
		b.rdb.Close()
	}
	for _, p := range b.processes {
		p.Kill()
	}
	b.processes, b.nc, b.rdb = nil, nil, nil
}

// environ are the settings of Nightshift's commands.
func (b *bench) environ() []string {
	return []string{
		"NIGHTSHIFT_NATS_URL=nats://" + b.natsAddr,
		"NIGHTSHIFT_REDIS_URL=redis://" + b.redisAddr,
		"NIGHTSHIFT_FLINKS_URL=http://" + b.flinks,
		"NIGHTSHIFT_FLINKS_CUSTOMER_ID=" + customer,
		"NIGHTSHIFT_FLINKS_SECRET_KEY=secret",
		"NIGHTSHIFT_FLINKS_API_KEY=key",
		"NIGHTSHIFT_WINDOW=00:00-23:59", // no night ends meanwhile
	}
}

// command runs one of Nightshift's commands to its end.
func (b *bench) command(args ...string) error {
	p, err := b.launch("command", b.environ(), b.bin, args...)
	if err != nil {
		return err
	}
	if <-p.Done; p.Err != nil {
		text, _ := os.ReadFile(filepath.Join(b.dir, "command.log"))
		return fmt.Errorf("nightshift %s: %w\n%s", args[0], p.Err, text)
	}
	return nil
}

// roster writes a roster of n logins.
func (b *bench) roster(n int) (file string, err error) {
	var text strings.Builder
	text.WriteString("loginId\n")
	for i := range n {
		fmt.Fprintf(&text, "5e115eac-1209-4f19-641c-%012d\n", i)
	}
	file = filepath.Join(b.dir, fmt.Sprintf("logins-%d.csv", n))
	return file, os.WriteFile(file, []byte(text.String()), 0o600)
}

// enqueue publishes a night of n jobs.
func (b *bench) enqueue(n int) error {
	file, err := b.roster(n)
	if err != nil {
		return err
	}
	b.publications++
	return b.command("produce", "--once", "--roster", file, "--cycle", cycle(b.publications))
}

// cycle is the name of the n-th night.
func cycle(n int) string {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n).Format(time.DateOnly)
}

// work lets one consumer process work all jobs off, and measures it from its
// first outcome on.
func (b *bench) work(n int, args ...string) (w worked, err error) {
	before, err := b.count(event.StreamOutcomes)
	if err != nil {
		return w, err
	}
	metrics, err := rig.FreeAddr()
	if err != nil {
		return w, err
	}
	p, err := b.launch("consume", b.environ(), b.bin, append([]string{"consume", "--metrics-addr", metrics}, args...)...)
	if err != nil {
		return w, err
	}
	defer p.Kill()
	var first time.Time
	var early uint64
	err = await(30*time.Minute, func() bool {
		now, err := b.count(event.StreamOutcomes)
		if err != nil || now == before {
			return false
		}
		if first.IsZero() {
			first, early = time.Now(), now
		}
		return now >= before+uint64(n)
	})
	if err != nil {
		return w, err
	}
	w.rate = float64(before+uint64(n)-early) / time.Since(first).Seconds()
	w.cpu = float64(rig.CPUTime(p.PID()).Microseconds()) / float64(n)
	w.peak = rig.PeakMemory(p.PID())
	made, err := metric("http://"+metrics+"/metrics", "go_memstats_mallocs_total")
	if err != nil {
		return w, err
	}
	w.allocs = made / float64(n)
	p.Signal(syscall.SIGTERM)
	<-p.Done
	if now, err := b.count(event.StreamOutcomes); err != nil || now != before+uint64(n) {
		return w, errors.Join(fmt.Errorf("there are %d outcomes, want %d", now-before, n), err)
	}
	return w, nil
}

// worked is what a consumer process has done.
type worked struct {
	rate   float64 // jobs per second
	cpu    float64 // microseconds per job
	allocs float64 // per job, those of the process's start among them
	peak   int64   // memory, bytes
}

// metric reads one of a process's metrics.
func metric(url, name string) (float64, error) {
	resp, err := http.Get(url) //nolint:noctx // on loopback, to our own process
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", url, name)
}

// count is the number of messages in a stream.
func (b *bench) count(stream string) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.Msgs, nil
}

// await asks until the answer is yes.
func await(atMost time.Duration, ask func() bool) error {
	for limit := time.Now().Add(atMost); !ask(); {
		if time.Now().After(limit) {
			return fmt.Errorf("it has not come to pass in %v", atMost)
		}
		time.Sleep(20 * time.Millisecond) // the pace of the questions, nothing depends on it
	}
	return nil
}
