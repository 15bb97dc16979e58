package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer/event"
)

// eventFlags choose among the outcomes.
type eventFlags struct {
	kind, login, cycle string
	since              time.Duration
	follow, asJSON     bool
}

func newEventsCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var f eventFlags
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print outcome events, those told so far or as they come",
		Long: `Prints what lies in the stream ` + event.StreamOutcomes + `, the oldest first. It reads
only: nobody else misses an event because of it.`,
		Example: `  nightshift events --follow --type reconnect_required --nats-url nats://nats:4222
  nightshift events --since 24h --json | jq -r 'select(.type=="failed").reason' | sort | uniq -c`,
		GroupID: groupLook,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if err := s.mustExist(); err != nil {
				return err
			}
			st, err := s.open(cmd.Context(), a.logger(logs), false)
			if f.follow && stopped(cmd.Context(), err) {
				return nil
			}
			if err != nil {
				return err
			}
			defer st.Close()
			screen := ui.NewScreen(a.stdout, ui.StyleOf(a.stdout, a.env.noColor()))
			err = f.read(cmd.Context(), st.JS, func(o event.Outcome, raw []byte) {
				if f.asJSON {
					a.printf("%s\n", raw)
					return
				}
				screen.Event(shown(o))
			})
			if f.follow && stopped(cmd.Context(), err) {
				return nil // Ctrl-C is how following ends
			}
			return err
		},
	}
	a.settings(cmd, &s, &logs)
	cmd.Flags().StringVar(&f.kind, "type", "", "only this ending: refreshed, mfa_required, reconnect_required or failed")
	cmd.Flags().StringVar(&f.login, "login", "", "only this loginId")
	cmd.Flags().StringVar(&f.cycle, "cycle", "", "only this cycle, such as 2026-11-22")
	explained(cmd.Flags(), &f.since, "since", 0, span(0), "only what was told in this time until now, such as 24h")
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what is told from now on, until Ctrl-C")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print each event's data as one line of JSON")
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(
		[]string{"refreshed", "mfa_required", "reconnect_required", "failed"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
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

func (f *eventFlags) check() error {
	if _, ok := event.Reasons[event.Type(f.kind)]; f.kind != "" && !ok {
		return usageError("--type: %q is none of refreshed, mfa_required, reconnect_required, failed", f.kind)
	}
	if f.cycle != "" {
		if err := event.CheckCycle(f.cycle); err != nil {
			return usageError("--cycle: %w", err)
		}
	}
	if f.login != "" {
		if err := event.CheckLoginID(f.login); err != nil {
			return usageError("--login: %w", err)
		}
	}
	return nil
}

// read calls each for every outcome that the flags choose. Without follow it
// ends with the last one that there was when it began.
func (f *eventFlags) read(ctx context.Context, js jetstream.JetStream, each func(event.Outcome, []byte)) error {
	stream, err := js.Stream(ctx, event.StreamOutcomes)
	if err != nil {
		return fmt.Errorf("stream %s: %w", event.StreamOutcomes, err)
	}
	last := stream.CachedInfo().State.LastSeq
	cons, err := stream.OrderedConsumer(ctx, f.config())
	if err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	if pending := cons.CachedInfo().NumPending; pending == 0 && !f.follow {
		return nil
	}
	msgs, err := cons.Messages()
	if err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	defer msgs.Stop()
	for {
		msg, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("read outcomes: %w", err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read outcomes: %w", err)
		}
		if !f.follow && meta.Sequence.Stream > last {
			return nil
		}
		if o, err := event.DecodeOutcome(msg.Data()); err == nil && (f.cycle == "" || o.Cycle == f.cycle) {
			each(o, msg.Data())
		}
		if !f.follow && meta.NumPending == 0 {
			return nil
		}
	}
}

func (f *eventFlags) config() jetstream.OrderedConsumerConfig {
	login, kind := "*", event.Type("*")
	if f.login != "" {
		login = f.login
	}
	if f.kind != "" {
		kind = event.Type(f.kind)
	}
	c := jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{event.OutcomeSubject(login, kind)},
		DeliverPolicy:  jetstream.DeliverAllPolicy,
	}
	if f.since > 0 {
		since := now().Add(-f.since)
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &since
	}
	return c
}

// now is the moment in UTC, as all times on the wire are.
func now() time.Time { return time.Now().UTC() }
