package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer/event"
	"nightshift/state"
)

// rosterForm is a login of the roster in JSON. Its first fields are those of a
// roster's line, so that a list can be imported.
type rosterForm struct {
	LoginID      string       `json:"loginId"`
	Institution  string       `json:"institution,omitempty"`
	Scheduled    bool         `json:"scheduled"`
	Since        time.Time    `json:"since,omitzero"` // imported, or reconnected after that
	Type         event.Type   `json:"type,omitempty"` // of the last outcome
	Reason       event.Reason `json:"reason,omitempty"`
	FlinksCode   string       `json:"flinksCode,omitempty"`
	Cycle        string       `json:"cycle,omitempty"`
	Ended        time.Time    `json:"ended,omitzero"`
	Success      time.Time    `json:"success,omitzero"` // the last refreshed
	Cached       time.Time    `json:"cached,omitzero"`  // the last cached call
	Refused      time.Time    `json:"refused,omitzero"`
	WaitingSince time.Time    `json:"waitingSince,omitzero"` // for the account holder
}

func rosterJSON(l state.Login) rosterForm {
	return rosterForm{
		LoginID: l.LoginID, Institution: l.Institution, Scheduled: l.Scheduled, Since: l.Since,
		Type: event.Type(l.Type), Reason: event.Reason(l.Reason), FlinksCode: l.Code, Cycle: l.Cycle,
		Ended: l.Ended, Success: l.Success, Cached: l.Cached, Refused: l.RefusedAt, WaitingSince: l.Waiting,
	}
}

// rosterFilter chooses among the logins. Its zero value chooses all.
type rosterFilter struct {
	scheduled, disabled, waiting bool
	institution                  string // in capitals or not
	outcome                      event.Type
	reason                       event.Reason
}

func (f *rosterFilter) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.BoolVar(&f.scheduled, "scheduled", false, "only those that take part in the nights")
	fs.BoolVar(&f.disabled, "disabled", false, "only those that do not")
	cmd.MarkFlagsMutuallyExclusive("scheduled", "disabled")
	fs.BoolVar(&f.waiting, "waiting", false, "only those whose holder was told to act and has not yet")
	explained(fs, &f.institution, "institution", "", named("institution"), "only this bank, by Flinks' name of it")
	explained(fs, &f.outcome, "type", "", outcomeType(), "only this last ending: "+orWords(ui.Types()))
	explained(fs, &f.reason, "reason", "", reason(), "only where this was the last reason, such as refused")
	complete(cmd, "type", ui.Types()...)
	complete(cmd, "reason", reasons()...)
}

func (f *rosterFilter) match(l state.Login) bool {
	return (!f.scheduled || l.Scheduled) &&
		(!f.disabled || !l.Scheduled) &&
		(!f.waiting || !l.Waiting.IsZero()) &&
		(f.institution == "" || strings.EqualFold(f.institution, l.Institution)) &&
		(f.outcome == "" || string(f.outcome) == l.Type) &&
		(f.reason == "" || string(f.reason) == l.Reason)
}

func newLoginsListCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var f rosterFilter
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the logins of the roster, in no particular order",
		Long: `Lists the logins of the roster: whether each takes part in the nights, how its last
refresh ended, and since when its holder has to act. It reads only, part by part,
however long the roster is. Flags that choose must all fit.`,
		Example: `  nightshift logins list --waiting --institution "Some Bank"
  nightshift logins list --disabled --limit 20
  nightshift logins list --type failed --json | jq -r .loginId
  nightshift logins list --json > logins.ndjson # "logins import" reads it`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := s.openRoster(cmd.Context(), a.logger(logs), false)
			if err != nil {
				return err
			}
			defer st.Close()
			return a.listRoster(cmd.Context(), st.State, f, limit, asJSON)
		},
	}
	a.rosterSettings(cmd, &s, &logs)
	f.register(cmd)
	explained(cmd.Flags(), &limit, "limit", 0, whole(0, 1_000_000_000), "show this many of them at most; 0: all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each login as one line of JSON")
	return cmd
}

// tablePage is how many rows have their columns in line: a table of all would
// have to be held in memory.
const tablePage = 1000

func (a *app) listRoster(ctx context.Context, store *state.Store, f rosterFilter, limit int, asJSON bool) error {
	var page [][]string
	lines, seen, shown := json.NewEncoder(a.stdout), 0, 0
	for l, err := range walkRoster(ctx, store) {
		if err != nil {
			return err
		}
		seen++
		if !f.match(l) {
			continue
		}
		if limit > 0 && shown == limit {
			a.note("… and more: --limit 0 shows all")
			break
		}
		shown++
		if asJSON {
			if err := lines.Encode(rosterJSON(l)); err != nil {
				return err
			}
			continue
		}
		if page = append(page, rosterRow(l)); len(page) == tablePage {
			a.rosterTable(page)
			page = page[:0]
		}
	}
	switch {
	case len(page) > 0:
		a.rosterTable(page)
	case seen == 0:
		a.note("the roster is empty: " + howToImport)
	case shown == 0:
		a.note("no login of the roster fits")
	}
	return nil
}

func (a *app) rosterTable(rows [][]string) {
	ui.Table(a.stdout, ui.StyleOf(a.stdout, a.env.noColor()), rosterHeader, rows)
}

var rosterHeader = []string{"LOGIN", "NIGHTS", "LAST", "REASON", "CODE", "ENDED", "WAITING SINCE", "INSTITUTION"}

func rosterRow(l state.Login) []string {
	return []string{l.LoginID, nightsWord(l), l.Type, l.Reason, l.Code, shortTime(l.Ended), shortTime(l.Waiting), l.Institution}
}

func nightsWord(l state.Login) string {
	if l.Scheduled {
		return "on"
	}
	return "off"
}

func shortTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
