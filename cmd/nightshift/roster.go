package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nightshift/producer"
	"nightshift/producer/event"
)

// rosterFlags say whose refresh is asked for, and how.
type rosterFlags struct {
	file  string
	cycle string
	live  bool
}

func (r *rosterFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.file, "roster", "", "the logins: CSV with a header that has a column loginId, or NDJSON; - is standard input")
	cmd.Flags().StringVar(&r.cycle, "cycle", "", "name of the run, such as 2026-11-22; one outcome per login and cycle (default: today, UTC)")
	cmd.Flags().BoolVar(&r.live, "live", false, "ask the banks even where the data at Flinks is fresh")
	_ = cmd.MarkFlagFilename("roster", "csv", "ndjson", "jsonl")
}

// plan is what the jobs have in common. Jobs that are published within the
// window must begin before its end.
func (r *rosterFlags) plan(n nightSettings, now time.Time) (producer.Plan, error) {
	p := producer.Plan{
		Cycle: r.cycle, Lane: event.Nightly, Mode: event.Cached,
		NotAfter: n.Window.endAt(now),
		Options:  n.options(),
	}
	if p.Cycle == "" {
		p.Cycle = producer.NightlyCycle(now)
	}
	if r.live {
		p.Mode = event.Live
	}
	if err := event.CheckCycle(p.Cycle); err != nil {
		return p, usageError("--cycle: %w", err)
	}
	return p, nil
}

func (n nightSettings) options() event.Options {
	o := event.Options{DaysOfTransactions: n.DaysOfTransactions}
	if n.Attributes != "none" {
		o.Attributes = n.Attributes
	}
	return o
}

// open opens the roster.
func (r *rosterFlags) open(a *app) (io.ReadCloser, error) {
	switch r.file {
	case "":
		return nil, usageError("--roster is missing: a file with the logins, or - for standard input")
	case "-":
		return io.NopCloser(a.stdin), nil
	}
	f, err := os.Open(r.file)
	if err != nil {
		return nil, usageError("--roster: %w", err)
	}
	return f, nil
}

// badLines tells of broken lines, the first ones by their number.
type badLines struct {
	w io.Writer
	n int
}

// shownBadLines keeps a wholly wrong file from flooding the terminal.
const shownBadLines = 20

func (b *badLines) add(e *producer.LineError) {
	b.n++
	switch {
	case b.n <= shownBadLines:
		fmt.Fprintf(b.w, "roster: %v; left out\n", e)
	case b.n == shownBadLines+1:
		fmt.Fprintf(b.w, "roster: more bad lines follow and are only counted\n")
	}
}

// err is nil when there were none.
func (b *badLines) err() error {
	if b.n == 0 {
		return nil
	}
	return exit(exitBadLines, fmt.Errorf("%d bad lines of the roster were left out", b.n))
}

// lines counts the lines of the roster for a progress bar; 0: they cannot be
// counted beforehand.
func (r *rosterFlags) lines() int {
	if r.file == "-" {
		return 0
	}
	f, err := os.Open(r.file)
	if err != nil {
		return 0
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0
	}
	n, buf := 0, make([]byte, 64<<10)
	for {
		got, err := f.Read(buf)
		n += bytes.Count(buf[:got], []byte{'\n'})
		if err != nil {
			return n
		}
	}
}
