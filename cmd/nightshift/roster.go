package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nightshift/producer"
	"nightshift/producer/event"
)

// rosterFlags say whose refresh is asked for, and how.
type rosterFlags struct {
	source rosterSource // A group of settings of its own.
	cycle  string
	live   bool
}

func (r *rosterFlags) register(cmd *cobra.Command) {
	r.source.registerFile(cmd)
	cmd.Flags().StringVar(&r.cycle, "cycle", "", "name of the run, such as 2026-11-22; one outcome per login and cycle (default: today)")
	cmd.Flags().BoolVar(&r.live, "live", false, "ask the banks even where the data at Flinks is fresh")
}

// plan is what the jobs have in common. Jobs that are published within the
// window must begin before its end.
func (r *rosterFlags) plan(n nightSettings, now time.Time) (producer.Plan, error) {
	night, err := r.night(n, now)
	return producer.Plan{
		Cycle: night.Cycle, Lane: event.Nightly, Mode: r.mode(), NotAfter: night.Closes, Options: n.options(),
	}, err
}

// night is the one that now lies in. Between two nights it has no end: what is
// asked for then is asked for on somebody's word.
func (r *rosterFlags) night(n nightSettings, now time.Time) (producer.Night, error) {
	night, on := n.window().Current(now)
	if !on {
		night = producer.Night{Cycle: now.In(n.Zone).Format(time.DateOnly)}
	}
	if r.cycle != "" {
		night.Cycle = r.cycle
	}
	if err := event.CheckCycle(night.Cycle); err != nil {
		return night, usageError("--cycle: %w", err)
	}
	return night, nil
}

func (r *rosterFlags) mode() event.Mode {
	if r.live {
		return event.Live
	}
	return event.Cached
}

func (s nightSettings) options() event.Options {
	o := event.Options{DaysOfTransactions: s.DaysOfTransactions}
	if s.Attributes != "none" {
		o.Attributes = s.Attributes
	}
	return o
}

// open refuses what is wrong with the flags and opens the list, once: it may
// be a pipe. It is called before anything else begins.
func (r *rosterFlags) open(ctx context.Context, a *app, n nightSettings) (*rosterList, error) {
	if _, err := r.plan(n, now()); err != nil {
		return nil, err
	}
	return r.source.open(ctx, a)
}

// countLines counts the lines of a file, but for a CSV's header; 0 if it is
// something that can be read only once.
func countLines(f *os.File) (int, error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return 0, err
	}
	n, buf := 0, make([]byte, 64<<10)
	for begin := true; ; begin = false {
		got, err := f.Read(buf)
		if begin && got > 0 && buf[0] != '{' {
			n--
		}
		n += bytes.Count(buf[:got], []byte{'\n'})
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	return max(n, 0), err
}

// publish publishes the roster and tells of its broken lines on w. each, if
// not nil, is called for every job.
func (r *rosterFlags) publish(ctx context.Context, st *stores, list *rosterList, n nightSettings, w io.Writer, each func(event.Job)) (produced, error) {
	plan, err := r.plan(n, now())
	if err != nil {
		return produced{}, err
	}
	bad := &badLines{w: w}
	var broken error
	jobs := plan.Jobs(watched(list.Entries(), &broken), bad.add)
	tally, err := producer.Publisher{JS: st.JS}.Publish(ctx, jobs, func(p producer.Published) {
		if each != nil {
			each(p.Job)
		}
	})
	p := produced{Cycle: plan.Cycle, Queued: tally.Queued, Already: tally.Already, Bad: bad.n}
	switch {
	case err == nil:
		return p, bad.err()
	case broken != nil: // To do the same again would not mend it.
		return p, err
	}
	return p, fmt.Errorf("%w; run the command again: what is queued stays queued once", err)
}

// watched passes a roster on and notes the error that ends it.
func watched(list iter.Seq2[producer.Entry, error], broken *error) iter.Seq2[producer.Entry, error] {
	return func(yield func(producer.Entry, error) bool) {
		for e, err := range list {
			if _, line := errors.AsType[*producer.LineError](err); err != nil && !line {
				*broken = err
			}
			if !yield(e, err) {
				return
			}
		}
	}
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
	return exit(exitBadLines, errors.New(counted(b.n, "bad line of the roster was left out", "bad lines of the roster were left out")))
}

// counted is a number with the words that fit it.
func counted(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}
