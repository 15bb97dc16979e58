package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/consumer"
	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

func newStatusCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var watch, asJSON bool
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell how things stand: what waits, how fast it goes, whether the window will hold",
		Long: `Shows the night, what waits in each lane, how many outcomes were told in the last
minute, and whether at this pace everything has begun when the window closes. It
reads counts only, so it costs the same however much waits.`,
		Example: `  nightshift status --watch --nats-url nats://nats:4222 --redis-url redis://redis:6379/0
  nightshift status --json | jq .waiting`,
		GroupID: groupLook,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if err := s.mustExist(); err != nil {
				return err
			}
			st, err := s.open(ctx, a.logger(logs), s.knowsRedis())
			if err != nil {
				return err
			}
			defer st.Close()
			if !watch {
				return a.status(ctx, st, asJSON)
			}
			if err := a.watchStatus(ctx, st, every, asJSON); !stopped(ctx, err) {
				return err
			}
			return nil // Ctrl-C is how watching ends
		},
	}
	a.settings(cmd, &s, &logs)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on until Ctrl-C")
	explained(cmd.Flags(), &every, "every", 2*time.Second, span(100*time.Millisecond), "with --watch: look again after this long")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, with --watch one per look")
	return cmd
}

// standing is how things stand.
type standing struct {
	Now     time.Time               `json:"now"`
	Lanes   map[event.Lane]laneJSON `json:"lanes"`
	Waiting waitingJSON             `json:"waiting"`
	Dead    int                     `json:"dead"`         // messages that were no valid job
	Told    int                     `json:"toldInMinute"` // outcomes of the last minute
	Paused  string                  `json:"paused,omitempty"`
	Night   *nightJSON              `json:"night,omitempty"`
	Roster  int                     `json:"roster"`
	Holds   string                  `json:"holds,omitempty"` // whether the window will

	backlog producer.Backlog
}

type laneJSON struct {
	Ready  int       `json:"ready"`
	InHand int       `json:"inHand"`
	Oldest time.Time `json:"oldest,omitzero"` // when the first of those that are ready was stored
}

func readStanding(ctx context.Context, st *stores) (s standing, err error) {
	s = standing{Now: now(), Lanes: map[event.Lane]laneJSON{}}
	if s.backlog, err = producer.ReadBacklog(ctx, st.JS); err != nil {
		return s, err
	}
	for lane, q := range s.backlog.Lanes {
		s.Lanes[lane] = laneJSON(q)
	}
	s.Waiting = waitingOf(s.backlog)
	if s.Told, err = producer.ToldSince(ctx, st.JS, s.Now.Add(-time.Minute)); err != nil {
		return s, err
	}
	dead, err := st.JS.Stream(ctx, event.StreamDead)
	if err != nil {
		return s, err
	}
	s.Dead = int(dead.CachedInfo().State.Msgs)
	if st.State == nil {
		return s, nil
	}
	return s, s.readRedis(ctx, st.State)
}

func (s *standing) readRedis(ctx context.Context, store *state.Store) error {
	pause, err := store.Circuit(ctx, consumer.Circuit)
	if err != nil {
		return err
	}
	if pause.Open {
		s.Paused = consumer.OurFault(pause.Why)
	}
	if s.Roster, err = store.RosterSize(ctx); err != nil {
		return err
	}
	cycle, err := store.LastNight(ctx)
	if err != nil || cycle == "" {
		return err
	}
	n, err := store.Night(ctx, cycle)
	if err != nil {
		return err
	}
	s.Night = &nightJSON{n.Opened, n.Closes, n.Done, published(n)}
	if s.Now.Before(n.Closes) {
		left := s.Waiting.Ready + s.Waiting.InHand + s.Waiting.Parked
		if n.Done.IsZero() {
			left += max(s.Roster-s.Night.seen(), 0)
		}
		s.Holds = holds(left, s.Told, n.Closes.Sub(s.Now))
	}
	return nil
}

// seen is how many logins of the roster were seen to.
func (n *nightJSON) seen() int {
	seen := n.Queued + n.Already + n.Ended + n.Told
	for _, count := range n.NotDue {
		seen += count
	}
	return seen
}

// holds says whether what is left will have ended when the window closes, at
// the pace of the last minute.
func holds(left, toldInMinute int, window time.Duration) string {
	window = window.Round(time.Second)
	switch {
	case left == 0:
		return "yes: nothing is left to do"
	case toldInMinute == 0:
		return fmt.Sprintf("not known: nothing has ended in the last minute, and the window closes in %s", showSpan(window))
	}
	needs := max((time.Duration(left) * time.Minute / time.Duration(toldInMinute)).Round(time.Second), time.Second)
	word := "yes"
	if needs > window {
		word = "no"
	}
	return fmt.Sprintf("%s: at this pace %s are needed, and the window closes in %s", word, showSpan(needs), showSpan(window))
}

func (a *app) status(ctx context.Context, st *stores, asJSON bool) error {
	s, err := readStanding(ctx, st)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(s)
	}
	a.printStanding(s)
	return nil
}

// clearScreen moves to the upper left corner and clears what is below.
const clearScreen = "\x1b[H\x1b[J"

func (a *app) watchStatus(ctx context.Context, st *stores, every time.Duration, asJSON bool) error {
	redraw := ui.StyleOf(a.stdout, a.env.noColor()).Live && !asJSON
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if redraw {
			a.printf(clearScreen)
		}
		if err := a.status(ctx, st, asJSON); err != nil {
			return err
		}
		select {
		case <-t.C:
			if !redraw && !asJSON {
				a.printf("\n")
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *app) printStanding(s standing) {
	a.facts([][2]string{{"time", s.Now.Format(time.RFC3339)}, {"paused", s.Paused}})
	if n := s.Night; n != nil {
		words := fmt.Sprintf("%d of %d logins seen to, %d queued", n.seen(), s.Roster, n.Queued)
		if !n.Done.IsZero() {
			words = fmt.Sprintf("every login seen to, %d queued", n.Queued)
		}
		a.facts([][2]string{{"night", n.Cycle + ", " + words}, {"closes", timeWords(n.Closes, s.Now)}, {"will it hold", s.Holds}})
	}
	for _, lane := range event.Lanes {
		q := s.Lanes[lane]
		words := fmt.Sprintf("%d ready, %d in hand", q.Ready, q.InHand)
		if !q.Oldest.IsZero() {
			words += ", the oldest since " + timeWords(q.Oldest, s.Now)
		}
		a.facts([][2]string{{string(lane), words}})
	}
	a.facts([][2]string{
		{"parked", fmt.Sprint(s.Waiting.Parked)},
		{"told", fmt.Sprintf("%d outcomes in the last minute, %.1f a second", s.Told, float64(s.Told)/60)},
		{"dead letters", nonZero(s.Dead)},
	})
}
