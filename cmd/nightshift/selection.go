package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/flinks"
	"nightshift/producer"
	"nightshift/producer/event"
)

// selectionFlags choose among the outcomes that were told.
type selectionFlags struct {
	producer.Selection
}

func (f *selectionFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	explained(fs, &f.Cycle, "cycle", "", cycle(), "only this cycle, such as 2026-11-22")
	explained(fs, &f.Type, "type", "", outcomeType(), "only this ending: "+orWords(ui.Types()))
	explained(fs, &f.Reason, "reason", "", reason(), "only this reason, such as bank_unavailable")
	explained(fs, &f.Code, "code", "", flinksCode(), "only this FlinksCode, such as RETRY_LATER")
	explained(fs, &f.Institution, "institution", "", named("institution"), "only this bank, by Flinks' name of it")
	fs.Var(loginList{&f.LoginIDs}, "login", "only this loginId; may be repeated, or name several with commas")
	explained(fs, &f.Since, "since", time.Time{}, moment(), "only what was told since: 24h (ago), 2026-11-22 or 2026-11-22T04:30:00Z")
	explained(fs, &f.Until, "until", time.Time{}, moment(), "only what was told before: a time as for --since")
	for name, words := range map[string][]string{"type": ui.Types(), "reason": reasons()} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}

// selecting names the flags.
var selecting = []string{"cycle", "type", "reason", "code", "institution", "login", "since", "until"}

// check refuses what can choose nothing.
func (f *selectionFlags) check() error {
	if of := event.Reasons[f.Type]; f.Type != "" && f.Reason != "" && !slices.Contains(of, f.Reason) {
		return usageError("--reason %s is none of --type %s, whose reasons are %s", f.Reason, f.Type, commas(of))
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return usageError("--since %s is not before --until %s", f.Since.Format(time.RFC3339), f.Until.Format(time.RFC3339))
	}
	return nil
}

// cycle takes the name of a run.
func cycle() form[string] {
	return form[string]{
		kind:  "cycle",
		parse: func(s string) (string, error) { return s, event.CheckCycle(s) },
		show:  func(s string) string { return s },
	}
}

// outcomeType takes one of the types of an outcome.
func outcomeType() form[event.Type] {
	return form[event.Type]{
		kind: "type",
		parse: func(s string) (event.Type, error) {
			word, err := choice(ui.Types()...).parse(s)
			return event.Type(word), err
		},
		show: func(t event.Type) string { return string(t) },
	}
}

// reason takes one of the reasons of an outcome.
func reason() form[event.Reason] {
	return form[event.Reason]{
		kind: "reason",
		parse: func(s string) (event.Reason, error) {
			if near := nearest(s, reasons()); near != "" && near != s {
				return "", fmt.Errorf("%q is no reason: did you mean %s?", s, near)
			}
			word, err := choice(reasons()...).parse(s)
			return event.Reason(word), err
		},
		show: func(r event.Reason) string { return string(r) },
	}
}

// reasons lists every reason, by ending.
func reasons() []string {
	var all []string
	for _, t := range event.Types {
		for _, r := range event.Reasons[t] {
			all = append(all, string(r))
		}
	}
	return all
}

// flinksCode takes a FlinksCode in any of its spellings.
func flinksCode() form[flinks.Code] {
	return form[flinks.Code]{
		kind: "code",
		parse: func(s string) (flinks.Code, error) {
			word, err := named("code").parse(s)
			return flinks.Normalize(word), err
		},
		show: func(c flinks.Code) string { return string(c) },
	}
}

// named takes any text but none: an empty variable of a script must not choose
// everything.
func named(kind string) form[string] {
	f := text()
	f.kind = kind
	f.parse = func(s string) (string, error) {
		if strings.TrimSpace(s) == "" {
			return "", errors.New("it is empty")
		}
		return s, nil
	}
	return f
}

// loginList takes loginIds, with commas between them, and can be repeated.
type loginList struct{ to *[]string }

func (l loginList) Set(text string) error {
	for id := range strings.SplitSeq(text, ",") {
		if err := event.CheckLoginID(id); err != nil {
			return err
		}
		*l.to = append(*l.to, id)
	}
	return nil
}

func (l loginList) String() string { return strings.Join(*l.to, ",") }
func (l loginList) Type() string   { return "loginId" }

// explains marks the flag's errors as fit to be shown as they are.
func (l loginList) explains() {}

// commas lists words.
func commas[T ~string](words []T) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	return strings.Join(all, ", ")
}

// orWords lists words of which one is chosen.
func orWords(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
