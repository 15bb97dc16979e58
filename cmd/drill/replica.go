package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"nightshift/flinks/flinkstest"

	"nightshift/cmd/internal/rig"
)

// replica is one `nightshift consume`, started again whenever it ends.
type replica struct {
	name string
	env  []string // its addresses: those of its proxies
	log  string
	bin  programs

	mu   sync.Mutex
	now  *rig.Process
	peak int64
}

// newReplica opens its ways to the servers.
func (d *drill) newReplica(i int) (*replica, error) {
	r := &replica{name: fmt.Sprintf("replica-%d", i+1), bin: d.bin}
	r.log = filepath.Join(d.dir, r.name+".log")
	var urls []string
	for _, s := range d.nats {
		near, err := d.proxies.open(i, "nats", s.addr)
		if err != nil {
			return nil, err
		}
		urls = append(urls, "nats://"+near)
	}
	redis, err := d.proxies.open(i, "redis", d.redis.addr)
	if err != nil {
		return nil, err
	}
	flinks, err := d.proxies.open(i, "flinks", d.sandbox.addr)
	if err != nil {
		return nil, err
	}
	r.env = d.environ(strings.Join(urls, ","), redis, flinks)
	return r, nil
}

// environ are the settings of Nightshift's commands, at the drill's pace.
func (d *drill) environ(nats, redis, flinks string) []string {
	replicas := 1
	if len(d.nats) > 1 {
		replicas = 3
	}
	later := time.Now().UTC().Add(6 * time.Hour)
	return []string{
		"NIGHTSHIFT_NATS_URL=" + nats,
		"NIGHTSHIFT_REDIS_URL=redis://" + redis,
		"NIGHTSHIFT_FLINKS_URL=http://" + flinks,
		"NIGHTSHIFT_FLINKS_CUSTOMER_ID=" + flinkstest.DefaultCustomerID,
		"NIGHTSHIFT_FLINKS_SECRET_KEY=" + flinkstest.DefaultSecretKey,
		"NIGHTSHIFT_FLINKS_API_KEY=" + flinkstest.DefaultAPIKey,
		fmt.Sprintf("NIGHTSHIFT_REPLICAS=%d", replicas),
		"NIGHTSHIFT_POLL_INTERVAL=200ms",
		"NIGHTSHIFT_RETRY_BASE=2s",
		"NIGHTSHIFT_RETRY_CAP=20s",
		fmt.Sprintf("NIGHTSHIFT_MAX_LIVE=%d", maxLive),
		"NIGHTSHIFT_WINDOW=" + later.Format("15:04") + "-" + later.Add(time.Hour).Format("15:04"), // no end to it meanwhile
		"NIGHTSHIFT_ATTRIBUTES=Income",
	}
}

// maxLive is how often a bank may be asked for a login.
const maxLive = 3

// start starts the replica if it does not run. env and args are for this time.
func (r *replica) start(bin string, env []string, args ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil && !r.now.Ended(0) {
		return nil
	}
	r.note()
	var err error
	r.now, err = rig.Launch(r.log, append(slices.Clone(r.env), env...), bin, append([]string{"consume"}, args...)...)
	return err
}

// process is the one that runs, or ran last.
func (r *replica) process() *rig.Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// note keeps the peak of the process before the next one.
func (r *replica) note() {
	if r.now != nil {
		r.peak = max(r.peak, r.now.Peak.Load())
	}
}

// halt ends it for good.
func (r *replica) halt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil {
		return
	}
	r.now.Signal(syscall.SIGCONT)
	r.now.Kill()
	r.note()
}
