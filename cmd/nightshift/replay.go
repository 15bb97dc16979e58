package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/producer/event"
)

// replayFlags say what is replayed, and how.
type replayFlags struct {
	selectionFlags
	confirmFlags
	live, asJSON bool
	rate         int // jobs a second
}

func newReplayCommand(a *app) *cobra.Command {
	var s storeSettings
	var f replayFlags
	var logs logSettings
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Refresh again what ended otherwise than it should have",
		Long: `Selects outcomes in the stream ` + event.StreamOutcomes + ` and publishes their jobs again, as
they were asked for, in a cycle of their own: what ended in 2026-11-22 is replayed
in 2026-11-22-r1, and that in 2026-11-22-r2. Workers ("nightshift consume") do the
work, and each login has one outcome more.

On a terminal it only shows what it would do, until --yes is given; in a script it
does it. A login is replayed once, for its newest outcome in the selection. Left
out are logins that were refreshed since, or whose account holder was asked for
something since; outcomes that were replayed already; those of replays, unless
--cycle names one; and refreshed ones, unless --type or --reason asks for them. A
login that the bank refused is not asked live again before it was reconnected: its
replay ends as refused_before.

Ctrl-C is safe at any moment, and so are two operators at once: the same command
goes on with the rest, and nothing is doubled.`,
		Example: `  What came of a bank's bad night, and then once more:
    nightshift replay --cycle 2026-11-22 --type failed --institution FlinksCapital
    nightshift replay --cycle 2026-11-22 --type failed --institution FlinksCapital --yes
    nightshift events --cycle 2026-11-22-r1

  In a script, slowly, asking the banks even where the data at Flinks is fresh:
    nightshift replay --reason flinks_unreachable --since 12h --live --rate 20 --yes --json`,
		GroupID: groupLook,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if err := s.mustExist(); err != nil {
				return err
			}
			return a.replay(cmd.Context(), &s, &f, logs)
		},
	}
	a.settings(cmd, &s, &logs)
	f.selectionFlags.register(cmd)
	f.confirmFlags.register(cmd)
	cmd.Flags().BoolVar(&f.live, "live", false, "ask the banks even where the data at Flinks is fresh")
	explained(cmd.Flags(), &f.rate, "rate", 200, whole(1, 100_000), "publish at most this many jobs a second")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the counts as one JSON object")
	return cmd
}

// check refuses a replay of everything: it is never what somebody means who
// has forgotten a flag.
func (f *replayFlags) check(cmd *cobra.Command) error {
	chosen := false
	for _, name := range selecting {
		chosen = chosen || cmd.Flags().Changed(name)
	}
	if !chosen {
		return usageError("replay needs a selection: at least one of --%s", strings.Join(selecting, ", --"))
	}
	return f.selectionFlags.check()
}

// replay selects, shows, and publishes unless it is only to show.
func (a *app) replay(ctx context.Context, s *storeSettings, f *replayFlags, logs logSettings) error {
	screen, others := a.screen(a.stderr)
	st, err := s.open(ctx, a.loggerTo(others, logs), false)
	if err != nil {
		return err
	}
	defer st.Close()
	found, err := producer.Replay{Selection: f.Selection, Live: f.live}.Read(ctx, st.JS)
	if stopped(ctx, err) {
		return errors.New("stopped while selecting; nothing was queued")
	}
	if err != nil {
		return err
	}
	r := f.replayed(found, f.only(a))
	if found.Matched == 0 {
		err = f.nothing(found.Cycles, s.place())
	} else if !f.asJSON {
		a.showSelected(f, r, found.Again)
	}
	if r.Replay > 0 && !r.DryRun {
		screen.Start("replaying", r.Replay)
		err = f.publish(ctx, producer.Publisher{JS: st.JS}, found, r, screen)
		screen.Finish()
	}
	switch {
	case f.asJSON:
		_ = json.NewEncoder(a.stdout).Encode(r)
	case r.Replay > 0:
		a.printf("%s\n", f.verdict(r))
	}
	return err
}

// lastAnswers is how long the jobs that are on their way when somebody stops
// the replay may take, so that they are counted.
const lastAnswers = 5 * time.Second

// publish publishes the jobs and counts them. When ctx ends, it begins no more.
func (f *replayFlags) publish(ctx context.Context, p producer.Publisher, found producer.Replays, r *replayed, screen *ui.Screen) error {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastAnswers, cancel) })()
	done := 0
	tally, err := p.Publish(longer, found.Jobs(ctx, f.rate), func(producer.Published) {
		done++
		screen.Progress(done, "")
	})
	r.Queued, r.Already = tally.Queued, tally.Already
	r.Left = r.Replay - r.Queued - r.Already
	switch {
	case r.Left > 0 && ctx.Err() != nil:
		return fmt.Errorf("stopped: %d of %d jobs are queued; %s goes on with the rest", r.Replay-r.Left, r.Replay, f.again())
	case err != nil:
		return fmt.Errorf("%w; %s goes on with the rest: what is queued stays queued once", err, f.again())
	}
	return nil
}

// again is the command that goes on with this one. A time such as 24h would
// mean another moment by then.
func (f *replayFlags) again() string {
	same := "the same command"
	if !f.Since.IsZero() {
		same += " with --since " + f.Since.Format(time.RFC3339Nano)
	}
	if !f.Until.IsZero() {
		same += " with --until " + f.Until.Format(time.RFC3339Nano)
	}
	return same
}
