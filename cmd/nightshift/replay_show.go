package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/producer/event"
)

// replayed is what "replay --json" prints.
type replayed struct {
	DryRun  bool             `json:"dryRun"`
	Matched int              `json:"matched"` // outcomes that the selection chooses
	LeftOut producer.LeftOut `json:"leftOut"` // of these
	Replay  int              `json:"replay"`  // jobs, one per login
	By      []share          `json:"by"`      // of these, the largest first
	Cycles  map[string]int   `json:"cycles"`  // the jobs' cycles
	Queued  int              `json:"queued"`
	Already int              `json:"already"` // the login has a job waiting already
	Left    int              `json:"left"`    // jobs that are not published
}

// share is a part of the selection: the logins that these have in common.
type share struct {
	Type        event.Type   `json:"type"`
	Reason      event.Reason `json:"reason"`
	Institution string       `json:"institution"`
	Logins      int          `json:"logins"`
}

// replayed counts what was found.
func (f *replayFlags) replayed(found producer.Replays, dryRun bool) *replayed {
	r := &replayed{
		DryRun: dryRun, Matched: found.Matched, LeftOut: found.LeftOut,
		Replay: len(found.Again), Left: len(found.Again), By: []share{}, Cycles: map[string]int{},
	}
	logins := map[share]int{}
	for _, a := range found.Again {
		logins[share{Type: a.Type, Reason: a.Reason, Institution: a.Job.Institution}]++
		r.Cycles[a.Job.Cycle]++
	}
	for s, n := range logins {
		s.Logins = n
		r.By = append(r.By, s)
	}
	slices.SortFunc(r.By, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.Logins, a.Logins), cmp.Compare(a.Type, b.Type),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Institution, b.Institution))
	})
	return r
}

// How much of a long list is shown.
const (
	shownShares = 20
	shownLogins = 3
	shownCycles = 5
)

// showSelected says what is selected, before anything is done about it.
func (a *app) showSelected(f *replayFlags, r *replayed, again []producer.Again) {
	style := ui.StyleOf(a.stdout, a.env.noColor())
	if r.Replay > 0 {
		var rows [][]string
		for _, s := range r.By[:min(len(r.By), shownShares)] {
			rows = append(rows, []string{strconv.Itoa(s.Logins), string(s.Type), string(s.Reason), cmp.Or(s.Institution, "-")})
		}
		ui.Table(a.stdout, style, []string{"logins", "type", "reason", "institution"}, rows)
		if more := len(r.By) - len(rows); more > 0 {
			a.printf("and %s\n", counted(more, "smaller group", "smaller groups"))
		}
		a.printf("\n")
	}
	if rows := whyLeftOut(r.LeftOut); len(rows) > 0 {
		ui.Table(a.stdout, style, []string{"left out", "why"}, rows)
		a.printf("\n")
	}
	if r.Replay == 0 {
		a.printf("nothing to replay: %s%s\n",
			counted(r.Matched, "outcome matches, and it is left out", "outcomes match, and all are left out"), f.nextReplay(r))
		return
	}
	logins := make([]string, len(again))
	for i, one := range again {
		logins[i] = one.Job.LoginID
	}
	a.printf("to replay: %s, in %s: %s\n", counted(r.Replay, "login", "logins"),
		some(slices.Sorted(maps.Keys(r.Cycles)), shownCycles), some(logins, shownLogins))
}

// whyLeftOut are the lines about what is left out.
func whyLeftOut(l producer.LeftOut) (rows [][]string) {
	for _, line := range []struct {
		n   int
		why string
	}{
		{l.Refreshed, "ended refreshed; --type refreshed replays these too"},
		{l.Replayed, "replayed already"},
		{l.OfReplay, "came of a replay; naming its --cycle replays it once more"},
		{l.Superseded, "the login has a newer outcome in the selection"},
		{l.RefreshedSince, "the login was refreshed since"},
		{l.HolderAskedSince, "the account holder was asked for something since"},
		{l.Unfit, "the event carries no job that can be asked for"},
	} {
		if line.n > 0 {
			rows = append(rows, []string{strconv.Itoa(line.n), line.why})
		}
	}
	return rows
}

// verdict is the last line.
func (f *replayFlags) verdict(r *replayed) string {
	if r.DryRun {
		how := "--yes"
		if f.dryRun {
			how += " instead of --dry-run"
		}
		return fmt.Sprintf("dry run, nothing was queued: the same command with %s queues %s", how, counted(r.Replay, "job", "jobs"))
	}
	return fmt.Sprintf("%d queued, %d already queued", r.Queued, r.Already)
}

// nextReplay tells how to replay once more what a replay did not mend.
func (f *replayFlags) nextReplay(r *replayed) string {
	if f.Cycle == "" || r.LeftOut.Replayed == 0 {
		return ""
	}
	return "; what came of the replay is in --cycle " + event.NextReplay(f.Cycle)
}

// nothing says that the selection chooses nothing, and what there is instead.
func (f *replayFlags) nothing(cycles []string, place string) error {
	what, scope := "no outcome matches", ""
	if f.Cycle != "" && !strings.HasPrefix(f.Cycle, "od-") && !slices.Contains(cycles, f.Cycle) {
		what = "no outcome has the cycle " + f.Cycle
	}
	if len(f.LoginIDs) > 0 {
		scope += " of these logins"
	}
	if !f.Since.IsZero() {
		scope += " since " + f.Since.Format(time.RFC3339)
	}
	if len(cycles) == 0 {
		return fmt.Errorf("%s; %s holds none of any night%s", what, place, scope)
	}
	return fmt.Errorf("%s; the last cycles%s are %s", what, scope, commas(cycles[max(0, len(cycles)-shownCycles):]))
}

// some names the first of a list and counts the others.
func some(words []string, most int) string {
	if len(words) <= most {
		return commas(words)
	}
	return fmt.Sprintf("%s and %d more", commas(words[:most]), len(words)-most)
}
