package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"

	"nightshift/cmd/internal/rig"
)

// background is for what is done whether the drill is stopped or not.
var background = context.Background()

// settings are what a drill is asked for.
type settings struct {
	Seed     uint64
	Logins   int
	Minutes  float64       // at most
	Span     time.Duration // of these, with faults; 0: as many as there is time for
	Replicas int
	Cluster  bool     // three nats-servers, three copies of each stream
	Skew     bool     // with wrong clocks
	Faults   bool     // false: the same without any, to compare
	Build    []string // extra arguments for the compiler
}

// drill is one drill at work.
type drill struct {
	settings
	out io.Writer
	dir string
	bin programs

	proxies  *proxies
	nats     []*server
	redis    *server
	sandbox  *server
	replicas []*replica
	roster   string
	nc       *nats.Conn
	js       jetstream.JetStream
	began    time.Time

	saying sync.Mutex // one line at a time

	mu       sync.Mutex
	producer *rig.Process
	lapses   []span
	crashes  map[string]int // deaths by step
	exits    int
}

// result is what came of a drill.
type result struct {
	settings
	Seconds  float64        `json:"seconds"`
	Jobs     int            `json:"jobs"`
	Outcomes int            `json:"outcomes"`
	Crashes  map[string]int `json:"crashes"`
	PeakMiB  int            `json:"peakMiB"`
	Findings []finding      `json:"findings"`
	Logs     string         `json:"logs,omitempty"` // kept when something is broken
}

// ok reports whether no rule was broken.
func (r *result) ok() bool {
	for _, f := range r.Findings {
		if !f.OK {
			return false
		}
	}
	return true
}

// run carries a drill out from building the programs to the verdict.
func run(ctx context.Context, s settings, out io.Writer) (*result, error) {
	dir, err := os.MkdirTemp("", "nightshift-drill-")
	if err != nil {
		return nil, err
	}
	d := &drill{settings: s, out: out, dir: dir, proxies: newProxies(), crashes: map[string]int{}}
	r, err := d.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w (logs are in %s)", err, dir)
	}
	if !r.ok() {
		r.Logs = dir
		return r, nil
	}
	return r, os.RemoveAll(dir)
}

func (d *drill) run(ctx context.Context) (*result, error) {
	d.began = time.Now()
	d.say("building")
	var err error
	if d.bin, err = build(d.dir, d.Skew && d.Faults, d.Build...); err != nil {
		return nil, err
	}
	defer d.stopAll()
	if err := d.startAll(); err != nil {
		return nil, err
	}
	d.began = time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(d.Minutes*float64(time.Minute)), errors.New("the time is over"))
	defer cancel()
	if err := d.night(ctx); err != nil {
		d.say("stopped: %v", err)
	}
	seconds := time.Since(d.began).Seconds()
	d.say("gathering evidence")
	brief, cancelBrief := context.WithTimeout(background, 2*time.Minute)
	defer cancelBrief()
	e, err := d.gather(brief)
	if err != nil {
		return nil, err
	}
	findings := judge(e)
	if err := d.keepJournal(brief, findings); err != nil {
		return nil, err
	}
	return &result{
		settings: d.settings, Seconds: seconds, Jobs: len(e.deserved), Outcomes: len(e.told),
		Crashes: d.crashes, PeakMiB: int(e.peak >> 20), Findings: findings,
	}, nil
}

// startAll starts the servers, sets the streams up and starts the replicas.
func (d *drill) startAll() error {
	nodes := 1
	if d.Cluster {
		nodes = 3
	}
	if err := errors.Join(d.startNATS(nodes), d.startRedis(), d.startSandbox()); err != nil {
		return err
	}
	if err := d.command("setup"); err != nil {
		return err
	}
	for i := range d.Replicas {
		r, err := d.newReplica(i)
		if err != nil {
			return err
		}
		d.replicas = append(d.replicas, r)
		if err := r.start(d.bin.nightshift, nil); err != nil {
			return err
		}
	}
	return nil
}

// command runs one of Nightshift's commands to its end.
func (d *drill) command(args ...string) error {
	cmd := exec.Command(d.bin.nightshift, args...)
	cmd.Env = append(os.Environ(), d.environ(d.natsURL(), d.redis.addr, d.sandbox.addr)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nightshift %s: %w\n%s", args[0], err, out)
	}
	return nil
}

// night feeds jobs and lets faults befall the system, then leaves it in peace
// until all jobs have ended.
func (d *drill) night(ctx context.Context) error {
	span := d.span()
	work, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	all.Go(func() { d.supervise(work) })
	all.Go(func() { d.tell(work) })
	var befallen sync.WaitGroup
	if d.Faults {
		faults := schedule(d.Seed, span, d.Replicas)
		befallen.Go(func() { d.befall(ctx, faults) })
	}
	err := d.feed(ctx, span)
	befallen.Wait()
	if err != nil {
		return err
	}
	d.say("no more faults; waiting for the rest")
	for {
		left, err := d.count(ctx, event.StreamJobs)
		if err == nil && left == 0 {
			return nil
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
}

// span is how long jobs are fed and faults befall: what follows is time for
// the last leases to end and the last waits to be over.
func (d *drill) span() time.Duration {
	if d.Span > 0 {
		return d.Span
	}
	all := time.Duration(d.Minutes * float64(time.Minute))
	return max(min(all-80*time.Second, all*3/5), all*2/5)
}

// supervise starts replicas again that have ended by themselves, which none
// should.
func (d *drill) supervise(ctx context.Context) {
	ended := make([]*rig.Process, len(d.replicas))
	for sleep(ctx, 2*time.Second) {
		for i, r := range d.replicas {
			p := r.process()
			switch {
			case !p.Ended(0):
				ended[i] = nil
			case ended[i] != p:
				ended[i] = p // a fault may be about to start it again
			default:
				d.mu.Lock()
				d.exits++
				d.mu.Unlock()
				d.say("%s has ended by itself: %v", r.name, p.Err)
				_ = r.start(d.bin.nightshift, nil)
			}
		}
	}
}

// tell says now and then how far the night is.
func (d *drill) tell(ctx context.Context) {
	for sleep(ctx, 15*time.Second) {
		outcomes, err := d.count(ctx, event.StreamOutcomes)
		left, err2 := d.count(ctx, event.StreamJobs)
		if errors.Join(err, err2) == nil {
			d.say("%d outcomes of %d, %d jobs in the stream", outcomes, d.Logins, left)
		}
	}
}

// say writes one line of what goes on.
func (d *drill) say(format string, args ...any) {
	at := time.Since(d.began)
	d.saying.Lock()
	defer d.saying.Unlock()
	fmt.Fprintf(d.out, "%3d:%04.1f  %s\n", int(at.Minutes()), at.Seconds()-60*float64(int(at.Minutes())), fmt.Sprintf(format, args...))
}
