package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"nightshift/flinks/flinkstest"
)

// lease is how long a login stays taken by a worker that gives no sign of
// life, and how long two workers may hold one after Redis has forgotten it.
const lease = 30 * time.Second

// befall carries the schedule out. It returns when all is mended again, early
// when ctx ends.
func (d *drill) befall(ctx context.Context, faults []fault) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, f := range faults {
		if !sleep(ctx, time.Until(d.began.Add(f.At))) {
			return
		}
		d.say("%s", f)
		all.Go(func() {
			if err := d.fault(ctx, f); err != nil {
				d.say("%s: %v", f, err)
			}
		})
	}
}

// fault makes one fault, waits, and mends it.
func (d *drill) fault(ctx context.Context, f fault) error {
	r := d.replicas[f.Replica]
	switch f.Kind {
	case kill:
		r.process().Kill()
		return r.start(d.bin.nightshift, nil)
	case crash:
		return d.crash(ctx, r, f)
	case stop:
		return d.terminate(r, "30s")
	case hurry:
		return d.terminate(r, "50ms")
	case skew:
		return d.skew(r, f)
	case feedKill:
		d.killFeed()
		return nil
	case redisFlush:
		d.forgot(time.Now(), time.Now())
		return d.flush()
	case redisEmpty, redisKill, natsKill:
		return d.restart(ctx, f)
	}
	mend, err := d.begin(f, r)
	if err == nil {
		sleep(ctx, f.For)
		mend()
	}
	return err
}

// begin begins a fault that lasts.
func (d *drill) begin(f fault, r *replica) (mend func(), err error) {
	switch f.Kind {
	case freeze:
		p := r.process()
		p.Signal(syscall.SIGSTOP)
		return func() { p.Signal(syscall.SIGCONT) }, nil
	case cutOff:
		return silent(d.proxies.of(f.Replica)), nil
	case natsGone:
		return gone(d.proxies.to("nats")), nil
	case natsMute:
		return silent(d.proxies.to("nats")), nil
	case redisMute:
		return silent(d.proxies.to("redis")), nil
	case redisSlow:
		return slow(d.proxies.to("redis")), nil
	case redisGone:
		return gone(d.proxies.to("redis")), nil
	case flinksGone:
		return gone(d.proxies.to("flinks")), nil
	case flinksSick:
		return d.sick(flinkstest.Faults{DropConnection: 0.05, HTML: 0.03, ServerError: 0.03, Throttle: 0.03})
	case flinksHang:
		mend, err := d.sick(flinkstest.Faults{Hang: 0.01})
		return func() {
			mend()
			gone(d.proxies.to("flinks"))() // who waits for an answer gets none
		}, err
	case refused:
		err := d.post("secret", map[string]bool{"refused": true})
		return func() { d.insist("secret", map[string]bool{"refused": false}) }, err
	}
	return nil, fmt.Errorf("no such fault")
}

// sick lets calls to Flinks go wrong by chance.
func (d *drill) sick(f flinkstest.Faults) (mend func(), err error) {
	err = d.post("faults", f)
	return func() { d.insist("faults", flinkstest.Faults{}) }, err
}

// crash starts the replica anew so that it dies at a step, waits until it has,
// and starts it once more.
func (d *drill) crash(ctx context.Context, r *replica, f fault) error {
	r.process().Kill()
	if err := r.start(d.bin.nightshift, []string{fmt.Sprintf("DRILL_CRASH=%s:%d", f.Step, f.Count)}); err != nil {
		return err
	}
	limit := time.NewTimer(f.For)
	defer limit.Stop()
	select {
	case <-r.process().Done:
		d.mu.Lock()
		d.crashes[f.Step]++
		d.mu.Unlock()
	case <-limit.C: // it did not come by so often
		r.process().Kill()
	case <-ctx.Done():
	}
	return r.start(d.bin.nightshift, nil)
}

// terminate stops the replica, which was given a time for it, and starts it
// again.
func (d *drill) terminate(r *replica, grace string) error {
	r.process().Kill()
	if err := r.start(d.bin.nightshift, nil, "--grace", grace); err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // so that it has jobs in hand; nothing depends on it
	p := r.process()
	p.Signal(syscall.SIGTERM)
	if !p.Ended(time.Minute) {
		p.Kill()
		return fmt.Errorf("it did not stop within a minute")
	}
	return r.start(d.bin.nightshift, nil)
}

// skew gives the replica a wrong clock, until it is started again.
func (d *drill) skew(r *replica, f fault) error {
	bin := d.bin.ahead
	if f.Late {
		bin = d.bin.behind
	}
	if bin == "" {
		return nil
	}
	r.process().Kill()
	return r.start(bin, nil)
}

// restart kills a server and starts it again after a while.
func (d *drill) restart(ctx context.Context, f fault) error {
	s := d.redis
	if f.Kind == natsKill {
		s = d.nats[f.Replica%len(d.nats)]
	}
	down := time.Now()
	s.strike()
	if f.Kind == redisEmpty {
		if err := os.RemoveAll(filepath.Join(s.dir, "appendonlydir")); err != nil {
			return err
		}
	}
	sleep(ctx, f.For)
	err := s.start()
	if f.Kind == redisEmpty {
		d.forgot(down, time.Now())
	}
	return err
}

// forgot notes that Redis lost its memory: exclusion may lapse until the
// leases of that time would have ended.
func (d *drill) forgot(from, to time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lapses = append(d.lapses, span{from, to.Add(lease)})
}

// open reads one of the simulator's own routes.
func (d *drill) open(ctx context.Context, route string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.sandbox.addr+"/_sandbox/"+route, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// get reads a route's JSON.
func (d *drill) get(ctx context.Context, route string, into any) error {
	body, err := d.open(ctx, route)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(into)
}

// post sets the simulator.
func (d *drill) post(route string, what any) error {
	data, err := json.Marshal(what)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(background, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.sandbox.addr+"/_sandbox/"+route, bytes.NewReader(data))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("sandbox: %s: %s", route, resp.Status)
	}
	return nil
}

// insist sets the simulator back; a fault that stayed would spoil the verdict.
func (d *drill) insist(route string, what any) {
	if err := d.await("sandbox", func(context.Context) error { return d.post(route, what) }); err != nil {
		d.say("%s stays as it is: %v", route, err)
	}
}

// sleep waits for d; it reports whether d passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
