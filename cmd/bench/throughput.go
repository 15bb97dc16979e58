package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// throughput measures one consumer against the bare calls.
func (b *bench) throughput() error {
	n := fmt.Sprint(b.Jobs)
	var decoding, plain, without, kept, cpu samples
	concurrency := fmt.Sprint(workers)
	for i := range b.Repeat + 1 {
		fast, err := b.bareProcess(n, false)
		if err != nil {
			return err
		}
		slow, err := b.bareProcess(n, true)
		if err != nil {
			return err
		}
		none, err := b.nightOf(b.Jobs, "--concurrency", concurrency, "--accounts", "none")
		if err != nil {
			return err
		}
		all, err := b.nightOf(b.Jobs, "--concurrency", concurrency, "--accounts", "keep")
		if err != nil {
			return err
		}
		if i == 0 { // the first night makes the logins known, and is another one than all that follow
			if err := b.longRemembered(); err != nil {
				return err
			}
			continue
		}
		decoding, plain = append(decoding, slow), append(plain, fast)
		without, kept, cpu = append(without, none.rate), append(kept, all.rate), append(cpu, none.cpu)
	}
	b.add(figure{Name: "bare calls, decoded", Unit: "jobs/s", Samples: decoding})
	b.add(figure{Name: "bare calls, not decoded", Unit: "jobs/s", Samples: plain})
	b.add(figure{Name: "consume, accounts none", Unit: "jobs/s", Samples: without, Reference: "bare calls, decoded", Target: "1.0"})
	b.add(figure{Name: "consume, accounts none ", Unit: "jobs/s", Samples: without, Reference: "bare calls, not decoded", Target: "0.55"})
	b.add(figure{Name: "consume, accounts kept", Unit: "jobs/s", Samples: kept, Reference: "bare calls, decoded", Target: "0.75"})
	b.add(figure{Name: "consume, processor time", Unit: "µs/job", Samples: cpu})
	return nil
}

// nightOf publishes a night and lets it be worked off.
func (b *bench) nightOf(n int, args ...string) (worked, error) {
	if err := b.enqueue(n); err != nil {
		return worked{}, err
	}
	return b.work(n, args...)
}

// longRemembered makes Redis one that has been at work for more than three
// days, as it is on all nights but the first: on these, outcomes are looked up
// in their stream as well.
func (b *bench) longRemembered() error {
	return b.rdb.Set(context.Background(), "nightshift:epoch", time.Now().Add(-100*time.Hour).UnixMilli(), 0).Err()
}

// bareProcess makes the bare calls from a process of their own.
func (b *bench) bareProcess(n string, decode bool) (rate float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	out, err := exec.Command(self, "bare", "http://"+b.flinks, n, fmt.Sprint(decode)).Output()
	if err != nil {
		return 0, fmt.Errorf("bare calls: %w", err)
	}
	_, err = fmt.Sscan(string(out), &rate)
	return rate, err
}
