package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/cmd/nightshift/internal/local"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// The credentials of every simulator of these tests: no output of any command
// may hold them.
const (
	testSecret = "hush-the-secret-key"
	testAPIKey = "hush-the-api-key"
)

// result is all that came of one command line.
type result struct {
	Code           int
	Stdout, Stderr string
}

// run carries out one command line to its end.
func run(t *testing.T, environ []string, args ...string) result {
	t.Helper()
	return start(t, environ, "", args...).result()
}

// command is a command line at work.
type command struct {
	t              *testing.T
	args           []string
	stdout, stderr console
	cancel         context.CancelFunc
	done           chan struct{}
	code           int
}

// start begins a command line; it is stopped with the test at the latest.
func start(t *testing.T, environ []string, stdin string, args ...string) *command {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &command{t: t, args: args, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.code = Run(ctx, args, strings.NewReader(stdin), &c.stdout, &c.stderr, environ)
	}()
	t.Cleanup(func() { c.stop() })
	return c
}

// stop ends the command as SIGTERM does.
func (c *command) stop() result {
	c.t.Helper()
	c.cancel()
	return c.result()
}

// result waits for the command's end.
func (c *command) result() result {
	c.t.Helper()
	<-c.done
	r := result{c.code, c.stdout.String(), c.stderr.String()}
	for _, secret := range []string{testSecret, testAPIKey} {
		if strings.Contains(r.Stdout+r.Stderr, secret) {
			c.t.Errorf("nightshift %s shows a secret:\n%s%s", strings.Join(c.args, " "), r.Stdout, r.Stderr)
		}
	}
	return r
}

// until waits until the console shows what ok is looking for.
func (c *command) until(on *console, ok func(text string) bool) {
	c.t.Helper()
	limit := time.After(time.Minute)
	for {
		text, more := on.look()
		if ok(text) {
			return
		}
		select {
		case <-more:
		case <-c.done:
			if text, _ := on.look(); !ok(text) {
				c.t.Fatalf("nightshift %s ended too soon with %d:\n%s%s", strings.Join(c.args, " "), c.code, &c.stdout, &c.stderr)
			}
			return
		case <-limit:
			c.t.Fatalf("nightshift %s: waited in vain:\n%s%s", strings.Join(c.args, " "), &c.stdout, &c.stderr)
		}
	}
}

// logs waits until standard error shows all the texts.
func (c *command) logs(texts ...string) {
	c.t.Helper()
	for _, want := range texts {
		c.until(&c.stderr, func(text string) bool { return strings.Contains(text, want) })
	}
}

// console is an output that can be waited on.
type console struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{} // closed with the next write
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.more != nil {
		close(c.more)
		c.more = nil
	}
	return c.buf.Write(p)
}

func (c *console) look() (text string, more <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.more == nil {
		c.more = make(chan struct{})
	}
	return c.buf.String(), c.more
}

func (c *console) String() string {
	text, _ := c.look()
	return text
}

// bank is a simulator that is served, with a population.
type bank struct {
	sim    *flinkstest.Server
	logins []flinkstest.Login
	url    string
}

// newBank serves a population on loopback.
func newBank(t *testing.T, p population) *bank {
	t.Helper()
	sim, logins := p.simulator(flinkstest.Options{SecretKey: testSecret, APIKey: testAPIKey})
	srv, url, err := serveSimulator("127.0.0.1:0", sim)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return &bank{sim, logins, url}
}

// environ is the environment of a command that works with the bank, at a pace
// that suits tests.
func (b *bank) environ(more ...string) []string {
	return append([]string{
		"NIGHTSHIFT_FLINKS_URL=" + b.url,
		"NIGHTSHIFT_FLINKS_CUSTOMER_ID=" + flinkstest.DefaultCustomerID,
		"NIGHTSHIFT_FLINKS_SECRET_KEY=" + testSecret,
		"NIGHTSHIFT_FLINKS_API_KEY=" + testAPIKey,
		"NIGHTSHIFT_POLL_INTERVAL=20ms",
		"NIGHTSHIFT_RETRY_BASE=50ms",
		"NIGHTSHIFT_RETRY_CAP=100ms",
		"NIGHTSHIFT_GRACE=1s",
		"NIGHTSHIFT_WINDOW=" + laterWindow(),
	}, more...)
}

