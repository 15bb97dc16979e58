package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/producer"
)

func newConsumeCommand(a *app) *cobra.Command {
	var s storeSettings
	var f flinksSettings
	var work workSettings
	var metrics metricsSettings
	var logs logSettings
	cmd := &cobra.Command{
		Use:   "consume",
		Short: "Work refresh jobs off; run as many of these as you like",
		Long: `Pulls jobs, calls Flinks and tells one outcome for each job, until it is stopped.
Any number of replicas may share the work. SIGTERM lets calls in flight finish
within --grace and hands the other jobs to the other replicas; kill -9 loses
nothing either, its jobs come back after 30 seconds.`,
		Example: `  export NIGHTSHIFT_FLINKS_URL=https://toolbox-api.private.fin.ag
  export NIGHTSHIFT_FLINKS_CUSTOMER_ID=CUSTOMER
  export NIGHTSHIFT_FLINKS_SECRET_KEY_FILE=/run/secrets/flinks
  nightshift consume --nats-url nats://nats:4222 --redis-url redis://redis:6379/0 --concurrency 128`,
		GroupID: groupNight,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, log := cmd.Context(), a.logger(logs)
			client, err := f.client(work.Concurrency * 2)
			if err != nil {
				return err
			}
			if err := consume(ctx, log, &s, client, &work, &metrics); !stopped(ctx, err) {
				return err
			}
			return nil
		},
	}
	a.settings(cmd, &s, &f, &work, &work.Push, &metrics, &logs)
	return cmd
}

// consume works jobs off until ctx ends.
func consume(ctx context.Context, log *slog.Logger, s *storeSettings, client *flinks.Client, work *workSettings, metrics *metricsSettings) error {
	st, err := s.open(ctx, log, true)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := awaitFlinks(ctx, log, client, st.State); err != nil {
		return err
	}
	collect(work.Concurrency)
	w := work.worker(st, client, log)
	if err := metrics.serve(ctx, log, func() *prometheus.Registry { return workerRegistry(w) }); err != nil {
		return err
	}
	log.Info("working", "worker", w.Name, "concurrency", w.Concurrency)
	stop := context.AfterFunc(ctx, func() { log.Info("stopping", "grace", work.Grace) })
	defer stop()
	go reportStats(ctx, log, &w.Stats)
	go producer.Tend(ctx, st.JS, log)
	err = w.Run(ctx)
	logStats(log, "stopped", &w.Stats)
	return err
}

// collect sets how much garbage the heap may hold beside so many jobs in hand,
// unless GOGC says it. That of a small heap may grow to some tens of MiB before
// it is collected, which is a tenth of the processor time. Many thousands of
// jobs in hand are a large heap, and most of them wait: there memory is dearer
// than time.
func collect(concurrency int) {
	switch {
	case os.Getenv("GOGC") != "":
	case concurrency <= 2000:
		debug.SetGCPercent(400)
	case concurrency > 5000:
		debug.SetGCPercent(20)
	}
}

// stopped tells that err is only the end of ctx: for what runs until it is
// stopped, that is no failure, wherever it has got to.
func stopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

// statsEvery is how often a worker says how it is getting on.
const statsEvery = 30 * time.Second

// reportStats logs the counts while they change.
func reportStats(ctx context.Context, log *slog.Logger, stats *consumer.Stats) {
	t := time.NewTicker(statsEvery)
	defer t.Stop()
	var last int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if calls := stats.Calls.Load(); calls != last {
			last = calls
			logStats(log, "at work", stats)
		}
	}
}

func logStats(log *slog.Logger, message string, s *consumer.Stats) {
	log.Info(message, //nolint:sloglint // one of two constants
		"in_hand", s.InHand.Load(), "outcomes", s.Told.Load(), "parked", s.Parked.Load(), "repeats", s.Repeated.Load(),
		"dead", s.Dead.Load(), "calls", s.Calls.Load(), "live_calls", s.Live.Load())
}
