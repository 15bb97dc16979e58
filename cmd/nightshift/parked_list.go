package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/producer/event"
)

func newParkedListCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var f parkedFlags
	var login string
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List parked jobs, those that fire first first",
		Long: `Lists the jobs that are parked: when each fires, what stands in its way, the last
word from Flinks, and which attempt comes next. It reads only. Flags that choose
must all fit.`,
		Example: `  nightshift parked list --reason bank_unavailable --due-within 10m
  nightshift parked list --limit 20
  nightshift parked list --json | jq -r .job.institution | sort | uniq -c`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var logins []string
			if login != "" {
				logins = []string{login}
			}
			if asJSON && limit > 0 {
				return usageError("--limit is for reading: with --json every job is printed")
			}
			filter, err := f.filter(logins, now())
			if err != nil {
				return err
			}
			return a.parkedJobs(cmd.Context(), &s, logs, func(jobs *producer.ParkedJobs, _ *stores, _ *ui.Screen) error {
				return a.listParked(cmd.Context(), jobs, filter, limit, asJSON)
			})
		},
	}
	a.settings(cmd, &s, &logs)
	f.register(cmd)
	cmd.Flags().StringVar(&login, "login", "", "only this loginId")
	explained(cmd.Flags(), &limit, "limit", 0, whole(0, 1_000_000_000), "show this many of them at most, those that fire first; 0: all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each job as one line of JSON, in the order of the stream")
	return cmd
}

func (a *app) listParked(ctx context.Context, jobs *producer.ParkedJobs, filter producer.ParkedFilter, limit int, asJSON bool) error {
	soonest := soonest{limit: limit}
	for p, err := range jobs.List(ctx, filter) {
		if err != nil {
			return err
		}
		if asJSON {
			if err := json.NewEncoder(a.stdout).Encode(parkedJSON(p)); err != nil {
				return err
			}
			continue
		}
		soonest.add(p)
	}
	if asJSON {
		return nil
	}
	a.parkedTable(soonest)
	return nil
}

// parkedTable shows parked jobs, and how many there are beside them.
func (a *app) parkedTable(s soonest) {
	if s.seen == 0 {
		a.note("no parked job fits")
		return
	}
	at := now()
	rows := make([][]string, 0, len(s.jobs))
	for _, p := range s.sorted() {
		rows = append(rows, parkedRow(p, at))
	}
	ui.Table(a.stdout, ui.StyleOf(a.stdout, a.env.noColor()), parkedHeader, rows)
	if more := s.seen - len(rows); more > 0 {
		a.printf("… and %d more\n", more)
	}
}

var parkedHeader = []string{"LOGIN", "DUE", "REASON", "CODE", "ATTEMPT", "LANE", "CYCLE", "INSTITUTION", "DUE AT"}

func parkedRow(p producer.Parked, now time.Time) []string {
	if p.Err != nil {
		fault := fmt.Sprintf("sequence %d: %v", p.Seq, p.Err)
		return []string{p.LoginID, dueWords(p.Due, now), "unreadable", "", "", string(p.Lane), "", "", fault}
	}
	return []string{
		p.LoginID, dueWords(p.Due, now), reasonWords(p.Reason), p.Job.Spent.FlinksCode, strconv.Itoa(p.Job.Attempt),
		string(p.Lane), p.Job.Cycle, p.Job.Institution, p.Due.Format(time.RFC3339),
	}
}

// dueWords says when a job fires, seen from now.
func dueWords(due, now time.Time) string {
	switch in := due.Sub(now).Round(time.Second); {
	case due.IsZero():
		return "never"
	case in > 0:
		return "in " + showSpan(in)
	default:
		return "now"
	}
}

func reasonWords(r event.Reason) string { return cmp.Or(string(r), "handed on") }

// soonest keeps those of many parked jobs that fire first.
type soonest struct {
	limit int // 0: all are kept
	seen  int
	jobs  []producer.Parked
}

// add keeps the slice at twice its limit, so that sorting it costs little.
func (s *soonest) add(p producer.Parked) {
	s.seen++
	s.jobs = append(s.jobs, p)
	if s.limit > 0 && len(s.jobs) >= 2*s.limit {
		s.jobs = s.sorted()
	}
}

func (s *soonest) sorted() []producer.Parked {
	slices.SortStableFunc(s.jobs, func(a, b producer.Parked) int { return a.Due.Compare(b.Due) })
	if s.limit > 0 && len(s.jobs) > s.limit {
		return s.jobs[:s.limit]
	}
	return s.jobs
}
