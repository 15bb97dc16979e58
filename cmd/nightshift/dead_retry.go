package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/producer/event"
)

// retriedForm is one line of "dead retry --json".
type retriedForm struct {
	ID    uint64    `json:"id"`
	Ended bool      `json:"ended"` // it had its outcome already
	Job   event.Job `json:"job"`
}

func newDeadRetryCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var edit string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "retry ID…",
		Short: "Put dead letters back among the jobs, as they are or mended",
		Long: `Publishes the job that a dead letter holds and takes the letter away. As it is, a
letter becomes valid when Nightshift was updated, or when only its subject was
wrong; otherwise mend a copy of it and pass that with --edit. What is still no
valid job is refused, and nothing is changed.`,
		Example: `  nightshift dead show 17 --raw > job.json    # mend job.json in an editor, then:
  nightshift dead retry 17 --edit job.json

  nightshift dead show 18 --raw | jq '.lane="nightly"' | nightshift dead retry 18 --edit -`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("%q needs an ID: see %q", cmd.CommandPath(), "nightshift dead list")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			edited, err := a.edited(edit, len(ids))
			if err != nil {
				return err
			}
			return a.deadLetters(cmd.Context(), &s, logs, func(dead *producer.DeadLetters, _ *ui.Screen) error {
				return a.retryDead(cmd.Context(), dead, ids, edited, asJSON)
			})
		},
	}
	a.settings(cmd, &s, &logs)
	cmd.Flags().StringVar(&edit, "edit", "", "publish the job of this file in the letter's place; - is standard input")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each job that was published as one line of JSON")
	_ = cmd.MarkFlagFilename("edit", "json")
	return cmd
}

// mostEdited bounds what is read of a mended job, in bytes. A valid one is far
// smaller.
const mostEdited = 1 << 20

// edited reads the mended job, before anything is begun; nil: there is none.
func (a *app) edited(name string, letters int) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	if letters != 1 {
		return nil, usageError("--edit mends one letter: name one ID, not %d", letters)
	}
	from := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usageError("--edit: %w", err)
		}
		defer f.Close()
		from = f
	}
	data, err := io.ReadAll(io.LimitReader(from, mostEdited))
	if err != nil {
		return nil, usageError("--edit: %w", err)
	}
	if len(data) == 0 {
		return nil, usageError("--edit: %s is empty", name)
	}
	return data, nil
}

func (a *app) retryDead(ctx context.Context, dead *producer.DeadLetters, ids []uint64, edited []byte, asJSON bool) error {
	var refused []error
	for _, id := range ids {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		one, cancel := graced(ctx, bulkGrace)
		r, err := retryOne(one, dead, id, edited)
		cancel()
		if err != nil {
			refused = append(refused, err)
			continue
		}
		if asJSON {
			_ = json.NewEncoder(a.stdout).Encode(retriedForm{ID: id, Ended: r.Ended, Job: r.Job})
			continue
		}
		a.printRetried(id, r)
	}
	return everyError(refused)
}

func retryOne(ctx context.Context, dead *producer.DeadLetters, id uint64, edited []byte) (producer.Retried, error) {
	d, err := letter(ctx, dead, id)
	if err != nil {
		return producer.Retried{}, err
	}
	data, mend := d.Data, "mend a copy and pass it with --edit"
	if edited != nil {
		data, mend = edited, "mend what is passed with --edit"
	}
	job, err := producer.DecodeDead(data)
	if err != nil {
		return producer.Retried{}, fmt.Errorf("dead letter %d is left as it is: %w; %s", id, err, mend)
	}
	r, err := dead.Retry(ctx, id, job)
	if errors.Is(err, producer.ErrOtherJob) {
		err = fmt.Errorf("dead letter %d is left as it is: %w; retry it when that has ended, or drop it", id, err)
	}
	return r, err
}

func (a *app) printRetried(id uint64, r producer.Retried) {
	if r.Ended {
		a.printf("%d: %s had ended in cycle %s already; the letter is dropped\n", id, r.Job.LoginID, r.Job.Cycle)
		return
	}
	a.printf("%d: job of %s queued, lane %s, cycle %s\n", id, r.Job.LoginID, r.Job.Lane, r.Job.Cycle)
	if end := r.Job.NotAfter; !end.IsZero() && end.Before(now()) {
		a.note(fmt.Sprintf("note: its window ended at %s, so it will fail as window_closed; without notAfter it has no window", end.Format(time.RFC3339)))
	}
}
