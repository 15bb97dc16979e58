package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
	"nightshift/state"
)

// produceNight runs one night now, with a progress bar.
func (a *app) produceNight(ctx context.Context, screen *ui.Screen, routine producer.Routine, night producer.Night) (state.Night, error) {
	logins, err := routine.State.RosterSize(ctx)
	if err != nil {
		return state.Night{}, err
	}
	screen.Start("publishing", logins)
	routine.Progress = func(share float64, counts map[string]int) {
		screen.Progress(int(share*float64(logins)), fmt.Sprintf("%d queued", counts[producer.CountQueued]))
	}
	n, err := routine.Run(ctx, night, true)
	screen.Finish()
	if errors.Is(err, producer.ErrEmptyRoster) {
		return n, fmt.Errorf("%w: fill it with %q, or publish a list with --roster", err, "nightshift logins import")
	}
	if err != nil {
		return n, fmt.Errorf("%w; run the command again: what is queued stays queued once", err)
	}
	return n, nil
}

// publishedNight is what "produce --once --json" prints for the roster.
type publishedNight struct {
	Cycle   string         `json:"cycle"`
	Queued  int            `json:"queued"`
	Already int            `json:"already"`
	Ended   int            `json:"ended"`
	Told    int            `json:"told"`
	NotDue  map[string]int `json:"notDue"`
}

func published(n state.Night) publishedNight {
	p := publishedNight{
		Cycle: n.Cycle, Queued: n.Counts[producer.CountQueued], Already: n.Counts[producer.CountAlready],
		Ended: n.Counts[producer.CountEnded], Told: n.Counts[producer.CountTold], NotDue: map[string]int{},
	}
	for _, why := range notDue(n) {
		p.NotDue[why] = n.Counts[why]
	}
	return p
}

// printNight says what became of the roster's logins.
func (a *app) printNight(n state.Night, asJSON bool) error {
	p := published(n)
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(p)
	}
	a.printf("cycle %s: %d queued, %d already queued, %d ended already, %s told to act\n",
		p.Cycle, p.Queued, p.Already, p.Ended, counted(p.Told, "holder", "holders"))
	for _, why := range notDue(n) {
		a.printf("  %d not due: %s\n", p.NotDue[why], producer.Why(why).Text())
	}
	return nil
}
