package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/consumer"
	"nightshift/producer"
	"nightshift/producer/event"
)

// night is one run from the roster to the last outcome, producer and consumer
// in one process. It is what demo and run have in common.
type night struct {
	stores *stores
	worker *consumer.Worker
	screen *ui.Screen
	log    *slog.Logger
	data   string
	again  string // What goes on with a night that was stopped, such as "the same command".

	began  time.Time
	cycle  string
	roster map[string]bool // the logins of the run
}

// publisher publishes the run's jobs, and calls each for every one of them.
type publisher func(each func(event.Job)) (produced, error)

// run publishes and works until no job is left, or ctx ends; then it counts
// what the outcome stream holds. Bad lines of the roster come as an error
// beside a full summary.
func (n *night) run(ctx context.Context, total int, publish publisher) (ui.Summary, error) {
	n.began, n.roster = now(), map[string]bool{}
	n.worker.OnOutcome = func(o event.Outcome) { n.screen.Event(shown(o)) }
	work, stop := context.WithCancel(ctx)
	defer stop()
	worked := make(chan error, 1)
	go func() { worked <- n.worker.Run(work) }()
	go producer.Tend(work, n.stores.JS, n.log)

	n.screen.Start("publishing", total)
	p, badLines := publish(func(j event.Job) {
		if n.roster[j.LoginID] = true; len(n.roster)%100 == 0 {
			n.screen.Progress(len(n.roster), "")
		}
	})
	n.cycle = p.Cycle
	err := badLines
	published := err == nil || isBadLines(err)
	if published {
		err = n.await(ctx, worked)
	}
	if ctx.Err() != nil {
		n.log.Info("stopping; calls in flight may finish", "grace", n.worker.Grace)
	}
	stop()
	if werr := <-worked; err == nil && !errors.Is(werr, context.Canceled) { // It may not even have begun.
		err = werr
	}
	n.screen.Finish()
	if err != nil {
		left, _, lerr := n.left(context.WithoutCancel(ctx))
		if !published || lerr != nil || left > 0 || !errors.Is(err, context.Canceled) {
			return ui.Summary{}, n.unfinished(err, left)
		}
		// What was in flight when it was stopped was the rest.
	}
	sum, err := n.count(context.WithoutCancel(ctx))
	if err != nil {
		return ui.Summary{}, err
	}
	return sum, badLines
}

// await watches the stream of jobs until it is empty.
func (n *night) await(ctx context.Context, worked chan error) error {
	n.screen.Start("refreshing", len(n.roster))
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for {
		left, parked, err := n.left(ctx)
		if err == nil {
			done := max(0, len(n.roster)-int(left))
			n.screen.Progress(done, fmt.Sprintf("%d in hand, %d parked", n.worker.Stats.InHand.Load(), parked))
			if left == 0 {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-worked:
			worked <- nil
			if ctx.Err() != nil { // It has only done what it was told.
				return ctx.Err()
			}
			return fmt.Errorf("worker ended early: %w", err)
		case <-t.C:
		}
	}
}

// left counts the jobs in the stream, and those among them that wait for their
// time.
func (n *night) left(ctx context.Context) (all uint64, parked int, err error) {
	s, err := n.stores.JS.Stream(ctx, event.StreamJobs)
	if err != nil {
		return 0, 0, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(event.RetrySubject("*", event.Nightly)))
	if err != nil {
		return 0, 0, err
	}
	return info.State.Msgs, len(info.State.Subjects), nil
}

// unfinished says what became of a run that did not come to its end.
func (n *night) unfinished(err error, left uint64) error {
	if left == 0 { // or not known
		return err
	}
	waiting := counted(int(left), "job waits in ", "jobs wait in ") + n.data
	if errors.Is(err, context.Canceled) {
		return exit(exitTrouble, fmt.Errorf("stopped before the end: %s, %s goes on with them", waiting, n.again))
	}
	return exit(exitTrouble, fmt.Errorf("%w (%s)", err, waiting))
}

// ending is what a login's outcome counts as.
type ending struct {
	cycle, kind, reason string
}

// count reads the outcome stream: what it holds is what was told.
func (n *night) count(ctx context.Context) (ui.Summary, error) {
	sum := ui.Summary{
		Logins: len(n.roster), Data: n.data,
		Outcomes: map[string]int{}, Reasons: map[string]map[string]int{},
	}
	told := map[string]bool{} // by outcome id
	ended := map[string]ending{}
	for o, err := range (producer.Selection{}).Read(ctx, n.stores.JS, false) {
		if err != nil {
			return ui.Summary{}, err
		}
		// A job of an earlier cycle that waited still was in the way of ours,
		// and its outcome stands for the login.
		mine := o.Lane == event.Nightly && (o.Cycle == n.cycle || o.Timings.Ended.After(n.began))
		if !mine || !n.roster[o.LoginID] {
			continue
		}
		if told[o.ID()] {
			sum.Duplicates++
			continue
		}
		told[o.ID()] = true
		if ended[o.LoginID].cycle != n.cycle {
			ended[o.LoginID] = ending{o.Cycle, string(o.Type), string(o.Reason)}
		}
	}
	for _, e := range ended {
		sum.Outcomes[e.kind]++
		if sum.Reasons[e.kind] == nil {
			sum.Reasons[e.kind] = map[string]int{}
		}
		sum.Reasons[e.kind][e.reason]++
	}
	sum.Lost = len(n.roster) - len(ended)
	sum.Seconds = time.Since(n.began).Seconds()
	return sum, nil
}

// show prints the summary and turns it into the exit code.
func (n *night) show(w io.Writer, sum ui.Summary, asJSON bool) error {
	if asJSON {
		data, err := sum.MarshalJSON()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n", data)
	} else {
		n.screen.Summary(sum)
	}
	if !sum.OK() {
		return exit(exitLost, nil)
	}
	return nil
}
