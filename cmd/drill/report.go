package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// print writes the verdict for people.
func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "\nSeed %d: %d logins, %d outcomes, %.0f s, %d replicas, %s; peak memory of a replica %d MiB\n",
		r.Seed, r.Jobs, r.Outcomes, r.Seconds, r.Replicas, map[bool]string{true: "three nats-servers", false: "one nats-server"}[r.Cluster], r.PeakMiB)
	for _, step := range slices.Sorted(maps.Keys(r.Crashes)) {
		fmt.Fprintf(w, "  died at %-14s %d\n", step, r.Crashes[step])
	}
	for _, f := range r.Findings {
		mark := "ok    "
		if !f.OK {
			mark = "BROKEN"
		}
		fmt.Fprintf(w, "  %s  %-60s %7d  %s\n", mark, f.Rule, f.Figure, f.Detail)
	}
	if r.Logs != "" {
		fmt.Fprintf(w, "Logs are kept in %s\n", r.Logs)
	}
}
