package main

import (
	"fmt"
	"time"

	"nightshift/cmd/internal/rig"
)

// slow is Flinks' latency while memory is measured: no call ends meanwhile.
const slow = 30 * time.Second

// memory measures a process that has all its jobs waiting for Flinks.
func (b *bench) memory() error {
	if err := b.startStub(slow); err != nil {
		return err
	}
	if err := b.enqueue(b.Jobs); err != nil {
		return err
	}
	idle, err := b.resident(1, 2*time.Second)
	if err != nil {
		return err
	}
	busy, err := b.resident(b.Jobs, 2*slow/3)
	if err != nil {
		return err
	}
	b.add(figure{Name: fmt.Sprintf("memory with %d jobs in flight", b.Jobs), Unit: "MiB", Samples: samples{busy / (1 << 20)}, Target: "400"})
	b.add(figure{Name: "memory of a job in flight", Unit: "KiB", Samples: samples{(busy - idle) / 1024 / float64(b.Jobs)}, Target: "20"})
	return nil
}

// resident is the peak of a consumer's memory within a time, bytes.
func (b *bench) resident(concurrency int, within time.Duration) (float64, error) {
	p, err := b.launch("consume", b.environ(), b.bin, "consume", "--concurrency", fmt.Sprint(concurrency), "--accounts", "none")
	if err != nil {
		return 0, err
	}
	defer p.Kill()
	if p.Ended(within) {
		return 0, fmt.Errorf("consume has ended: %w", p.Err)
	}
	return float64(rig.PeakMemory(p.PID())), nil
}