// laterWindow is a window that will not end while the tests run.
func laterWindow() string {
	begin := now().Add(6 * time.Hour)
	return begin.Format("15:04") + "-" + begin.Add(time.Hour).Format("15:04")
}

// roster writes the bank's logins to a file.
func (b *bank) roster(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "logins.csv")
	if err := writeRoster(file, b.logins); err != nil {
		t.Fatal(err)
	}
	return file
}

// deserved is how each login must end.
func (b *bank) deserved() map[string]string {
	all := map[string]string{}
	for _, l := range b.logins {
		all[l.ID] = l.Ending()
	}
	return all
}

// natsServer starts a server that takes connections on a port.
func natsServer(t *testing.T, addr string) *local.NATS {
	t.Helper()
	s, err := local.StartNATS(t.Context(), t.TempDir(), local.NATSOptions{Listen: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// servers are NATS and a server of the Redis protocol, as variables.
func servers(t *testing.T) (environ []string, js jetstream.JetStream) {
	t.Helper()
	s := natsServer(t, "127.0.0.1:0")
	redis := miniredis.RunT(t)
	redis.ClockTTL(true)
	return []string{"NIGHTSHIFT_NATS_URL=" + s.URL(), "NIGHTSHIFT_REDIS_URL=redis://" + redis.Addr()}, dialJetStream(t, s.URL())
}

func dialJetStream(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url)
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

// told is how each login ended, by the events command with the given flags.
// No login may be told twice.
func told(t *testing.T, environ []string, flags ...string) map[string]string {
	t.Helper()
	r := run(t, environ, append([]string{"events", "--json"}, flags...)...)
	if r.Code != exitOK {
		t.Fatalf("events: %d: %s", r.Code, r.Stderr)
	}
	all := map[string]string{}
	for line := range strings.Lines(r.Stdout) {
		o, err := event.DecodeOutcome([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := all[o.LoginID]; twice {
			t.Errorf("%s is told twice", o.LoginID)
		}
		all[o.LoginID] = string(o.Type)
	}
	return all
}

// summary is the JSON that demo and run print.
type summary struct {
	Logins     int                       `json:"logins"`
	Outcomes   map[string]int            `json:"outcomes"`
	Reasons    map[string]map[string]int `json:"reasons"`
	Duplicates int                       `json:"duplicates"`
	Lost       int                       `json:"lost"`
	Seconds    float64                   `json:"seconds"`
	Data       string                    `json:"data"`
}

// only decodes a text that must be one JSON object, on one line, of exactly
// these fields.
func only[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if _, err := dec.Token(); err != io.EOF || strings.Count(text, "\n") != 1 {
		t.Fatalf("more than one object: %s", text)
	}
	return v
}

// equal compares whole results.
func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// count counts the words.
func count(endings map[string]string) map[string]int {
	n := map[string]int{"refreshed": 0, "mfa_required": 0, "reconnect_required": 0, "failed": 0}
	for _, e := range endings {
		n[e]++
	}
	return n
}

// endingOf counts the endings that a population deserves.
func endingOf(logins []flinkstest.Login) map[string]int {
	return count((&bank{logins: logins}).deserved())
}

// missing tells that nothing lies under the path.
func missing(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("%s is there (%v)", path, err)
	}
}

// csvOf is a roster of the logins, with the lines that are given after them.
func csvOf(logins []flinkstest.Login, lines ...string) string {
	var b strings.Builder
	b.WriteString("loginId\n")
	for _, l := range logins {
		fmt.Fprintln(&b, l.ID)
	}
	for _, l := range lines {
		fmt.Fprintln(&b, l)
	}
	return b.String()
}

// await polls what comes about beside the test.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("waited a minute in vain")
		}
	}
}
