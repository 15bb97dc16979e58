package consumer_test

import (
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/producer/event"
)

// decided is the decision that the benchmark and the test below make: a cached
// call has brought fresh data.
func decided() (consumer.Policy, consumer.Work, consumer.Reply, time.Time) {
	now := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	w := consumer.Work{Job: event.Job{LoginID: "a", Cycle: "2026-11-22", Phase: event.PhaseCached, Published: now}}
	return consumer.DefaultPolicy(), w, consumer.Reply{Status: consumer.OK, RequestID: "r", LastRefresh: now}, now
}

// TestDecidingAllocatesNothing holds what does not depend on the machine.
func TestDecidingAllocatesNothing(t *testing.T) {
	p, w, r, now := decided()
	if n := testing.AllocsPerRun(100, func() { p.Step(w, r, now) }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	p, w, r, now := decided()
	b.ReportAllocs()
	for b.Loop() {
		p.Step(w, r, now)
	}
}
