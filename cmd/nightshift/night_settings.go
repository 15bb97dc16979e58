package main

import (
	"strings"
	"time"

	"github.com/spf13/pflag"

	"nightshift/producer"
	"nightshift/producer/event"
)

// nightSettings say when the work may begin and what is asked for.
type nightSettings struct {
	Window             producer.Window // Without its zone.
	Zone               *time.Location
	DaysOfTransactions int
	Attributes         string // A set of Flinks Enrich, or none.
}

func (s *nightSettings) Register(fs *pflag.FlagSet) {
	declare(fs, &s.Window, "window",
		producer.Window{From: 4 * time.Hour, To: 8 * time.Hour}, window(),
		"part of the day; what is published in it and has not begun by its end fails")
	declare(fs, &s.Zone, "timezone", time.UTC, zone(),
		"where the window's clock hangs, such as America/Toronto")
	declare(fs, &s.DaysOfTransactions, "days-of-transactions", 90, oneOf(0, 90, 365),
		"how far back transactions are fetched; 0: none")
	declare(fs, &s.Attributes, "attributes", "none", attributes(),
		"attributes that are fetched too: "+strings.Join(event.AttributeSets, ", ")+" or none")
}

// window is the window by the clock that it goes by.
func (s *nightSettings) window() producer.Window {
	w := s.Window
	w.Zone = s.Zone
	return w
}

// routineSettings say how the nights of the roster are run.
type routineSettings struct {
	MostWaiting int    // Jobs in the stream; the rest follows as they are worked off.
	Missed      string // skip or catch-up.
}

func (s *routineSettings) Register(fs *pflag.FlagSet) {
	declare(fs, &s.MostWaiting, "most-waiting", 1_000_000, whole(1, 100_000_000),
		"jobs that wait in the stream at most; the rest of the roster follows as they are worked off")
	declare(fs, &s.Missed, "missed", "skip", choice("skip", "catch-up"),
		"a night during which no producer ran: leave it out, or run it as soon as one does")
}
