package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"nightshift/producer/event"
)

// produced is what "produce --json" prints.
type produced struct {
	Cycle   string `json:"cycle"`
	Queued  int    `json:"queued"`
	Already int    `json:"already"`
	Bad     int    `json:"bad"`
}

func newProduceCommand(a *app) *cobra.Command {
	var s storeSettings
	var night nightSettings
	var logs logSettings
	var r rosterFlags
	var once, asJSON bool
	cmd := &cobra.Command{
		Use:   "produce --once --roster FILE",
		Short: "Publish one refresh job for each login of a list",
		Long: `Publishes one refresh job per login. A login that has a job waiting already, or
whose refresh of this cycle has ended, is not refreshed again, so the command can
be repeated and several may run at once.`,
		Example: `  nightshift produce --once --roster logins.csv
  psql -At -c "select login_id from banks" | sed '1i loginId' | nightshift produce --once --roster -`,
		GroupID: groupNight,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !once {
				return usageError("produce needs --once: it publishes the list now and ends")
			}
			list, err := r.open(a, night)
			if err != nil {
				return err
			}
			defer list.Close()
			screen, others := a.screen(a.stderr)
			st, err := s.open(cmd.Context(), a.loggerTo(others, logs), false)
			if err != nil {
				return err
			}
			defer st.Close()
			screen.Start("publishing", list.lines)
			done := 0
			p, err := r.publish(cmd.Context(), st, list, night, others, func(event.Job) {
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
		},
	}
	a.settings(cmd, &s, &night, &logs)
	r.register(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "publish now and end")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the counts as JSON")
	return cmd
}
