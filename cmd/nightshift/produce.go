package main

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/spf13/cobra"

	"nightshift/producer"
	"nightshift/producer/event"
)

func newProduceCommand(a *app) *cobra.Command {
	var s storeSettings
	var f flinksSettings
	var ns nightSettings
	var rs routineSettings
	var push pushSettings
	var logs logSettings
	var r rosterFlags
	var once, asJSON bool
	cmd := &cobra.Command{
		Use:   "produce",
		Short: "Publish the refresh jobs of each night, or of a list now",
		Long: `Runs until it is stopped and sees to the roster (see "nightshift logins") every
night when --window opens: asks Flinks which logins it will not refresh, tells
the holders that have to act, once, and publishes a job for every other login
that is eligible. Any number of replicas may run: one works, another takes over
where it was when it dies. --once does the same now and ends, for cron.

Where the roster is your own table, name it (--sql and --query, or --roster): it
is read before each night, new logins join, and those it no longer holds take
part no more. But --once with --roster publishes a job for each login of that
list and for no other, whatever its record says: what you ask for is done.

All of it can be repeated: a login that has a job waiting already, or whose
refresh of this cycle has ended, is not refreshed again.`,
		Example: `  nightshift produce --nats-url nats://nats:4222 --redis-url redis://redis:6379/0
  nightshift produce --window 01:00-05:00 --timezone America/Toronto --missed catch-up
  nightshift produce --sql postgres://reader@db/bank --query 'select login_id, institution from banks'
  nightshift produce --once --cycle 2026-11-22
  psql -At -c "select login_id from banks" | sed '1i loginId' | nightshift produce --once --roster -`,
		GroupID: groupNight,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			collect(0)
			ctx := cmd.Context()
			if once && r.source.file != "" {
				return a.produceList(ctx, &s, ns, &r, logs, asJSON)
			}
			night, err := r.night(ns, now())
			if err != nil {
				return err
			}
			screen, others := a.screen(a.stderr)
			log := a.loggerTo(others, logs)
			st, err := s.open(ctx, log, true)
			if err != nil {
				return err
			}
			defer st.Close()
			routine := producer.Routine{
				JS: st.JS, State: st.State, Log: log, Name: workerName(),
				Mode: r.mode(), Options: ns.options(), MostWaiting: rs.MostWaiting, Webhooks: push.Webhooks,
			}
			if f.URL != "" {
				if routine.Flinks, err = f.client(1); err != nil {
					return err
				}
			}
			if r.source.given() {
				if err := r.source.again(); err != nil {
					return err
				}
				routine.Before = a.syncRoster(&r.source, st.State, log, others)
			}
			if !once {
				return a.produceNights(ctx, log, routine, ns.window(), rs.Missed == "catch-up")
			}
			n, err := a.produceNight(ctx, screen, routine, night)
			if err != nil {
				return err
			}
			return a.printNight(n, asJSON)
		},
	}
	a.settings(cmd, &s, &f, &ns, &rs, &push, &r.source, &logs)
	r.register(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "publish now and end")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the counts as JSON")
	return cmd
}

// produceNights runs every night until ctx ends.
func (a *app) produceNights(ctx context.Context, log *slog.Logger, routine producer.Routine, w producer.Window, catchUp bool) error {
	next := w.Next(now())
	log.Info("waiting for the nights", "next", next.Cycle, "opens", next.Opens)
	if err := routine.Keep(ctx, w, catchUp); !stopped(ctx, err) {
		return err
	}
	log.Info("stopped")
	return nil
}

// produced is what "produce --once --json" prints for a list.
type produced struct {
	Cycle   string `json:"cycle"`
	Queued  int    `json:"queued"`
	Already int    `json:"already"`
	Bad     int    `json:"bad"`
}

// produceList publishes a job for each login of a list.
func (a *app) produceList(ctx context.Context, s *storeSettings, ns nightSettings, r *rosterFlags, logs logSettings, asJSON bool) error {
	list, err := r.open(ctx, a, ns)
	if err != nil {
		return err
	}
	defer list.Close()
	screen, others := a.screen(a.stderr)
	st, err := s.open(ctx, a.loggerTo(others, logs), false)
	if err != nil {
		return err
	}
	defer st.Close()
	screen.Start("publishing", max(list.Lines(), 0))
	done := 0
	p, err := r.publish(ctx, st, list, ns, others, func(event.Job) {
		if done++; done%100 == 0 {
			screen.Progress(done, "")
		}
	})
	screen.Finish()
	if asJSON {
		_ = json.NewEncoder(a.stdout).Encode(p)
	} else if p.Cycle != "" {
		a.printf("cycle %s: %d queued, %d already queued or done, %s\n",
			p.Cycle, p.Queued, p.Already, counted(p.Bad, "bad line", "bad lines"))
	}
	return err
}
