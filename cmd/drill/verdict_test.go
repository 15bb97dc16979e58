package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/flinks/flinkstest"
)

// TestJudge: each rule is broken by what breaks it, and by nothing else.
func TestJudge(t *testing.T) {
	began := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	overlap := func(at time.Duration) flinkstest.Overlap {
		return flinkstest.Overlap{LoginID: "a", A: flinkstest.Session{Mode: "live"}, B: flinkstest.Session{Mode: "cached", Start: began.Add(at)}}
	}
	rows := []struct {
		what   string
		change func(*evidence)
		broken []string
	}{
		{"all as it should be", func(*evidence) {}, nil},
		{"a login without an outcome", func(e *evidence) { delete(e.told, "a") }, []string{"1. lost: logins without an outcome"}},
		{"a job left", func(e *evidence) { e.jobs = 1 }, []string{"1. jobs left in the stream"}},
		{"a dead letter", func(e *evidence) { e.dead = 1 }, []string{"1. dead letters"}},
		{"told twice", func(e *evidence) { e.told["a"] = []string{"refreshed", "refreshed"} }, []string{"2. told twice"}},
		{"told of a stranger", func(e *evidence) { e.told["x"] = []string{"refreshed"} }, []string{"2. outcomes that nobody asked for"}},
		{"two sessions at once", func(e *evidence) { e.overlaps = append(e.overlaps, overlap(time.Minute)) }, []string{"3. overlapping sessions while Redis remembered"}},
		{"two sessions just before Redis forgot", func(e *evidence) {
			e.lapses = []span{{began.Add(time.Minute + 1), began.Add(2 * time.Minute)}}
			e.overlaps = append(e.overlaps, overlap(time.Minute))
		}, []string{"3. overlapping sessions while Redis remembered"}},
		{"two sessions after Redis forgot", func(e *evidence) {
			e.lapses = []span{{began.Add(time.Minute), began.Add(2 * time.Minute)}}
			e.overlaps = append(e.overlaps, overlap(time.Minute))
		}, nil},
		{"the bank asked once too often", func(e *evidence) { e.bank["a"] = flinkstest.LoginStats{Live: maxLive + 1} }, []string{"4. live calls above the bound of 3"}},
		{"an undeserved reconnect", func(e *evidence) { e.told["a"] = []string{"reconnect_required"} }, []string{"5. undeserved reconnect_required or mfa_required"}},
		{"an undeserved challenge", func(e *evidence) { e.told["a"] = []string{"mfa_required"} }, []string{"5. undeserved reconnect_required or mfa_required"}},
		{"a holder who should act and is not told", func(e *evidence) { e.told["b"] = []string{"refreshed"} }, []string{"   another ending than deserved"}},
		{"given up because of the faults", func(e *evidence) { e.told["a"] = []string{"failed"} }, nil},
		{"a secret in a log", func(e *evidence) { e.secrets = 1 }, []string{"6. secrets in logs"}},
		{"a panic", func(e *evidence) { e.panics = 1 }, []string{"   panics, data races, replicas that ended by themselves"}},
		{"a replica that ended", func(e *evidence) { e.exits = 1 }, []string{"   panics, data races, replicas that ended by themselves"}},
		{"a mistaken call", func(e *evidence) { e.mistakes = 1 }, []string{"   calls that no correct client makes"}},
	}
	for _, row := range rows {
		t.Run(row.what, func(t *testing.T) {
			e := &evidence{
				began:    began,
				deserved: map[string]string{"a": "refreshed", "b": "reconnect_required"},
				told:     map[string][]string{"a": {"refreshed"}, "b": {"reconnect_required"}},
				bank:     map[string]flinkstest.LoginStats{"a": {Live: maxLive}},
			}
			row.change(e)
			var broken []string
			for _, f := range judge(e) {
				if !f.OK {
					broken = append(broken, f.Rule)
				}
			}
			if d := cmp.Diff(row.broken, broken); d != "" {
				t.Errorf("broken (-want +got):\n%s", d)
			}
		})
	}
}
