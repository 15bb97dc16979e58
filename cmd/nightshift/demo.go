package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
)

// The demo's banks answer within moments and its long waits are short, so that
// a night fits a coffee break.
var demoLatency = flinkstest.Latency{
	Cached: flinkstest.Lognormal{Median: 15 * time.Millisecond, Sigma: 0.4},
	Live:   flinkstest.Lognormal{Median: 300 * time.Millisecond, Sigma: 0.5},
	Detail: flinkstest.Lognormal{Median: 40 * time.Millisecond, Sigma: 0.4},
}

func newDemoCommand(a *app) *cobra.Command {
	var p population
	var o flinkstest.Options
	var data string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See a whole night with simulated banks, nothing to install",
		Long: `Runs a whole night in one process: an embedded NATS server, Redis and a simulated
Flinks with a population of bank logins of every kind. Every login ends with one
outcome event; the summary counts them and looks for any that were lost or told
twice.`,
		Example: `  nightshift demo
  nightshift demo --logins 20000 --json
  nightshift demo --mix refreshed=50,failed=50 --faults drop=0.02,html=0.02`,
		GroupID: groupStart,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			again := "the same command"
			if data == "" {
				dir, err := os.MkdirTemp("", "nightshift-demo-")
				if err != nil {
					return err
				}
				data = dir
				again += " with --data " + dir
			}
			return a.demo(cmd.Context(), &p, o, &night{data: data, again: again}, asJSON)
		},
	}
	p.register(cmd.Flags(), 300, 1, demoLatency)
	fs := cmd.Flags()
	declare(fs, &data, "data", "", text(), "directory for the files of NATS and Redis; empty: a new one")
	declare(fs, &o.CustomerID, "flinks-customer-id", flinkstest.DefaultCustomerID, text(), "customer id of the simulated Flinks")
	declareFile(fs, &o.SecretKey, "flinks-secret-key", flinkstest.DefaultSecretKey, text(), "its secret key")
	declareFile(fs, &o.APIKey, "flinks-api-key", flinkstest.DefaultAPIKey, text(), "its x-api-key")
	fs.BoolVar(&asJSON, "json", false, "print the summary as one JSON object and nothing else")
	a.settings(cmd)
	return cmd
}

// demo runs the night n, of which data and again are set.
func (a *app) demo(ctx context.Context, p *population, o flinkstest.Options, n *night, asJSON bool) error {
	screen, others := a.nightScreen(asJSON)
	log := a.loggerTo(others, logSettings{Format: "auto", Level: "warn"})
	st, err := (&storeSettings{Data: n.data}).open(ctx, log, true)
	if err != nil {
		return err
	}
	defer st.Close()
	sim, logins := p.simulator(o)
	if err := noStrangers(ctx, st, n.data, logins); err != nil {
		return err
	}
	srv, url, err := serveSimulator("127.0.0.1:0", sim)
	if err != nil {
		return err
	}
	defer srv.Close()
	work := demoWork(p.Logins)
	n.stores, n.screen, n.log = st, screen, log
	n.worker = work.worker(st, &flinks.Client{
		BaseURL: url, CustomerID: o.CustomerID,
		SecretKey: flinks.Secret(o.SecretKey), APIKey: flinks.Secret(o.APIKey), HTTP: flinks.NewHTTPClient(2 * work.Concurrency),
		Lean: true,
	}, log)
	sum, err := n.run(ctx, len(logins), func(each func(event.Job)) (produced, error) {
		plan := producer.Plan{
			Cycle: producer.NightlyCycle(now()), Lane: event.Nightly, Mode: event.Cached,
			Options: event.Options{DaysOfTransactions: 90, Attributes: "Income"},
		}
		_, err := producer.Publisher{JS: st.JS}.Publish(ctx, func(yield func(event.Job, error) bool) {
			for _, l := range logins {
				if !yield(plan.Job(producer.Entry{LoginID: l.ID, Institution: l.Institution}, now()), nil) {
					return
				}
			}
		}, func(p producer.Published) { each(p.Job) })
		return produced{Cycle: plan.Cycle}, err
	})
	if err != nil {
		return err
	}
	sum.Next = []string{
		program() + " events --data " + n.data + " --type reconnect_required",
		program() + " sandbox --logins 1000 --roster logins.csv",
		program() + " run --help",
	}
	return n.show(a.stdout, sum, asJSON)
}

// noStrangers refuses a data directory in which jobs of other logins wait: the
// simulated banks do not know them, and their holders would be told to connect
// again.
func noStrangers(ctx context.Context, st *stores, data string, logins []flinkstest.Login) error {
	s, err := st.JS.Stream(ctx, event.StreamJobs)
	if err != nil {
		return fmt.Errorf("stream %s: %w", event.StreamJobs, err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(event.SubjectsJobs))
	if err != nil {
		return fmt.Errorf("stream %s: %w", event.StreamJobs, err)
	}
	ours := make(map[string]bool, len(logins))
	for _, l := range logins {
		ours[l.ID] = true
	}
	for subject := range info.State.Subjects {
		if id := strings.Split(subject, ".")[2]; !ours[id] {
			return usageError("--data: jobs of other logins wait in %s, such as one of %s, "+
				"and simulated banks must not decide how they end: choose another directory", data, id)
		}
	}
	return nil
}

// demoWork are the settings of the demo's worker.
func demoWork(logins int) *workSettings {
	return &workSettings{
		Concurrency: min(max(logins/10, 32), 512),
		MaxAge:      24 * time.Hour, PollInterval: 200 * time.Millisecond, PollTimeout: time.Minute,
		MaxLive: 3, RetryBase: time.Second, RetryCap: 2 * time.Second,
		Accounts: "keep", Grace: 2 * time.Second,
	}
}

// program is how this program was called, for commands that are to be copied.
func program() string {
	if exe, err := os.Executable(); err == nil && strings.Contains(exe, "go-build") {
		return "go run ./cmd/nightshift"
	}
	return "nightshift"
}
