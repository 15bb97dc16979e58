package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// report logs the counts while they change.
func (h *hook) report(ctx context.Context) {
	t := time.NewTicker(statsEvery)
	defer t.Stop()
	var last int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		var sum int64
		for _, n := range h.answers {
			sum += n.Load()
		}
		if sum != last {
			last = sum
			h.logStats("at work")
		}
	}
}

// logStats logs what was answered, and what came of it.
func (h *hook) logStats(message string) {
	var counts []any
	for _, a := range slices.Sorted(maps.Keys(h.answers)) {
		if n := h.answers[a].Load(); n > 0 || a == answerStored {
			counts = append(counts, string(a), n)
		}
	}
	h.log.Info(message, append(counts, "woken", h.pushes.Stats.Woken.Load())...) //nolint:sloglint // one of two constants
}

// registry are the metrics of the pushes, and those of the process.
func (h *hook) registry() *prometheus.Registry {
	r := processRegistry()
	for a, n := range h.answers {
		r.MustRegister(counter("nightshift_pushes_total", "Pushes of Flinks, by what was answered.", prometheus.Labels{"answer": string(a)}, n))
	}
	r.MustRegister(counter("nightshift_pushes_woken_total", "Jobs that went on because of a push.", nil, &h.pushes.Stats.Woken))
	return r
}
