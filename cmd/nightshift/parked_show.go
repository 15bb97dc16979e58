package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/producer/event"
)

// parkedForm is a parked job in JSON.
type parkedForm struct {
	Sequence uint64       `json:"sequence"`
	LoginID  string       `json:"loginId"`
	Lane     event.Lane   `json:"lane"`
	Parked   time.Time    `json:"parked"`
	Due      time.Time    `json:"due,omitzero"`
	Reason   event.Reason `json:"reason,omitempty"`
	Error    string       `json:"error,omitempty"` // why it cannot be read
	Job      *event.Job   `json:"job,omitempty"`
}

func parkedJSON(p producer.Parked) parkedForm {
	f := parkedForm{Sequence: p.Seq, LoginID: p.LoginID, Lane: p.Lane, Parked: p.Since, Due: p.Due, Reason: p.Reason}
	if p.Err != nil {
		f.Error = p.Err.Error()
		return f
	}
	f.Job = &p.Job
	return f
}

func newParkedShowCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show LOGIN",
		Short: "Show all that is known of a login's parked job",
		Long: `Shows when the job fires and why it waits, what it has used up so far, since when
it runs and until when it may begin. A login may have one in each lane.`,
		Example: `  nightshift parked show 5e115eac-1209-4f19-641c-08d6d484e2fe
  nightshift parked show 5e115eac-1209-4f19-641c-08d6d484e2fe --json | jq .job.spent`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("%q takes one loginId, but got %d words", cmd.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := (&parkedFlags{}).filter(args, now())
			if err != nil {
				return err
			}
			return a.parkedJobs(cmd.Context(), &s, logs, func(jobs *producer.ParkedJobs, _ *stores, _ *ui.Screen) error {
				return a.showParked(cmd.Context(), jobs, filter, asJSON)
			})
		},
	}
	a.settings(cmd, &s, &logs)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each job as one line of JSON")
	return cmd
}

func (a *app) showParked(ctx context.Context, jobs *producer.ParkedJobs, filter producer.ParkedFilter, asJSON bool) error {
	found := 0
	for p, err := range jobs.List(ctx, filter) {
		if err != nil {
			return err
		}
		if found++; asJSON {
			if err := json.NewEncoder(a.stdout).Encode(parkedJSON(p)); err != nil {
				return err
			}
			continue
		}
		if found > 1 {
			a.printf("\n")
		}
		a.facts(parkedFacts(p, now()))
	}
	if found == 0 {
		return notParked(ctx, jobs, filter.Logins[0])
	}
	return nil
}

// notParked says where else the login's job may be.
func notParked(ctx context.Context, jobs *producer.ParkedJobs, login string) error {
	working, err := jobs.AtWork(ctx, login)
	if err != nil {
		return err
	}
	if working {
		return fmt.Errorf("%s is not parked: its job waits for a worker, or one has it in hand", login)
	}
	return fmt.Errorf("%s is not parked, and has no job at all: see %q", login, "nightshift events --login "+login)
}

// parkedFacts are the lines of "parked show".
func parkedFacts(p producer.Parked, now time.Time) [][2]string {
	all := [][2]string{
		{"login", p.LoginID},
		{"lane", string(p.Lane)},
		{"due", timeWords(p.Due, now)},
		{"parked", timeWords(p.Since, now)},
		{"sequence", strconv.FormatUint(p.Seq, 10)},
	}
	if p.Err != nil {
		return append(all, [2]string{"error", p.Err.Error()},
			[2]string{"mend", `"nightshift parked now ` + p.LoginID + `" sends it to a worker, who moves it to the dead letters if it is no job`})
	}
	j := p.Job
	return append(all,
		[2]string{"reason", reasonWords(p.Reason)},
		[2]string{"flinks code", j.Spent.FlinksCode},
		[2]string{"institution", j.Institution},
		[2]string{"cycle", j.Cycle},
		[2]string{"mode", string(j.Mode)},
		[2]string{"attempt", fmt.Sprintf("%d comes next", j.Attempt)},
		[2]string{"goes on", string(j.Phase)},
		[2]string{"calls", fmt.Sprintf("%d cached, %d live", j.Spent.Cached, j.Spent.Live)},
		[2]string{"failures", nonZero(j.Spent.Failures)},
		[2]string{"sessions lost", nonZero(j.Spent.Reauthorized)},
		[2]string{"times queued", nonZero(j.Spent.Queued)},
		[2]string{"pending since", timeWords(j.Spent.PendingSince, now)},
		[2]string{"request id", j.RequestID},
		[2]string{"published", timeWords(j.Published, now)},
		[2]string{"started", timeWords(j.Spent.Started, now)},
		[2]string{"not after", timeWords(j.NotAfter, now)},
		[2]string{"attributes", j.Options.Attributes},
		[2]string{"transactions", dayWords(j.Options.DaysOfTransactions)},
	)
}
