package main

import (
	"bytes"
	"testing"
	"time"
)

// TestDrill is a small fire drill. The large ones are for `task drill`.
func TestDrill(t *testing.T) {
	for name, s := range map[string]settings{
		"one nats-server":    {Seed: 3, Logins: 3000, Minutes: 5, Span: 25 * time.Second, Replicas: 3, Faults: true},
		"three nats-servers": {Seed: 4, Logins: 1500, Minutes: 5, Span: 25 * time.Second, Replicas: 3, Faults: true, Cluster: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.Build = raceFlags
			var log bytes.Buffer
			r, err := run(t.Context(), s, &log)
			if err != nil {
				t.Fatalf("%v\n%s", err, &log)
			}
			if !r.ok() {
				r.print(&log)
				t.Errorf("an invariant is broken:\n%s", &log)
			}
			t.Logf("died at %v", r.Crashes)
		})
	}
}

// TestWrongClock: what is built with a wrong clock has one.
func TestWrongClock(t *testing.T) {
	dir := t.TempDir()
	if _, err := wrongClock(dir); err != nil {
		t.Fatal(err)
	}
}
