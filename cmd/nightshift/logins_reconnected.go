package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newLoginsReconnectedCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reconnected LOGIN…",
		Short: "Note that holders have connected again, so that the nights refresh their logins",
		Long: `Whoever was told to reconnect is left alone until it is known that they have. Say
so with this command when Flinks Connect has reported a success for the same
loginId: nothing stands in the way of a refresh any longer. Whether a login takes
part in the nights at all stays as it is. A single - reads the logins from
standard input, one a line.`,
		Example: `  nightshift logins reconnected 5e115eac-1209-4f19-641c-08d6d484e2fe
  nightshift refresh 5e115eac-1209-4f19-641c-08d6d484e2fe --live # do not wait for the night`,
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
			return a.changeLogins(cmd.Context(), ids, loginChange{doing: "noting", done: "noted as reconnected", asJSON: asJSON,
				do: func(ctx context.Context, id string) error { return st.State.Reconnected(ctx, id, now()) },
			})
		},
	}
	a.rosterSettings(cmd, &s, &logs)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the counts, and every login that failed, as one line of JSON")
	return cmd
}
