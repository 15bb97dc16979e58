package main

import (
	"os"
	"time"

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
			if p.Logins < 1 {
				return usageError("--logins: %d is too few: at least 1", p.Logins)
			}
			if data == "" {
				dir, err := os.MkdirTemp("", "nightshift-demo-")
				if err != nil {
					return err
				}
				data = dir
			}
			return a.demo(cmd, &p, o, data, asJSON)
		},
	}
	p.register(cmd.Flags(), 300, demoLatency)
	fs := cmd.Flags()
	declare(fs, &data, "data", "", text(), "directory for the files of NATS and Redis; empty: a new one")
	declare(fs, &o.CustomerID, "flinks-customer-id", flinkstest.DefaultCustomerID, text(), "customer id of the simulated Flinks")
	declare(fs, &o.SecretKey, "flinks-secret-key", flinkstest.DefaultSecretKey, text(), "its secret key")
	declare(fs, &o.APIKey, "flinks-api-key", flinkstest.DefaultAPIKey, text(), "its x-api-key")
	fs.BoolVar(&asJSON, "json", false, "print the summary as one JSON object and nothing else")
	a.settings(cmd)
	return cmd
}

// demo runs the night.
func (a *app) demo(cmd *cobra.Command, p *population, o flinkstest.Options, data string, asJSON bool) error {
	ctx := cmd.Context()
	screen := a.nightScreen(asJSON)
	log := a.loggerTo(screen.Above(), logSettings{Format: "auto", Level: "warn"})
	st, err := (&storeSettings{Data: data}).open(ctx, log, true)
	if err != nil {
		return err
	}
	defer st.Close()
	sim, logins := p.simulator(o)
	srv, url, err := serveSimulator("127.0.0.1:0", sim)
	if err != nil {
		return err
	}
	defer srv.Close()
	work := demoWork(p.Logins)
	n := &night{stores: st, screen: screen, log: log, data: data}
	n.worker = work.worker(st, &flinks.Client{
		BaseURL: url, CustomerID: o.CustomerID,
		SecretKey: flinks.Secret(o.SecretKey), APIKey: flinks.Secret(o.APIKey), HTTP: flinks.NewHTTPClient(2 * work.Concurrency),
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
		"nightshift events --data " + data + " --type reconnect_required",
		"nightshift sandbox --logins 1000 --roster logins.csv",
		"nightshift run --help",
	}
	return n.show(a.stdout, sum, asJSON)
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
