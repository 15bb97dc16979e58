package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/local"
	"nightshift/producer/event"
	"nightshift/state"
)

func newLoginsCommand(a *app) *cobra.Command {
	cmd := groupCommand("logins", "Look after the roster: import, list, show, enable, disable, reconnected, remove", groupLook,
		newLoginsImportCommand(a), newLoginsListCommand(a), newLoginsShowCommand(a), newLoginsEnableCommand(a),
		newLoginsDisableCommand(a), newLoginsReconnectedCommand(a), newLoginsRemoveCommand(a))
	cmd.Long = `The roster is your list of logins, kept in Redis beside what is remembered of each:
when it was refreshed last, how that ended, and whether its holder has to act.
Flinks does not list your logins, so the list comes from you: import it once, and
again whenever it has changed. What is remembered stays when a login is imported
anew.`
	cmd.Example = `  The first time, and every day after:
    nightshift logins import logins.csv
    nightshift logins import --sql postgres://app@db/app --query "select login_id from banks" --prune --yes

  Why is this login not refreshed?
    nightshift logins show 5e115eac-1209-4f19-641c-08d6d484e2fe

  Keep a copy, and bring it back:
    nightshift logins list --json > logins.ndjson
    nightshift logins import logins.ndjson`
	return cmd
}

// rosterSettings declares the settings of a command that needs Redis alone.
func (a *app) rosterSettings(cmd *cobra.Command, s *storeSettings, logs *logSettings, more ...settings) {
	a.settings(cmd, append([]settings{s, logs}, more...)...)
	for _, name := range []string{"nats-url", "nats-creds", "replicas", "accounts-ttl"} {
		_ = cmd.Flags().MarkHidden(name)
	}
}

// openRoster opens Redis alone. Fresh says that there need be nothing in it
// yet.
func (s *storeSettings) openRoster(ctx context.Context, log *slog.Logger, fresh bool) (*stores, error) {
	if err := s.rosterExists(fresh); err != nil {
		return nil, err
	}
	st := &stores{}
	if s.RedisURL == "" {
		if err := st.lock(s); err != nil {
			return nil, err
		}
	}
	err := st.openRedis(ctx, s, log)
	if err == nil {
		err = st.awaitRedis(ctx, s, log)
	}
	if err != nil {
		st.Close()
		return nil, err
	}
	return st, nil
}

// rosterExists refuses to look for a roster where there is none, or to make one
// that would be gone with this process.
func (s *storeSettings) rosterExists(fresh bool) error {
	switch _, err := os.Stat(filepath.Join(s.Data, "redis")); {
	case s.RedisURL != "":
		return nil
	case !local.RedisInstalled():
		return usageError("the roster is kept in Redis: install redis-server, or name one with --redis-url")
	case !fresh && errors.Is(err, fs.ErrNotExist):
		return usageError("there is no roster in %s: name the directory with --data, or the server with --redis-url; %s", s.Data, howToImport)
	}
	return nil
}

const howToImport = `"nightshift logins import" puts logins on the roster`

// notListed is the error of a login that is not on the roster.
func notListed(login string) error {
	return fmt.Errorf("%s is not on the roster: %s", login, howToImport)
}

// rosterStep is how many parts of the roster are read at a time: with a
// million logins about four thousand of them.
const rosterStep = 64

// walkRoster reads the whole roster, part by part, in no particular order.
func walkRoster(ctx context.Context, store *state.Store) iter.Seq2[state.Login, error] {
	return func(yield func(state.Login, error) bool) {
		buckets, err := store.Buckets(ctx)
		if err != nil {
			yield(state.Login{}, err)
			return
		}
		for some := range slices.Chunk(buckets, rosterStep) {
			part, err := store.Roster(ctx, some)
			if err != nil {
				yield(state.Login{}, err)
				return
			}
			for _, l := range part {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}

// namedLogins are the logins of the arguments, or of standard input, a line
// each; every one of them once.
func (a *app) namedLogins(args []string) ([]string, error) {
	var err error
	if slices.Equal(args, []string{"-"}) {
		if args, err = a.readLogins(); err != nil {
			return nil, err
		}
	}
	if len(args) == 0 {
		return nil, usageError("no login is named: give one or more, or - for a list on standard input")
	}
	seen := map[string]bool{}
	var ids []string
	for _, id := range args {
		if err := event.CheckLoginID(id); err != nil {
			return nil, usageError("%w", err)
		}
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (a *app) readLogins() ([]string, error) {
	var ids []string
	lines := bufio.NewScanner(a.stdin)
	for n := 1; lines.Scan(); n++ {
		id := strings.TrimSpace(lines.Text())
		if id == "" {
			continue
		}
		if err := event.CheckLoginID(id); err != nil {
			return nil, usageError("standard input: line %d: %w", n, err)
		}
		ids = append(ids, id)
	}
	if err := lines.Err(); err != nil {
		return nil, usageError("standard input: %w", err)
	}
	return ids, nil
}
