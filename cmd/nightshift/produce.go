package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
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
whose refresh of this cycle has ended, is not queued again, so the command can be
repeated and several may run at once.`,
		Example: `  nightshift produce --once --roster logins.csv
  psql -At -c "select login_id from banks" | sed '1i loginId' | nightshift produce --once --roster -`,
		GroupID: groupNight,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !once {
				return usageError("produce needs --once: it publishes the list now and ends")
			}
			st, err := s.open(cmd.Context(), a.logger(logs), false)
			if err != nil {
				return err
			}
			defer st.Close()
			screen := ui.NewScreen(a.stderr, ui.StyleOf(a.stderr, a.env.noColor()))
			screen.Start("publishing", r.lines())
			p, err := r.publish(cmd, a, st, night, screen, nil)
			screen.Finish()
			if asJSON {
				_ = json.NewEncoder(a.stdout).Encode(p)
			} else if p.Cycle != "" {
				a.printf("cycle %s: %d queued, %d already queued or done, %d bad lines\n", p.Cycle, p.Queued, p.Already, p.Bad)
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

// publish publishes the roster. each, if not nil, is called for every job.
func (r *rosterFlags) publish(cmd *cobra.Command, a *app, st *stores, night nightSettings, screen *ui.Screen, each func(event.Job)) (produced, error) {
	plan, err := r.plan(night, now())
	if err != nil {
		return produced{}, err
	}
	file, err := r.open(a)
	if err != nil {
		return produced{}, err
	}
	defer file.Close()
	bad := &badLines{w: screen.Above()}
	done := 0
	tally, err := producer.Publisher{JS: st.JS}.Publish(cmd.Context(), plan.Jobs(producer.ReadRoster(file), bad.add),
		func(p producer.Published) {
			if each != nil {
				each(p.Job)
			}
			if done++; done%100 == 0 {
				screen.Progress(done, "")
			}
		})
	p := produced{Cycle: plan.Cycle, Queued: tally.Queued, Already: tally.Already, Bad: bad.n}
	if err != nil {
		return p, fmt.Errorf("%w; run the command again: what is queued stays queued once", err)
	}
	return p, bad.err()
}
