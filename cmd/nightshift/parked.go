package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/producer/event"
)

func newParkedCommand(a *app) *cobra.Command {
	cmd := groupCommand("parked", "Look after jobs that wait for their time: list, show, fire now, cancel", groupLook,
		newParkedListCommand(a), newParkedShowCommand(a), newParkedNowCommand(a), newParkedCancelCommand(a))
	cmd.Long = `A job that has to wait longer than a minute is parked: it goes back to the stream
` + event.StreamJobs + ` as a scheduled message, and fires when its time has come. A bank in
maintenance and a Flinks that does not answer are the usual reasons. These
commands show what is parked, fire it before its time, or end it.`
	cmd.Example = `  A bank is back; do not wait for the retry:
    nightshift parked list --code DISABLED_INSTITUTION
    nightshift parked now --code DISABLED_INSTITUTION --yes

  A bank will be away all night; end its jobs:
    nightshift parked cancel --institution "Some Bank" --dry-run
    nightshift parked cancel --institution "Some Bank" --yes`
	return cmd
}

// parkedJobs opens the streams for do; the screen is for its progress.
func (a *app) parkedJobs(ctx context.Context, s *storeSettings, logs logSettings, do func(*producer.ParkedJobs, *stores, *ui.Screen) error) error {
	if err := s.mustExist(); err != nil {
		return err
	}
	screen, others := a.screen(a.stderr)
	st, err := s.open(ctx, a.loggerTo(others, logs), s.knowsRedis())
	if err != nil {
		return err
	}
	defer st.Close()
	jobs, err := producer.OpenParked(ctx, st.JS)
	if err != nil {
		return err
	}
	return do(jobs, st, screen)
}

// parkedFlags choose among the parked jobs.
type parkedFlags struct {
	lane, reason, cycle, institution, code string
	dueWithin                              time.Duration
}

func (f *parkedFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	explained(fs, &f.lane, "lane", "", choice("nightly", "ondemand"), "only this lane")
	explained(fs, &f.reason, "reason", "", reasonForm(), "only what was parked for this reason, such as bank_unavailable")
	fs.StringVar(&f.cycle, "cycle", "", "only this cycle, such as 2026-11-22")
	fs.StringVar(&f.institution, "institution", "", "only this bank, by its name at Flinks")
	fs.StringVar(&f.code, "code", "", "only where Flinks answered with this code last, such as RETRY_LATER")
	explained(fs, &f.dueWithin, "due-within", 0, span(time.Nanosecond), "only what fires in this time from now, such as 10m")
	complete(cmd, "lane", "nightly", "ondemand")
	complete(cmd, "reason", words(event.Reasons[event.Failed])...)
}

// reasonForm takes a word for what stands in a job's way. They are too many to
// stand beside the flag.
func reasonForm() form[string] {
	f := choice(words(event.Reasons[event.Failed])...)
	f.kind = "word"
	return f
}

func words[T ~string](all []T) []string {
	plain := make([]string, len(all))
	for i, w := range all {
		plain[i] = string(w)
	}
	return plain
}

// complete offers words to the shell for a flag's value.
func complete(cmd *cobra.Command, flag string, words ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// filter is what the flags ask for, by the logins that are given and by now.
func (f *parkedFlags) filter(logins []string, now time.Time) (producer.ParkedFilter, error) {
	if f.cycle != "" {
		if err := event.CheckCycle(f.cycle); err != nil {
			return producer.ParkedFilter{}, usageError("--cycle: %w", err)
		}
	}
	for _, id := range logins {
		if err := event.CheckLoginID(id); err != nil {
			return producer.ParkedFilter{}, usageError("%w", err)
		}
	}
	p := producer.ParkedFilter{
		Logins: logins, Lane: event.Lane(f.lane), Reason: event.Reason(f.reason),
		Cycle: f.cycle, Institution: f.institution, Code: f.code,
	}
	if f.dueWithin > 0 {
		p.DueBefore = now.Add(f.dueWithin)
	}
	return p, nil
}

// any reports whether a flag is set.
func (f *parkedFlags) any() bool { return *f != parkedFlags{} }
