package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/state"
)

func newLoginsImportCommand(a *app) *cobra.Command {
	var s storeSettings
	var source rosterSource
	var logs logSettings
	var confirm confirmFlags
	var prune, asJSON bool
	cmd := &cobra.Command{
		Use:   "import [FILE|-]",
		Short: "Put logins on the roster, from a file or a query",
		Long: `Reads a list of logins and puts them on the roster: CSV with a header that has a
column loginId or login_id, NDJSON with the same names, or a query to your own
database, which is read in a transaction that cannot write. Two more columns are
optional: institution, as Flinks names the bank, and scheduled, true or false.
Where the list does not say it, a new login takes part in the nights, and one
that is on the roster stays as it is.

It can be repeated, and stopped at any moment: the same command does the rest.
Lines that name no login are left out and told, and the exit code is 3.

With --prune, logins that are not in the list are taken out of the nights. Their
records stay, and so does the schedule that Flinks itself may have for them (see
"nightshift logins disable"). One that comes back into the list later stays out
until its column scheduled says true, or "nightshift logins enable" does. A list
that is empty or has bad lines prunes nothing. On a terminal, --prune only shows
how many logins it is about and changes nothing; --yes does it.`,
		Example: `  nightshift logins import logins.csv
  psql --csv -c "select login_id, institution from banks" | nightshift logins import -

  export NIGHTSHIFT_SQL_FILE=/run/secrets/database # postgres://nightshift:PASSWORD@db:5432/app
  nightshift logins import --query "select login_id, bank as institution, active as scheduled from banks" --prune --yes`,
		Args: atMostOneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (confirm.dryRun || confirm.yes) && !prune {
				return usageError("--dry-run and --yes are about --prune: to import alone needs neither")
			}
			source.file = firstOf(args)
			im := &rosterImport{dry: prune && confirm.only(a)}
			if prune {
				im.listed = newLoginSet()
			}
			err := a.importRoster(cmd.Context(), &s, logs, &source, im)
			return a.tellImport(im, err, asJSON)
		},
	}
	a.rosterSettings(cmd, &s, &logs, &source)
	confirm.register(cmd)
	cmd.Flags().BoolVar(&prune, "prune", false, "take logins that are not in the list out of the nights")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the counts as one line of JSON")
	return cmd
}

func atMostOneFile(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError("%q takes one file, but got %d words", cmd.CommandPath(), len(args))
	}
	return nil
}

func firstOf(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// importBatch bounds what is held of the list.
const importBatch = 4000

// rosterImport is an import at work, and what came of it.
type rosterImport struct {
	store  *state.Store
	dry    bool      // nothing is changed
	listed *loginSet // nil: nothing is to be pruned

	batch                        []state.Enrolment
	begun                        bool
	read, added, updated, pruned int
	bad                          badLines
}

func (a *app) importRoster(ctx context.Context, s *storeSettings, logs logSettings, source *rosterSource, im *rosterImport) error {
	list, err := source.open(ctx, a)
	if err != nil {
		return err
	}
	defer list.Close()
	screen, others := a.screen(a.stderr)
	st, err := s.openRoster(ctx, a.loggerTo(others, logs), true)
	if err != nil {
		return err
	}
	defer st.Close()
	im.store, im.begun, im.bad.w = st.State, true, others
	if list.Lines() > importBatch {
		screen.Start("importing", list.Lines())
		defer screen.Finish()
	}
	if err := im.enrol(ctx, list.Entries(), screen); err != nil {
		return im.stoppedBy(ctx, err)
	}
	screen.Finish()
	if im.listed == nil {
		return nil
	}
	return im.stoppedBy(ctx, im.prune(ctx))
}

func (im *rosterImport) enrol(ctx context.Context, list iter.Seq2[producer.Entry, error], screen *ui.Screen) error {
	for e, err := range list {
		if line, ok := errors.AsType[*producer.LineError](err); ok {
			im.bad.add(line)
			continue
		}
		if err != nil {
			return err
		}
		im.batch = append(im.batch, state.Enrolment(e))
		if len(im.batch) == importBatch {
			if err := im.flush(ctx); err != nil {
				return err
			}
			screen.Progress(im.read+im.bad.n, "")
		}
	}
	err := im.flush(ctx)
	screen.Progress(im.read+im.bad.n, "")
	return err
}

// flush enrols what was gathered.
func (im *rosterImport) flush(ctx context.Context) error {
	if im.listed != nil {
		for _, e := range im.batch {
			im.listed.add(e.LoginID)
		}
	}
	if !im.dry {
		added, err := im.store.Enrol(ctx, im.batch, now())
		if err != nil {
			return err
		}
		im.added += added
		im.updated += len(im.batch) - added
	}
	im.read += len(im.batch)
	im.batch = im.batch[:0]
	return nil
}

// stoppedBy says how far it came that was stopped.
func (im *rosterImport) stoppedBy(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("stopped after %s; the same command does the rest", counted(im.read, "login", "logins"))
}

// importCounts is what "logins import --json" prints.
type importCounts struct {
	Read    int   `json:"read"`
	Added   int   `json:"added"`
	Updated int   `json:"updated"`
	Bad     int   `json:"bad"`
	Pruned  *int  `json:"pruned,omitempty"` // with --prune
	DryRun  *bool `json:"dryRun,omitempty"` // with --prune
}

// tellImport prints what came of an import that has begun.
func (a *app) tellImport(im *rosterImport, err error, asJSON bool) error {
	switch {
	case !im.begun:
		return err
	case asJSON:
		c := importCounts{Read: im.read, Added: im.added, Updated: im.updated, Bad: im.bad.n}
		if im.listed != nil {
			c.Pruned, c.DryRun = &im.pruned, &im.dry
		}
		_ = json.NewEncoder(a.stdout).Encode(c)
	default:
		im.print(a.stdout, err)
	}
	if err != nil {
		return err
	}
	return im.bad.err()
}

func (im *rosterImport) print(w io.Writer, err error) {
	bad := counted(im.bad.n, "bad line", "bad lines")
	if im.dry {
		fmt.Fprintf(w, "%s in the list, %s; nothing was changed\n", counted(im.read, "login", "logins"), bad)
	} else {
		fmt.Fprintf(w, "%d added, %d updated, %s\n", im.added, im.updated, bad)
	}
	if im.listed == nil || err != nil {
		return
	}
	them := counted(im.pruned, "login that is not in the list", "logins that are not in the list")
	switch {
	case im.dry && im.pruned > 0:
		fmt.Fprintf(w, "%s would be taken out of the nights: --yes imports the list and does it\n", them)
	case im.dry:
		fmt.Fprintf(w, "%s: --yes imports the list\n", them)
	default:
		fmt.Fprintf(w, "taken out of the nights: %s\n", them)
	}
}
