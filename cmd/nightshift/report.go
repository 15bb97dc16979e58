package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

func newReportCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var asJSON, asCSV bool
	cmd := &cobra.Command{
		Use:   "report [CYCLE]",
		Short: "Tell what came of a night",
		Long: `Counts the outcomes of a cycle, by default the latest night: how many of each
type, for what reasons, at which institutions; what still waits; and which logins
were not due, and why. It reads only, and may be asked while the night is on.`,
		Example: `  nightshift report --nats-url nats://nats:4222 --redis-url redis://redis:6379/0
  nightshift report 2026-11-22 --json | jq '.types.failed'
  nightshift report 2026-11-22-r1 --csv > replay.csv`,
		GroupID: groupLook,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON && asCSV {
				return usageError("--json and --csv: give one of them")
			}
			if len(args) == 1 {
				if err := event.CheckCycle(args[0]); err != nil {
					return usageError("%w", err)
				}
			}
			if err := s.mustExist(); err != nil {
				return err
			}
			st, err := s.open(cmd.Context(), a.logger(logs), s.knowsRedis())
			if err != nil {
				return err
			}
			defer st.Close()
			r, err := readReport(cmd.Context(), st, args)
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				return json.NewEncoder(a.stdout).Encode(r.forJSON())
			case asCSV:
				return a.reportCSV(r)
			}
			a.printReport(r)
			return nil
		},
	}
	a.settings(cmd, &s, &logs)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print a row for each ending there was: type, reason, flinksCode, institution, logins")
	return cmd
}

// knowsRedis reports whether the nights' records can be read: a Redis that is
// embedded beside somebody else's NATS has none.
func (s *storeSettings) knowsRedis() bool { return s.RedisURL != "" || s.NATSURL == "" }

// report is what came of a cycle, with what the other parts know of it.
type report struct {
	*producer.Report
	Night   state.Night // zero: there is no record of it
	Backlog producer.Backlog
}

func readReport(ctx context.Context, st *stores, args []string) (r report, err error) {
	cycle, err := chosenCycle(ctx, st, args)
	if err != nil {
		return r, err
	}
	if r.Report, err = producer.ReadReport(ctx, st.JS, cycle); err != nil {
		return r, err
	}
	if st.State != nil {
		if r.Night, err = st.State.Night(ctx, cycle); err != nil {
			return r, err
		}
	}
	if r.Total == 0 && r.Night.Opened.IsZero() {
		return r, exit(exitTrouble, fmt.Errorf("nothing was ever told of the cycle %s: %q shows what was", cycle, "nightshift events --since 24h"))
	}
	r.Backlog, err = producer.ReadBacklog(ctx, st.JS)
	return r, err
}

// chosenCycle is the one that was asked for, or the latest night.
func chosenCycle(ctx context.Context, st *stores, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	if st.State != nil {
		if cycle, err := st.State.LastNight(ctx); err != nil || cycle != "" {
			return cycle, err
		}
	}
	cycle, err := producer.LastCycle(ctx, st.JS)
	if err == nil && cycle == "" {
		err = exit(exitTrouble, fmt.Errorf("no night was ever run: see %q", "nightshift produce --help"))
	}
	return cycle, err
}

// printReport shows it to people.
func (a *app) printReport(r report) {
	style := ui.StyleOf(a.stdout, a.env.noColor())
	a.printf("cycle %s%s\n\n", r.Cycle, spanWords(r.First, r.Last))
	types := map[string]int{}
	for t, n := range producer.By(r.Report, func(e producer.Ending) event.Type { return e.Type }) {
		types[string(t)] = n
	}
	a.printf("%s\n", ui.Totals(style, types))
	a.printReasons(r, style)
	a.printInstitutions(r, style)
	a.facts([][2]string{
		{"calls", fmt.Sprintf("%d cached, %d live", r.Calls.Cached, r.Calls.Live)},
		{"a refresh took", tookWords(r)},
		{"published", publishedWords(r.Night)},
		{"waiting", waitingWords(r.Backlog)},
	})
	for _, why := range notDue(r.Night) {
		a.printf("%-14s  %d: %s\n", "not due", r.Night.Counts[why], producer.Why(why).Text())
	}
}

