package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer/event"
)

func newRunCommand(a *app) *cobra.Command {
	var s storeSettings
	var f flinksSettings
	var ns nightSettings
	var work workSettings
	var logs logSettings
	var r rosterFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run --roster FILE",
		Short: "Refresh a list of logins from beginning to end, everything in one process",
		Long: `Publishes one job per login, works them off and ends with a summary. NATS and
Redis are embedded unless --nats-url and --redis-url name others; their files lie
in --data. A run that was stopped, or killed, goes on where it was when the same
command is given again on the same day (or with the same --cycle).`,
		Example: `  nightshift run --roster logins.csv --flinks-url https://toolbox-api.private.fin.ag \
      --flinks-customer-id CUSTOMER --flinks-secret-key SECRET --flinks-api-key KEY`,
		GroupID: groupStart,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			client, err := f.client(work.Concurrency * 2)
			if err != nil {
				return err
			}
			list, err := r.open(ctx, a, ns)
			if err != nil {
				return err
			}
			defer list.Close()
			screen, others := a.nightScreen(asJSON)
			log := a.loggerTo(others, logs)
			st, err := s.open(ctx, log, true)
			if err != nil {
				return err
			}
			defer st.Close()
			if err := awaitFlinks(ctx, log, client, st.State); err != nil {
				return err
			}
			n := &night{stores: st, worker: work.worker(st, client, log), screen: screen, log: log, data: s.place(), again: "the same command"}
			sum, bad := n.run(ctx, max(list.Lines(), 0), func(each func(event.Job)) (produced, error) {
				return r.publish(ctx, st, list, ns, others, each)
			})
			if bad != nil && !isBadLines(bad) {
				return bad
			}
			if err := n.show(a.stdout, sum, asJSON); err != nil {
				return err
			}
			return bad
		},
	}
	a.settings(cmd, &s, &f, &ns, &work, &work.Push, &r.source, &logs)
	r.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the summary as one JSON object and nothing else")
	return cmd
}

// nightScreen is where a run shows itself: on standard output, or on standard
// error when that is kept for JSON. The log and messages go to others.
func (a *app) nightScreen(asJSON bool) (screen *ui.Screen, others io.Writer) {
	if asJSON {
		return a.screen(a.stderr)
	}
	return a.screen(a.stdout)
}

// screen makes a screen on w. others is for what belongs on standard error: it
// keeps clear of the live progress where both go to the same terminal.
func (a *app) screen(w io.Writer) (screen *ui.Screen, others io.Writer) {
	screen = ui.NewScreen(w, ui.StyleOf(w, a.env.noColor()))
	if w == a.stderr || isTerminal(w) && isTerminal(a.stderr) {
		return screen, screen.Above()
	}
	return screen, a.stderr
}

// place says where the outcomes lie.
func (s *storeSettings) place() string {
	if s.NATSURL != "" {
		return s.NATSURL.String()
	}
	return s.Data
}

func isBadLines(err error) bool {
	e, ok := errors.AsType[*exitError](err)
	return ok && e.code == exitBadLines
}
