package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

// knownLogin is all that is known of a login.
type knownLogin struct {
	record  state.Login
	outcome *event.Outcome // the last that was told; nil: none in the stream
	working bool           // a job waits for a worker, or one has it in hand
	parked  []producer.Parked
}

// knownForm is what "logins show --json" prints.
type knownForm struct {
	rosterForm
	Listed   bool           `json:"listed"` // on the roster
	Eligible bool           `json:"eligible"`
	Why      producer.Why   `json:"why,omitempty"`
	Working  bool           `json:"working"`
	Parked   []parkedForm   `json:"parked,omitempty"`
	Outcome  *event.Outcome `json:"outcome,omitempty"`
}

func newLoginsShowCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show LOGIN",
		Short: "Show all that is known of a login, and whether it is due",
		Long: `Shows what the roster says of a login, how its refreshes went, its jobs that wait or
are parked, the last outcome that was told, and whether the next night will
refresh it, or why not.`,
		Example: `  nightshift logins show 5e115eac-1209-4f19-641c-08d6d484e2fe
  nightshift logins show 5e115eac-1209-4f19-641c-08d6d484e2fe --json | jq .why`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("%q takes one loginId, but got %d words", cmd.CommandPath(), len(args))
			}
			if err := event.CheckLoginID(args[0]); err != nil {
				return usageError("%w", err)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.rosterExists(false); err != nil {
				return err
			}
			st, err := s.open(cmd.Context(), a.logger(logs), true)
			if err != nil {
				return err
			}
			defer st.Close()
			k, err := lookUpLogin(cmd.Context(), st, args[0])
			if err != nil {
				return err
			}
			if k.unknown() {
				return notListed(args[0])
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(k.form(now()))
			}
			a.facts(k.facts(now()))
			return nil
		},
	}
	a.settings(cmd, &s, &logs)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as one line of JSON")
	return cmd
}

func lookUpLogin(ctx context.Context, st *stores, login string) (k knownLogin, err error) {
	if k.record, err = st.State.Login(ctx, login); err != nil {
		return k, err
	}
	if k.outcome, err = lastOutcome(ctx, st.JS, login); err != nil {
		return k, err
	}
	jobs, err := producer.OpenParked(ctx, st.JS)
	if err != nil {
		return k, err
	}
	if k.working, err = jobs.AtWork(ctx, login); err != nil {
		return k, err
	}
	for p, err := range jobs.List(ctx, producer.ParkedFilter{Logins: []string{login}}) {
		if err != nil {
			return k, err
		}
		k.parked = append(k.parked, p)
	}
	return k, nil
}

// lastOutcome is the login's last outcome that can be read; nil: there is none.
func lastOutcome(ctx context.Context, js jetstream.JetStream, login string) (*event.Outcome, error) {
	outcomes, err := js.Stream(ctx, event.StreamOutcomes)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", event.StreamOutcomes, err)
	}
	msg, err := outcomes.GetLastMsgForSubject(ctx, event.AnyOutcomeSubject(login))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("last outcome of %s: %w", login, err)
	}
	o, err := event.DecodeOutcome(msg.Data)
	if err != nil {
		return nil, nil // It is none, as "events" sees it.
	}
	return &o, nil
}

func (k knownLogin) listed() bool { return !k.record.Since.IsZero() }

func (k knownLogin) unknown() bool {
	return !k.listed() && k.record.Ended.IsZero() && k.outcome == nil && !k.working && len(k.parked) == 0
}

func (k knownLogin) form(now time.Time) knownForm {
	f := knownForm{rosterForm: rosterJSON(k.record), Listed: k.listed(), Working: k.working, Outcome: k.outcome}
	if f.Listed {
		v := producer.Eligible(k.record, now, false)
		f.Eligible, f.Why = v.Eligible, v.Why
	}
	for _, p := range k.parked {
		f.Parked = append(f.Parked, parkedJSON(p))
	}
	return f
}

// facts are the lines of "logins show".
func (k knownLogin) facts(now time.Time) [][2]string {
	l := k.record
	all := [][2]string{
		{"login", l.LoginID},
		{"institution", l.Institution},
		{"roster", k.rosterWords(now)},
		{"next night", k.dueWords(now)},
		{"last ending", endingWords(l.Type, l.Reason, l.Code)},
		{"of cycle", l.Cycle},
		{"ended", timeWords(l.Ended, now)},
		{"refreshed", timeWords(l.Success, now)},
		{"cached call", timeWords(l.Cached, now)},
		{"refused", timeWords(l.RefusedAt, now)},
		{"waiting since", timeWords(l.Waiting, now)},
	}
	if o := k.outcome; o != nil && (o.Cycle != l.Cycle || string(o.Type) != l.Type) { // Redis was flushed, or it is about to know.
		all = append(all, [2]string{"last told", endingWords(string(o.Type), string(o.Reason), o.FlinksCode) +
			" of cycle " + o.Cycle + ", " + timeWords(o.Timings.Ended, now)})
	}
	if k.working {
		all = append(all, [2]string{"job", "waits for a worker, or one has it in hand"})
	}
	for _, p := range k.parked {
		all = append(all, [2]string{"parked job", fmt.Sprintf("%s, fires %s: see %q", reasonWords(p.Reason), dueWords(p.Due, now), "nightshift parked show "+l.LoginID)})
	}
	return append(all, [2]string{"mend", k.mend()})
}

func (k knownLogin) rosterWords(now time.Time) string {
	switch {
	case !k.listed():
		return "not on it: " + howToImport
	case !k.record.Scheduled:
		return "on it, but taken out of the nights; since " + timeWords(k.record.Since, now)
	}
	return "on it since " + timeWords(k.record.Since, now)
}

// dueWords is the verdict on the next night, and why.
func (k knownLogin) dueWords(now time.Time) string {
	if !k.listed() {
		return "no: it is not on the roster"
	}
	v := producer.Eligible(k.record, now, false)
	if v.Eligible {
		return "yes: " + v.Why.Text()
	}
	return "no: " + v.Why.Text()
}

// mend is the command that lets the login take part again.
func (k knownLogin) mend() string {
	id := k.record.LoginID
	switch {
	case !k.listed():
		return ""
	case !k.record.Scheduled:
		return `"nightshift logins enable ` + id + `"`
	case !k.record.Waiting.IsZero():
		return `when its holder has connected again: "nightshift logins reconnected ` + id + `"`
	}
	return ""
}

// endingWords is an ending with its reason and Flinks' word for it.
func endingWords(kind, reason, code string) string {
	if kind == "" {
		return ""
	}
	words := kind + ", " + reason
	if code != "" {
		words += " (" + code + ")"
	}
	return words
}
