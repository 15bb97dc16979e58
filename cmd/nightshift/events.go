package main

import (
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/producer/event"
)

func newEventsCommand(a *app) *cobra.Command {
	var s storeSettings
	var f selectionFlags
	var logs logSettings
	var follow, asJSON bool
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print outcome events, those told so far or as they come",
		Long: `Prints what lies in the stream ` + event.StreamOutcomes + `, the oldest first. It reads
only: nobody else misses an event because of it.`,
		Example: `  nightshift events --follow --type reconnect_required --nats-url nats://nats:4222
  nightshift events --since 24h --json | jq -r 'select(.type=="failed").reason' | sort | uniq -c
  nightshift events --reason bank_unavailable --since 2026-11-22T04:00:00Z --until 2026-11-22T08:00:00Z`,
		GroupID: groupLook,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if follow && !f.Until.IsZero() {
				return usageError("--until ends with the past, --follow goes on: give one of them")
			}
			if err := s.mustExist(); err != nil {
				return err
			}
			st, err := s.open(cmd.Context(), a.logger(logs), false)
			if follow && stopped(cmd.Context(), err) {
				return nil
			}
			if err != nil {
				return err
			}
			defer st.Close()
			err = a.printEvents(f.Read(cmd.Context(), st.JS, follow), asJSON)
			if follow && stopped(cmd.Context(), err) {
				return nil // Ctrl-C is how following ends
			}
			return err
		},
	}
	a.settings(cmd, &s, &logs)
	f.register(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is told from now on, until Ctrl-C")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each event's data as one line of JSON")
	return cmd
}

func (a *app) printEvents(told iter.Seq2[producer.Told, error], asJSON bool) error {
	screen := ui.NewScreen(a.stdout, ui.StyleOf(a.stdout, a.env.noColor()))
	for t, err := range told {
		if err != nil {
			return err
		}
		if asJSON {
			a.printf("%s\n", t.Data)
		} else {
			screen.Event(shown(t.Outcome))
		}
	}
	return nil
}

// mustExist refuses a data directory that holds no server's files: whoever
// only reads has most likely named the wrong one.
func (s *storeSettings) mustExist() error {
	if s.NATSURL != "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(s.Data, "nats")); errors.Is(err, fs.ErrNotExist) {
		return usageError("nothing was ever stored in %s: name the directory with --data, or the server with --nats-url", s.Data)
	}
	return nil
}

// now is the moment in UTC, as all times on the wire are.
func now() time.Time { return time.Now().UTC() }
