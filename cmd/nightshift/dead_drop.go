package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
)

// dropped is what "dead drop --json" prints.
type dropped struct {
	Selected int  `json:"selected"`
	DryRun   bool `json:"dryRun"`
	Dropped  int  `json:"dropped"`
	Gone     int  `json:"gone"` // somebody else was faster
}

func newDeadDropCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var f deadFlags
	var confirm confirmFlags
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "drop [ID…]",
		Short: "Delete dead letters for good",
		Long: `Deletes dead letters. Nobody is told: a message that is no job has no outcome. On a
terminal it shows what it would do; --yes does it.`,
		Example: `  nightshift dead drop 17 18 --yes
  nightshift dead drop --reason malformed --since 2026-11-22 --yes
  nightshift dead drop --all --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := chosen("the IDs", len(args) > 0, f.any(), all); err != nil {
				return err
			}
			if len(args) > 0 && f.any() {
				return usageError("name IDs or choose with flags, not both")
			}
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			return a.deadLetters(cmd.Context(), &s, logs, func(dead *producer.DeadLetters, screen *ui.Screen) error {
				p, err := pickDead(cmd.Context(), dead, ids, f.filter())
				if err != nil {
					return err
				}
				return a.dropDead(cmd.Context(), screen, dead, p, confirm.only(a), asJSON)
			})
		},
	}
	a.settings(cmd, &s, &logs)
	f.register(cmd)
	confirm.register(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every dead letter")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the counts as one line of JSON")
	return cmd
}

// pickedDead are the letters that an operator has chosen.
type pickedDead struct {
	ids     []uint64
	rows    [][]string // of the first ones
	missing []error
}

func (p *pickedDead) add(d producer.DeadLetter) {
	p.ids = append(p.ids, d.ID)
	if len(p.rows) < shownPicks {
		p.rows = append(p.rows, deadRow(d))
	}
}

func pickDead(ctx context.Context, dead *producer.DeadLetters, ids []uint64, filter producer.DeadFilter) (p pickedDead, err error) {
	for _, id := range ids {
		d, ok, err := dead.Get(ctx, id)
		if err != nil {
			return p, err
		}
		if !ok {
			p.missing = append(p.missing, noLetter(id))
			continue
		}
		p.add(d)
	}
	if len(ids) > 0 {
		return p, nil
	}
	for d, err := range dead.List(ctx, filter) {
		if err != nil {
			return p, err
		}
		p.add(d)
	}
	return p, nil
}

// dropDead shows what is chosen, drops it, and tells what became of it.
func (a *app) dropDead(ctx context.Context, screen *ui.Screen, dead *producer.DeadLetters, p pickedDead, dry, asJSON bool) error {
	if !asJSON && (len(p.ids) > 0 || len(p.missing) == 0) {
		a.deadTable(p.rows)
		if more := len(p.ids) - len(p.rows); more > 0 {
			a.printf("… and %d more\n", more)
		}
	}
	var there, gone atomic.Int64
	var err error
	if !dry {
		err = bulk(ctx, screen, "dropping", p.ids, func(ctx context.Context, id uint64) error {
			ok, err := dead.Drop(ctx, id)
			switch {
			case err != nil:
				return err
			case ok:
				there.Add(1)
			default:
				gone.Add(1)
			}
			return nil
		})
	}
	switch {
	case asJSON:
		_ = json.NewEncoder(a.stdout).Encode(dropped{len(p.ids), dry, int(there.Load()), int(gone.Load())})
	case dry && len(p.ids) > 0:
		a.printf("%s would be dropped: --yes does it\n", counted(len(p.ids), "dead letter", "dead letters"))
	case len(p.ids) > 0:
		a.printf("%s\n", droppedWords(there.Load(), gone.Load()))
	}
	return errors.Join(err, everyError(p.missing))
}

func droppedWords(there, gone int64) string {
	if gone == 0 {
		return fmt.Sprintf("%d dropped", there)
	}
	return fmt.Sprintf("%d dropped, %d gone already: somebody else was faster", there, gone)
}
