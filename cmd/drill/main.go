// Command drill is Nightshift's fire drill: real servers, real replicas, and
// faults of every kind between them, drawn from a seed; afterwards a verdict
// on each invariant, from what the streams and the banks saw.
//
// The one rule it keeps: it believes no word of the replicas. What counts is
// the outcome stream, and the simulator's journal.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
)

const usage = `The fire drill: a night with nats-server, redis-server, simulated banks and
replicas of "nightshift consume" as processes, and faults of every kind between
them. Ends with 0 if no invariant was broken, else with 1 and the logs kept.

Examples:
  task drill                                     two minutes, 10,000 logins
  task drill -- --seed 7 --minutes 9 --logins 100000
  task drill -- --seed 7 --cluster               three nats-servers, streams with three copies

`

func main() {
	s := settings{}
	var asJSON, noFaults bool
	fs := pflag.NewFlagSet("drill", pflag.ContinueOnError)
	fs.Uint64Var(&s.Seed, "seed", 1, "decides the faults and the population")
	fs.IntVar(&s.Logins, "logins", 10_000, "logins of the night")
	fs.Float64Var(&s.Minutes, "minutes", 2, "how long it may take; faults befall in the first two thirds")
	fs.IntVar(&s.Replicas, "replicas", 3, "workers")
	fs.BoolVar(&s.Cluster, "cluster", false, "a NATS cluster of three, with three copies of each stream")
	fs.BoolVar(&s.Skew, "skew", true, "let clocks of replicas be wrong, too (builds the standard library anew)")
	fs.BoolVar(&noFaults, "no-faults", false, "the same night without faults, to compare")
	fs.BoolVar(&asJSON, "json", false, "print the verdict as JSON")
	fs.Usage = func() { fmt.Fprint(os.Stderr, usage+fs.FlagUsages()) }
	if err := fs.Parse(os.Args[1:]); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "drill:", err)
		os.Exit(2)
	}
	s.Faults = !noFaults
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := run(ctx, s, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "drill:", err)
		os.Exit(1)
	}
	if asJSON {
		_ = json.NewEncoder(os.Stdout).Encode(r)
	} else {
		r.print(os.Stdout)
	}
	if !r.ok() {
		os.Exit(1)
	}
}
