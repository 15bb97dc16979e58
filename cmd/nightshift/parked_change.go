package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/consumer"
	"nightshift/producer"
)

// parkedChange is what an operator does to parked jobs.
type parkedChange struct {
	*cobra.Command // its words

	doing string // such as "firing", for the progress
	would string // what a dry run says would be done
	fates []producer.Fate
	do    func(*producer.ParkedJobs, context.Context, uint64) (producer.Fate, error)

	asksBanks bool // that were in maintenance, on the operator's word
}

func newParkedNowCommand(a *app) *cobra.Command {
	return a.newParkedChange(parkedChange{
		Command: &cobra.Command{
			Use:   "now [LOGIN…]",
			Short: "Fire parked jobs before their time",
			Long: `Lets parked jobs go to the workers at once, as they stand: the attempt and all that
was spent stay as they are. Their banks are asked again, also those that were in
maintenance. A job that fired by itself meanwhile, or was parked anew, is left
alone. On a terminal it shows what it would do; --yes does it.
What cannot be read goes to a worker, too, who moves it to the dead letters.`,
			Example: `  nightshift parked now 5e115eac-1209-4f19-641c-08d6d484e2fe --yes
  nightshift parked now --institution "Some Bank" --reason bank_unavailable --yes
  nightshift parked now --all --dry-run`,
		},
		doing: "firing", would: "would fire",
		fates: []producer.Fate{producer.Fired, producer.Gone, producer.Unreadable},
		do:    (*producer.ParkedJobs).Now, asksBanks: true,
	})
}

func newParkedCancelCommand(a *app) *cobra.Command {
	return a.newParkedChange(parkedChange{
		Command: &cobra.Command{
			Use:   "cancel [LOGIN…]",
			Short: "End parked jobs as failed, reason cancelled",
			Long: `Ends parked jobs: each is told as failed with the reason cancelled, and nothing of
it is left. The account holder need do nothing, and the next night refreshes the
login as ever. A job that a worker has in hand is not parked, and goes on. On a
terminal it shows what it would do; --yes does it.`,
			Example: `  nightshift parked cancel 5e115eac-1209-4f19-641c-08d6d484e2fe --yes
  nightshift parked cancel --cycle 2026-11-22 --lane nightly --yes
  nightshift parked cancel --all --dry-run --json`,
		},
		doing: "cancelling", would: "would be cancelled",
		fates: []producer.Fate{producer.Cancelled, producer.Ended, producer.Gone, producer.Unreadable},
		do:    (*producer.ParkedJobs).Cancel,
	})
}

func (a *app) newParkedChange(c parkedChange) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var f parkedFlags
	var confirm confirmFlags
	var all, asJSON bool
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := chosen("the logins", len(args) > 0, f.any(), all); err != nil {
			return err
		}
		filter, err := f.filter(args, now())
		if err != nil {
			return err
		}
		return a.parkedJobs(cmd.Context(), &s, logs, func(jobs *producer.ParkedJobs, st *stores, screen *ui.Screen) error {
			picked, err := pickParked(cmd.Context(), jobs, filter, f.any())
			if err != nil {
				return err
			}
			dry := confirm.only(a)
			if c.asksBanks && !dry {
				if err := a.resumeBanks(cmd.Context(), st, picked.banks); err != nil {
					return err
				}
			}
			return a.changeParked(cmd.Context(), screen, c, jobs, picked, dry, asJSON)
		})
	}
	a.settings(c.Command, &s, &logs)
	f.register(c.Command)
	confirm.register(c.Command)
	c.Flags().BoolVar(&all, "all", false, "every parked job")
	c.Flags().BoolVar(&asJSON, "json", false, "print the counts as one line of JSON")
	return c.Command
}

// resumeBanks lets live calls at institutions go on that were in maintenance. If
// one still is, the first answer says so.
func (a *app) resumeBanks(ctx context.Context, st *stores, banks map[string]bool) error {
	if st.State == nil && len(banks) > 0 {
		a.note("without --redis-url a bank in maintenance stays paused until the next probe")
		return nil
	}
	for bank := range banks {
		if err := consumer.Resume(ctx, st.State, bank); err != nil {
			return err
		}
	}
	return nil
}

// chosen makes sure that an operator has said what is to be changed, and that
// everything is asked for in so many words.
func chosen(names string, named, filtered, all bool) error {
	switch {
	case !named && !filtered && !all:
		return usageError("nothing is chosen: name %s, choose with flags, or take --all", names)
	case all && (named || filtered):
		return usageError("--all takes everything: leave it out, or leave out %s and the flags that choose", names)
	}
	return nil
}

// changeParked shows what is chosen, changes it, and tells what became of it.
func (a *app) changeParked(ctx context.Context, screen *ui.Screen, c parkedChange, jobs *producer.ParkedJobs, p picked, dry, asJSON bool) error {
	if !asJSON && (len(p.seqs) > 0 || len(p.missing) == 0) {
		a.parkedTable(p.first)
	}
	counts := map[producer.Fate]int{}
	var err error
	if !dry {
		var mu sync.Mutex
		err = bulk(ctx, screen, c.doing, p.seqs, func(ctx context.Context, seq uint64) error {
			fate, err := c.do(jobs, ctx, seq)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				counts[fate]++
			}
			return err
		})
	}
	switch {
	case asJSON:
		a.printCounts(c.fates, counts, len(p.seqs), dry)
	case dry && len(p.seqs) > 0:
		a.printf("%s %s: --yes does it\n", counted(len(p.seqs), "parked job", "parked jobs"), c.would)
	case len(p.seqs) > 0:
		a.printf("%s\n", fateWords(c.fates, counts))
	}
	return errors.Join(err, everyError(p.missing))
}

// printCounts prints every fate, those that nobody had included.
func (a *app) printCounts(fates []producer.Fate, counts map[producer.Fate]int, selected int, dry bool) {
	form := map[string]any{"selected": selected, "dryRun": dry}
	for _, f := range fates {
		form[string(f)] = counts[f]
	}
	_ = json.NewEncoder(a.stdout).Encode(form)
}

// fateWords is the closing line: the first fate always, the others where
// somebody had it.
func fateWords(fates []producer.Fate, counts map[producer.Fate]int) string {
	say := map[producer.Fate]string{
		producer.Fired:      "fired",
		producer.Cancelled:  "cancelled",
		producer.Ended:      "had ended before",
		producer.Gone:       "no longer parked: fired by itself, or somebody else was faster",
		producer.Unreadable: `cannot be read, left alone: see "nightshift parked show LOGIN"`,
	}
	var parts []string
	for i, f := range fates {
		if i == 0 || counts[f] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[f], say[f]))
		}
	}
	return strings.Join(parts, ", ")
}