func spanWords(first, last time.Time) string {
	if first.IsZero() || last.IsZero() {
		return ""
	}
	return fmt.Sprintf(", %s to %s (%s)", first.UTC().Format("2006-01-02 15:04:05"), last.UTC().Format("15:04:05 MST"),
		showSpan(max(last.Sub(first).Round(time.Second), time.Second)))
}

func tookWords(r report) string {
	if r.First.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s in the middle, %s for 95 of 100, %s for 99 of 100", roughly(r.Took(0.5)), roughly(r.Took(0.95)), roughly(r.Took(0.99)))
}

// roughly writes a duration with two digits.
func roughly(d time.Duration) string {
	for unit := time.Hour; unit > time.Millisecond; unit /= 10 {
		if d >= 10*unit {
			return d.Round(unit).String()
		}
	}
	return d.Round(time.Millisecond).String()
}

func publishedWords(n state.Night) string {
	if n.Opened.IsZero() {
		return ""
	}
	words := fmt.Sprintf("%d jobs, %s told to act before", n.Counts[producer.CountQueued], counted(n.Counts[producer.CountTold], "holder", "holders"))
	if n.Done.IsZero() {
		return words + "; not complete yet"
	}
	return words + "; complete " + n.Done.Format(time.RFC3339)
}

func waitingWords(b producer.Backlog) string {
	ready, hand := 0, 0
	for _, q := range b.Lanes {
		ready, hand = ready+q.Ready, hand+q.InHand
	}
	if ready+hand+b.Parked == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%d ready, %d in hand, %d parked, of all cycles", ready, hand, b.Parked)
}

// notDue are the counts of a night that say why logins were not due.
func notDue(n state.Night) []string {
	var all []string
	for name, count := range n.Counts {
		if count > 0 && !slices.Contains(producer.Counts, name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// shownReasons bounds a table that people read; --csv has all.
const shownReasons = 15

func (a *app) printReasons(r report, style ui.Style) {
	sums := producer.By(r.Report, func(e producer.Ending) producer.Ending { e.Institution = ""; return e })
	var rows [][]string
	for _, e := range (&producer.Report{Endings: sums}).Sorted() {
		rows = append(rows, []string{strconv.Itoa(sums[e]), string(e.Type), string(e.Reason), e.FlinksCode})
	}
	a.printTop(style, []string{"LOGINS", "TYPE", "REASON", "CODE"}, rows, "reasons")
}

// printInstitutions shows first where most went otherwise than well.
func (a *app) printInstitutions(r report, style ui.Style) {
	type bank struct {
		name  string
		types map[event.Type]int
		bad   int
	}
	banks := map[string]*bank{}
	for e, n := range r.Endings {
		b := banks[e.Institution]
		if b == nil {
			b = &bank{name: cmp.Or(e.Institution, "(not known)"), types: map[event.Type]int{}}
			banks[e.Institution] = b
		}
		b.types[e.Type] += n
		if e.Type != event.Refreshed {
			b.bad += n
		}
	}
	all := make([]*bank, 0, len(banks))
	for _, b := range banks {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *bank) int { return cmp.Or(b.bad-a.bad, cmp.Compare(a.name, b.name)) })
	var rows [][]string
	for _, b := range all {
		row := []string{b.name}
		for _, t := range event.Types {
			row = append(row, strconv.Itoa(b.types[t]))
		}
		rows = append(rows, row)
	}
	header := []string{"INSTITUTION"}
	for _, t := range event.Types {
		header = append(header, string(t))
	}
	a.printTop(style, header, rows, "institutions")
}

func (a *app) printTop(style ui.Style, header []string, rows [][]string, what string) {
	if len(rows) == 0 {
		return
	}
	ui.Table(a.stdout, style, header, rows[:min(len(rows), shownReasons)])
	if more := len(rows) - shownReasons; more > 0 {
		a.printf("and %d more %s: see --csv\n", more, what)
	}
	a.printf("\n")
}

func (a *app) reportCSV(r report) error {
	w := csv.NewWriter(a.stdout)
	_ = w.Write([]string{"type", "reason", "flinksCode", "institution", "logins"}) // Flush tells of a pipe that has gone.
	for _, e := range r.Sorted() {
		_ = w.Write([]string{string(e.Type), string(e.Reason), e.FlinksCode, e.Institution, strconv.Itoa(r.Endings[e])})
	}
	w.Flush()
	return w.Error()
}
