package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"nightshift/producer"
	"nightshift/producer/event"
)

// asked is how many refreshes on demand are measured, one after the other.
const asked = 200

// latency measures refreshes on demand, in an idle system and during a night.
func (b *bench) latency() error {
	if err := b.onDemand("idle", 0, "5"); err != nil {
		return err
	}
	if err := b.enqueue(100_000); err != nil {
		return err
	}
	return b.onDemand("100,000 jobs waiting", 20*time.Millisecond, "50")
}

// onDemand measures with a stub in this process, which notes the times.
func (b *bench) onDemand(when string, latency time.Duration, target string) error {
	flinks := newStub(latency)
	flinks.first, flinks.last = map[string]time.Time{}, map[string]time.Time{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: flinks, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = srv.Serve(l) }() // it returns when closed
	defer srv.Close()
	b.flinks = l.Addr().String()
	p, err := b.launch("consume", b.environ(), b.bin, "consume", "--accounts", "none")
	if err != nil {
		return err
	}
	defer p.Kill()
	var begin, end samples
	for i := range asked + 1 {
		first, last, err := b.one(flinks, fmt.Sprintf("%s-%d", "on-demand", b.publications*1000+i))
		if err != nil {
			return err
		}
		if i > 0 { // the first one waits for the process to start
			begin, end = append(begin, ms(first)), append(end, ms(last))
		}
	}
	b.add(figure{Name: "published to first call, " + when, Unit: "ms", Samples: begin, Target: target})
	b.add(figure{Name: "the same, 99th percentile, " + when, Unit: "ms", Samples: samples{percentile(begin, 99)}})
	if latency == 0 {
		b.add(figure{Name: "Flinks' answer to outcome, " + when, Unit: "ms", Samples: end, Target: target})
	}
	return nil
}

// one refreshes a login: how long until Flinks was called, and from its last
// answer to the outcome.
func (b *bench) one(flinks *stub, id string) (first, last time.Duration, err error) {
	told := make(chan time.Time, 1)
	sub, err := b.nc.Subscribe(event.AnyOutcomeSubject(id), func(*nats.Msg) { told <- time.Now() })
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be gone by then
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	began := time.Now()
	if _, _, err := (producer.Publisher{JS: b.js}).Refresh(ctx, id, event.Cached, event.Options{}); err != nil {
		return 0, 0, err
	}
	select {
	case at := <-told:
		flinks.mu.Lock()
		defer flinks.mu.Unlock()
		return flinks.first[id].Sub(began), at.Sub(flinks.last[id]), nil
	case <-ctx.Done():
		return 0, 0, fmt.Errorf("no outcome of %s: %w", id, ctx.Err())
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func percentile(s samples, p int) float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[(len(sorted)-1)*p/100]
}
