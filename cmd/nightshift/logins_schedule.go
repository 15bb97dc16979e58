package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/spf13/cobra"

	"nightshift/flinks"
	"nightshift/state"
)

func newLoginsEnableCommand(a *app) *cobra.Command {
	return a.newLoginsSchedule(true, "enabling", "enabled", &cobra.Command{
		Use:   "enable LOGIN…",
		Short: "Let logins take part in the nights, here and at Flinks",
		Long: `Puts logins on Flinks' own schedule, which Flinks bills, and lets them take part in
Nightshift's nights. They must be on the roster. A single - reads the logins from
standard input, one a line. What is remembered of a login stays.`,
		Example: `  nightshift logins enable 5e115eac-1209-4f19-641c-08d6d484e2fe
  nightshift logins list --disabled --institution "Some Bank" --json | jq -r .loginId | nightshift logins enable -
  nightshift logins enable 5e115eac-1209-4f19-641c-08d6d484e2fe --local`,
	})
}

func newLoginsDisableCommand(a *app) *cobra.Command {
	return a.newLoginsSchedule(false, "disabling", "disabled", &cobra.Command{
		Use:   "disable LOGIN…",
		Short: "Take logins out of the nights, here and at Flinks",
		Long: `Takes logins off Flinks' own schedule and out of Nightshift's nights. Their records
stay, and "nightshift logins enable" brings them back. A single - reads the
logins from standard input, one a line. A job that is queued already goes on.`,
		Example: `  nightshift logins disable 5e115eac-1209-4f19-641c-08d6d484e2fe
  nightshift logins disable - < closed-accounts.txt
  nightshift logins disable 5e115eac-1209-4f19-641c-08d6d484e2fe --local`,
	})
}

func (a *app) newLoginsSchedule(on bool, doing, done string, cmd *cobra.Command) *cobra.Command {
	var s storeSettings
	var f flinksSettings
	var logs logSettings
	var local, asJSON bool
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := a.namedLogins(args)
		if err != nil {
			return err
		}
		var client *flinks.Client
		if !local {
			if client, err = f.client(changeAtOnce); err != nil {
				return usageError("%w; with --local only Nightshift's own record is changed", err)
			}
		}
		st, err := s.openRoster(cmd.Context(), a.logger(logs), false)
		if err != nil {
			return err
		}
		defer st.Close()
		return a.changeLogins(cmd.Context(), ids, loginChange{doing: doing, done: done, asJSON: asJSON,
			do: func(ctx context.Context, id string) error { return schedule(ctx, st.State, client, id, on) },
		})
	}
	a.rosterSettings(cmd, &s, &logs, &f)
	cmd.Flags().BoolVar(&local, "local", false, "change Nightshift's own record only, and do not ask Flinks")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the counts, and every login that failed, as one line of JSON")
	return cmd
}

// schedule changes a login at Flinks, unless client is nil, and then here:
// whatever is cut off in between, the same again mends it.
func schedule(ctx context.Context, store *state.Store, client *flinks.Client, id string, on bool) error {
	l, err := store.Login(ctx, id)
	if err != nil {
		return err
	}
	if l.Since.IsZero() {
		return state.ErrNotListed
	}
	if client != nil {
		if err := scheduleAtFlinks(ctx, client, id, on); err != nil {
			return err
		}
	}
	return store.Schedule(ctx, id, on)
}

// scheduleTries bounds how often Flinks is asked for one login.
const scheduleTries = 4

// scheduleAtFlinks asks again while Flinks is slow or tired. What it says of
// the login is the login's matter; what would befall every other, too, ends
// all.
func scheduleAtFlinks(ctx context.Context, client *flinks.Client, id string, on bool) error {
	bo := backoff.NewExponentialBackOff(backoff.WithInitialInterval(200*time.Millisecond), backoff.WithMaxInterval(5*time.Second))
	err := backoff.Retry(func() error {
		err := client.SetScheduledRefresh(ctx, id, on)
		switch flinks.KindOf(err) {
		case flinks.KindNone, flinks.KindThrottled, flinks.KindTransport, flinks.KindRetryable, flinks.KindBusy:
			return err
		}
		return backoff.Permanent(err)
	}, backoff.WithContext(backoff.WithMaxRetries(bo, scheduleTries-1), ctx))
	switch flinks.KindOf(err) {
	case flinks.KindNone:
		return nil
	case flinks.KindTransport, flinks.KindThrottled:
		return err
	case flinks.KindConfig, flinks.KindUnauthorized:
		return fmt.Errorf("%w: see %q", err, "nightshift doctor")
	}
	return loginRefusal{err}
}
