package main

import (
	"context"
	"sync"

	"github.com/spf13/cobra"

	"nightshift/state"
)

func newLoginsRemoveCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var confirm confirmFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "remove LOGIN…",
		Short: "Take logins off the roster and forget how their refreshes went",
		Long: `Takes logins off the roster for good and forgets what was remembered of them. What
was told stays told. Flinks is not asked: where it has the login on its own
schedule, "nightshift logins disable" comes first. To leave a login out for a
time, disable it instead. A single - reads the logins from standard input, one a
line. On a terminal it shows what it would do; --yes does it.`,
		Example: `  nightshift logins disable 5e115eac-1209-4f19-641c-08d6d484e2fe
  nightshift logins remove 5e115eac-1209-4f19-641c-08d6d484e2fe --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := a.namedLogins(args)
			if err != nil {
				return err
			}
			st, err := s.openRoster(cmd.Context(), a.logger(logs), false)
			if err != nil {
				return err
			}
			defer st.Close()
			return a.removeLogins(cmd.Context(), st.State, ids, confirm.only(a), asJSON)
		},
	}
	a.rosterSettings(cmd, &s, &logs)
	confirm.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the counts, and every login that failed, as one line of JSON")
	return cmd
}

// removeLogins shows what is known of the logins, and forgets it.
func (a *app) removeLogins(ctx context.Context, store *state.Store, ids []string, dry, asJSON bool) error {
	var mu sync.Mutex
	var rows [][]string
	found := 0
	err := a.changeLogins(ctx, ids, loginChange{doing: "removing", done: "removed", dry: dry, asJSON: asJSON,
		do: func(ctx context.Context, id string) error {
			l, err := store.Login(ctx, id)
			if err != nil {
				return err
			}
			if l.Since.IsZero() {
				return state.ErrNotListed
			}
			mu.Lock()
			found++
			if len(rows) < shownPicks {
				rows = append(rows, rosterRow(l))
			}
			mu.Unlock()
			if dry {
				return nil
			}
			return store.Remove(ctx, id)
		},
	})
	if dry && !asJSON && found > 0 {
		a.rosterTable(rows)
		if more := found - len(rows); more > 0 {
			a.printf("… and %d more\n", more)
		}
		a.printf("%s would be removed: --yes does it\n", counted(found, "login", "logins"))
	}
	return err
}
