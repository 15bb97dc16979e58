package main

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/producer/event"
)

func newDeadCommand(a *app) *cobra.Command {
	cmd := groupCommand("dead", "Look after messages that are no valid job: list, show, retry, drop", groupLook,
		newDeadListCommand(a), newDeadShowCommand(a), newDeadRetryCommand(a), newDeadDropCommand(a))
	cmd.Long = `A message among the jobs that no worker can read, or whose fields break a rule, is
moved as it came to the stream ` + event.StreamDead + ` and kept there for 30 days. These
commands show such dead letters, put them back as jobs once they are mended, or
drop them.`
	cmd.Example = `  nightshift dead list
  nightshift dead show 17
  nightshift dead show 17 --raw > job.json    # mend job.json in an editor, then:
  nightshift dead retry 17 --edit job.json
  nightshift dead drop --reason malformed --yes`
	return cmd
}

// deadFlags choose among the dead letters.
type deadFlags struct {
	reason string
	since  time.Time
}

func (f *deadFlags) register(cmd *cobra.Command) {
	explained(cmd.Flags(), &f.reason, "reason", "", choice(deadReasons...), "only this kind of fault")
	explained(cmd.Flags(), &f.since, "since", time.Time{}, moment(), "only what was moved away since then, such as 24h (ago) or 2026-11-22")
	complete(cmd, "reason", deadReasons...)
}

var deadReasons = words([]event.DeadReason{event.DeadMalformed, event.DeadVersion, event.DeadInvalid})

func (f *deadFlags) any() bool { return *f != deadFlags{} }

func (f *deadFlags) filter() producer.DeadFilter {
	return producer.DeadFilter{Reason: event.DeadReason(f.reason), Since: f.since}
}

func newDeadListCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var f deadFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, the oldest first",
		Long: `Lists the messages that were no valid job: when a worker moved each away, what is
wrong with it, where it lay and how many bytes it has. It reads only. The other
commands take the ID of the first column.`,
		Example: `  nightshift dead list --reason version --since 24h
  nightshift dead list --json | jq -r 'select(.reason=="invalid").error'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.deadLetters(cmd.Context(), &s, logs, func(dead *producer.DeadLetters, _ *ui.Screen) error {
				return a.listDead(cmd.Context(), dead, f.filter(), asJSON)
			})
		},
	}
	a.settings(cmd, &s, &logs)
	f.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each letter as one line of JSON, without its bytes")
	return cmd
}

// deadLetters opens the streams for do; the screen is for its progress.
func (a *app) deadLetters(ctx context.Context, s *storeSettings, logs logSettings, do func(*producer.DeadLetters, *ui.Screen) error) error {
	if err := s.mustExist(); err != nil {
		return err
	}
	screen, others := a.screen(a.stderr)
	st, err := s.open(ctx, a.loggerTo(others, logs), false)
	if err != nil {
		return err
	}
	defer st.Close()
	dead, err := producer.OpenDead(ctx, st.JS)
	if err != nil {
		return err
	}
	return do(dead, screen)
}

func (a *app) listDead(ctx context.Context, dead *producer.DeadLetters, filter producer.DeadFilter, asJSON bool) error {
	var rows [][]string
	for d, err := range dead.List(ctx, filter) {
		if err != nil {
			return err
		}
		if !asJSON {
			rows = append(rows, deadRow(d))
			continue
		}
		if err := json.NewEncoder(a.stdout).Encode(deadJSON(d)); err != nil {
			return err
		}
	}
	if !asJSON {
		a.deadTable(rows)
	}
	return nil
}

func (a *app) deadTable(rows [][]string) {
	if len(rows) == 0 {
		a.note("no dead letter fits")
		return
	}
	ui.Table(a.stdout, ui.StyleOf(a.stdout, a.env.noColor()), []string{"ID", "WHEN", "REASON", "BYTES", "SUBJECT", "ERROR"}, rows)
}

func deadRow(d producer.DeadLetter) []string {
	return []string{
		strconv.FormatUint(d.ID, 10), d.At.Format(time.RFC3339), string(d.Reason), strconv.Itoa(len(d.Data)), d.Subject, d.Error,
	}
}

// deadForm is a dead letter in JSON.
type deadForm struct {
	ID       uint64           `json:"id"`
	At       time.Time        `json:"at"`
	Reason   event.DeadReason `json:"reason"`
	Error    string           `json:"error"`
	Subject  string           `json:"subject"`
	Sequence uint64           `json:"sequence"`
	Bytes    int              `json:"bytes"`

	Data []byte `json:"data,omitempty"` // base64; of "dead show" only
}

func deadJSON(d producer.DeadLetter) deadForm {
	return deadForm{ID: d.ID, At: d.At, Reason: d.Reason, Error: d.Error, Subject: d.Subject, Sequence: d.Seq, Bytes: len(d.Data)}
}
