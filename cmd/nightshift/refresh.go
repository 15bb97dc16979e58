package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/producer/event"
)

func newRefreshCommand(a *app) *cobra.Command {
	var s storeSettings
	var night nightSettings
	var hand handOff
	var logs logSettings
	var live, wait, asJSON bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "refresh LOGIN",
		Short: "Refresh one login now, ahead of the night's jobs",
		Long: `Publishes one job on the on-demand lane, which never waits behind the night. If
such a job of the login waits already, that one counts. A replica of
"nightshift consume" does the work.

With --wait, what the account holder has to do comes with the outcome. If the bank
asks a question, and Flinks' settings are given, that is the address at which to
answer it: on standard output, since it is for the account holder alone. Without
them, or with --json, it is the command that makes one.`,
		Example: `  nightshift refresh 5e115eac-1209-4f19-641c-08d6d484e2fe --nats-url nats://nats:4222 --live --wait

  Let the account holder, who is there, answer the bank at once:
    export NIGHTSHIFT_FLINKS_URL=https://toolbox-api.private.fin.ag
    export NIGHTSHIFT_FLINKS_CUSTOMER_ID=CUSTOMER NIGHTSHIFT_FLINKS_SECRET_KEY_FILE=/run/secrets/flinks
    nightshift refresh LOGIN --nats-url nats://nats:4222 --live --wait`,
		GroupID: groupNight,
		Args:    oneLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait && s.NATSURL == "" {
				return usageError("--wait needs --nats-url: with the embedded server nobody can work while this command waits")
			}
			st, err := s.open(cmd.Context(), a.logger(logs), false)
			if err != nil {
				return err
			}
			defer st.Close()
			mode := event.Cached
			if live {
				mode = event.Live
			}
			p := producer.Publisher{JS: st.JS}
			job, already, err := p.Refresh(cmd.Context(), args[0], mode, night.options())
			if err != nil {
				return err
			}
			if !wait {
				return a.printJob(job, already, asJSON)
			}
			o, err := a.awaitOutcome(cmd.Context(), p, job, timeout, asJSON)
			if err != nil {
				return err
			}
			a.handOver(cmd.Context(), hand, o, asJSON)
			return nil
		},
	}
	a.settings(cmd, &s, &night, &hand.flinks, &hand.connect, &logs)
	_ = cmd.Flags().MarkHidden("window") // on demand there is none
	cmd.Flags().BoolVar(&live, "live", false, "ask the bank even where the data at Flinks is fresh")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for the outcome and print it")
	explained(cmd.Flags(), &timeout, "timeout", 10*time.Minute, span(time.Millisecond), "with --wait: give up waiting after this long; the job goes on")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// oneLogin wants a loginId and nothing else.
func oneLogin(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError("%q takes one loginId, but got %d words", cmd.CommandPath(), len(args))
	}
	if err := event.CheckLoginID(args[0]); err != nil {
		return usageError("%w", err)
	}
	return nil
}

func (a *app) printJob(job event.Job, already, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(map[string]any{"job": job, "already": already})
	}
	word := "queued"
	if already {
		word = "was queued already"
	}
	a.printf("%s %s, cycle %s\n", job.LoginID, word, job.Cycle)
	return nil
}

// awaitOutcome waits for the outcome and prints it.
func (a *app) awaitOutcome(ctx context.Context, p producer.Publisher, job event.Job, timeout time.Duration, asJSON bool) (event.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	o, err := p.Await(ctx, job)
	if errors.Is(err, context.DeadlineExceeded) {
		return o, fmt.Errorf("no outcome of %s after %s; the job goes on: see %q", job.LoginID, showSpan(timeout), "nightshift events --login "+job.LoginID)
	}
	if err != nil {
		return o, err
	}
	if asJSON {
		return o, json.NewEncoder(a.stdout).Encode(o)
	}
	ui.NewScreen(a.stdout, ui.StyleOf(a.stdout, a.env.noColor())).Event(shown(o))
	return o, nil
}

// shown is an outcome as the terminal shows it.
func shown(o event.Outcome) ui.Event {
	return ui.Event{
		Time: o.Timings.Ended.Local(), Type: string(o.Type), LoginID: o.LoginID, Institution: o.Institution,
		Reason: string(o.Reason), FlinksCode: o.FlinksCode, Attempts: o.Calls.Cached + o.Calls.Live,
	}
}
