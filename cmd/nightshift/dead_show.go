package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
)

func newDeadShowCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var raw, asJSON bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one dead letter: what is wrong with it, and what it says",
		Long: `Shows where the message lay, when and why it was moved away, and what it says, made
safe for a terminal. --raw prints its bytes as they are and nothing else. Of a
very large message the first 512 KiB were kept.`,
		Example: `  nightshift dead show 17
  nightshift dead show 17 --raw > job.json
  nightshift dead show 17 --json | jq -r .data | base64 -d`,
		Args: oneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			if raw && asJSON {
				return usageError("--raw and --json are two forms: take one")
			}
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			return a.deadLetters(cmd.Context(), &s, logs, func(dead *producer.DeadLetters, _ *ui.Screen) error {
				d, err := letter(cmd.Context(), dead, ids[0])
				if err != nil {
					return err
				}
				return a.showDead(d, raw, asJSON)
			})
		},
	}
	a.settings(cmd, &s, &logs)
	cmd.Flags().BoolVar(&raw, "raw", false, "print the bytes as they are")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as one line of JSON, the bytes in base64")
	return cmd
}

func (a *app) showDead(d producer.DeadLetter, raw, asJSON bool) error {
	switch {
	case raw:
		_, err := a.stdout.Write(d.Data)
		return err
	case asJSON:
		form := deadJSON(d)
		form.Data = d.Data
		return json.NewEncoder(a.stdout).Encode(form)
	}
	a.facts([][2]string{
		{"dead letter", strconv.FormatUint(d.ID, 10)},
		{"moved away", timeWords(d.At, now())},
		{"reason", string(d.Reason)},
		{"error", d.Error},
		{"subject", d.Subject},
		{"sequence", nonZero(int(d.Seq))},
		{"bytes", strconv.Itoa(len(d.Data))},
	})
	a.printf("\n%s\n", payload(d))
	return nil
}

// mostShown is how much of a message a terminal is given, in bytes.
const mostShown = 16 << 10

// payload is the message for a reader: JSON with one field a line, anything
// else as it is, but for what is not printable.
func payload(d producer.DeadLetter) string {
	var pretty bytes.Buffer
	data := d.Data
	if json.Indent(&pretty, data, "", "  ") == nil {
		data = pretty.Bytes()
	}
	text := safe(strings.TrimRight(string(data[:min(len(data), mostShown)]), "\n"))
	if more := len(data) - mostShown; more > 0 {
		text += fmt.Sprintf("\n… and %s: --raw prints them all", counted(more, "byte more", "bytes more"))
	}
	return text
}

// letter reads one that the operator has named.
func letter(ctx context.Context, dead *producer.DeadLetters, id uint64) (producer.DeadLetter, error) {
	d, ok, err := dead.Get(ctx, id)
	if err == nil && !ok {
		err = noLetter(id)
	}
	return d, err
}

func noLetter(id uint64) error {
	return fmt.Errorf("there is no dead letter %d: it was dropped or retried, or is older than 30 days; see %q", id, "nightshift dead list")
}

// oneID takes the ID of one dead letter.
func oneID(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError("%q takes one ID, but got %d words", cmd.CommandPath(), len(args))
	}
	return nil
}

// parseIDs reads IDs as the list shows them, each once.
func parseIDs(args []string) ([]uint64, error) {
	var ids []uint64
	seen := map[uint64]bool{}
	for _, arg := range args {
		id, err := strconv.ParseUint(arg, 10, 64)
		if err != nil || id == 0 {
			return nil, usageError("%q is no ID: take a number of the first column of %q", arg, "nightshift dead list")
		}
		if !seen[id] {
			ids = append(ids, id)
		}
		seen[id] = true
	}
	return ids, nil
}
