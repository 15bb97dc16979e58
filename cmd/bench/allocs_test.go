package main

import (
	"os"
	"testing"
)

// TestMain lets this program be the stub, as the real one is for itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve-stub" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A whole job, with its calls, claim, outcome and ack, costs so many
// allocations at most, whatever the machine: those of net/http, of the clients
// of NATS and Redis, and ours.
func TestAllocationsOfAJob(t *testing.T) {
	t.Parallel()
	b := &bench{settings: settings{Jobs: 4000}}
	err := b.with(func(b *bench) error {
		for accounts, most := range map[string]float64{"none": 380, "keep": 440} {
			if err := b.enqueue(b.Jobs); err != nil {
				return err
			}
			w, err := b.work(b.Jobs, "--accounts", accounts)
			if err != nil {
				return err
			}
			t.Logf("accounts %s: %.1f allocations a job", accounts, w.allocs)
			if w.allocs > most {
				t.Errorf("accounts %s: %.1f allocations a job, want at most %.0f", accounts, w.allocs, most)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
