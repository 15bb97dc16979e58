package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"nightshift/cmd/internal/rig"
	"nightshift/producer/event"
)

// faster is by how much the latencies, the waits and the window of a night are
// divided, so that a part of it can be measured.
const faster = 10

// A night as it is planned for: so many logins between 04:00 and 08:00.
const (
	planned = 1_000_000
	hours   = 4 * time.Hour
)

// scaled measures a part of a night against simulated banks: every login needs
// a live call of 20 s (by median, lognormal), a quarter has its data pending, a
// tenth is parked after RETRY_LATER, and the limits are on. What counts is the rate in the middle, between the
// first calls to come back and the last.
func (b *bench) scaled() error {
	const n = 100_000
	roster, err := b.startSandbox(n)
	if err != nil {
		return err
	}
	if err := b.command("produce", "--once", "--roster", roster, "--cycle", cycle(0)); err != nil {
		return err
	}
	p, err := b.launch("consume", b.environ(), b.bin, "consume", "--accounts", "none", "--concurrency", "5000",
		"--poll-interval", (3 * time.Second / faster).String(), "--retry-base", (5 * time.Minute / faster).String(),
		"--retry-cap", (time.Hour / faster).String(), "--rate", "10000", "--institution-sessions", "2500")
	if err != nil {
		return err
	}
	defer p.Kill()
	began := time.Now()
	reached := func(share int) (time.Duration, error) {
		err := await(10*time.Minute, func() bool {
			now, err := b.count(event.StreamOutcomes)
			return err == nil && now >= uint64(n/100*share)
		})
		return time.Since(began), err
	}
	from, err := reached(10)
	if err != nil {
		return err
	}
	to, err := reached(80)
	if err != nil {
		return err
	}
	all, err := reached(100)
	if err != nil {
		return err
	}
	cpu := float64(rig.CPUTime(p.PID()).Microseconds()) / n
	peak := float64(rig.PeakMemory(p.PID())) / (1 << 20)
	p.Signal(syscall.SIGTERM)
	<-p.Done
	needed := planned / (hours / faster).Seconds()
	b.add(figure{
		Name: fmt.Sprintf("a night, %d times as fast", faster), Unit: "jobs/s",
		Samples: samples{0.7 * n / (to - from).Seconds()}, Target: number(needed) + " jobs/s",
	})
	b.add(figure{Name: "the same, from first to last of 100,000", Unit: "s", Samples: samples{all.Seconds()}})
	b.add(figure{Name: "the same, processor time of consume", Unit: "µs/job", Samples: samples{cpu}})
	b.add(figure{Name: "the same, memory of consume", Unit: "MiB", Samples: samples{peak}})
	return nil
}

// startSandbox serves simulated banks, which later processes call, and returns
// the roster of their logins.
func (b *bench) startSandbox(n int) (roster string, err error) {
	if b.flinks, err = rig.FreeAddr(); err != nil {
		return "", err
	}
	roster = filepath.Join(b.dir, "sandbox.csv")
	_, err = b.launch("sandbox", nil, b.bin, "sandbox", "--addr", b.flinks, "--logins", fmt.Sprint(n), "--roster", roster,
		"--mix", "stale=65,pending=25,later=10", "--latency", fmt.Sprintf("cached=%v,live=%v,detail=%v", 200*time.Millisecond/faster, 20*time.Second/faster, time.Second/faster),
		"--flinks-customer-id", customer, "--flinks-secret-key", "secret", "--flinks-api-key", "key")
	if err != nil {
		return "", err
	}
	return roster, await(time.Minute, func() bool {
		if _, err := os.Stat(roster); err != nil {
			return false
		}
		resp, err := http.Get("http://" + b.flinks + "/_sandbox/stats")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
}

// fromFile measures the publication of a whole night from a file.
func (b *bench) fromFile() error {
	file, err := b.roster(planned)
	if err != nil {
		return err
	}
	return b.published("producer, from a roster of a million in a file", "produce", "--once", "--roster", file, "--cycle", cycle(1))
}

// fromRoster measures the publication of a whole night from the roster in Redis.
func (b *bench) fromRoster() error {
	if _, err := b.startSandbox(300); err != nil {
		return err
	}
	file, err := b.roster(planned)
	if err != nil {
		return err
	}
	if err := b.command("logins", "import", file); err != nil {
		return err
	}
	if err := b.settled(); err != nil {
		return err
	}
	return b.published("producer, from a roster of a million in Redis", "produce", "--once", "--cycle", cycle(1))
}

// published measures a producer that publishes a night.
func (b *bench) published(name string, args ...string) error {
	p, err := b.launch("produce", b.environ(), b.bin, args...)
	if err != nil {
		return err
	}
	began := time.Now()
	if <-p.Done; p.Err != nil {
		return fmt.Errorf("produce: %w", p.Err)
	}
	took := time.Since(began)
	jobs, err := b.count(event.StreamJobs)
	if err != nil {
		return err
	}
	b.add(figure{Name: name, Unit: "jobs/s", Samples: samples{float64(jobs) / took.Seconds()}, Target: "80,000 jobs/s"})
	b.add(figure{Name: "the same, memory of the producer", Unit: "MiB", Samples: samples{float64(p.Peak.Load()) / (1 << 20)}, Target: "flat"})
	return nil
}

// settled waits until Redis no longer writes its file anew, as it does behind
// an import: that takes a core of its own.
func (b *bench) settled() error {
	return await(2*time.Minute, func() bool {
		info, err := b.rdb.Info(context.Background(), "persistence").Result()
		return err == nil && strings.Contains(info, "aof_rewrite_in_progress:0") && strings.Contains(info, "aof_rewrite_scheduled:0")
	})
}
