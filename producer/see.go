package producer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"nightshift/flinks"
	"nightshift/producer/event"
	"nightshift/state"
)

// seeing sees to the logins of a night, some at a time. All of it can be
// repeated: jobs and outcomes are taken once, however often they are published.
type seeing struct {
	Routine
	night  state.Night
	teller teller
}

// walk sees to the logins of some buckets, some parts at once, and publishes
// all jobs in one row: so JetStream never waits for Redis, nor the other way
// round. Each part is settled when its jobs are stored.
func (s seeing) walk(ctx context.Context, buckets []int, settle func(*part) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	found := make(chan *part)
	published := make(chan error, 1)
	go func() {
		l := &ledger{settle: settle, fail: fail}
		_, err := Publisher{JS: s.JS}.Publish(ctx, l.jobs(ctx, found), l.stored)
		if err != nil {
			fail(err)
		}
		published <- err
	}()
	err := ahead(ctx, slices.Chunk(buckets, bucketsAtOnce), partsAtOnce, s.part, func(_ []int, p *part) error {
		select {
		case found <- p:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(found)
	return cmp.Or(<-published, err, context.Cause(ctx))
}

// part sees to the logins of some buckets when the stream has room for them.
func (s seeing) part(ctx context.Context, buckets []int) (*part, error) {
	if err := s.room(ctx); err != nil {
		return nil, err
	}
	logins, err := s.State.Roster(ctx, buckets)
	if err != nil {
		return nil, err
	}
	due, counts, err := s.see(ctx, logins)
	return &part{buckets: buckets, due: due, counts: counts}, err
}

// see finds the logins that are due, and tells the holders of those that fell
// out. It returns the jobs, and what became of the others.
func (s seeing) see(ctx context.Context, logins []state.Login) (due []event.Job, counts map[string]int, err error) {
	counts = map[string]int{}
	if len(logins) == 0 {
		return nil, counts, nil
	}
	cards, err := s.cards(ctx, logins)
	if err != nil {
		return nil, nil, err
	}
	now, err := s.State.Now(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range logins {
		if l.Cycle == s.night.Cycle {
			counts[CountEnded]++
			continue
		}
		job := s.job(l, now)
		verdict := Eligible(l, now, s.Webhooks)
		o, told := s.ending(job, l, cards[l.LoginID], verdict)
		switch {
		case told:
			if err := s.tell(ctx, l, o); err != nil {
				return nil, nil, err
			}
			counts[CountTold]++
		case verdict.Eligible:
			due = append(due, job)
		default:
			counts[string(verdict.Why)]++
		}
	}
	return due, counts, nil
}

// job is what a login is due for.
func (s seeing) job(l state.Login, now time.Time) event.Job {
	plan := Plan{Cycle: s.night.Cycle, Lane: event.Nightly, Mode: s.Mode, NotAfter: s.night.Closes, Options: s.Options}
	return plan.Job(Entry{LoginID: l.LoginID, Institution: l.Institution}, now)
}

// cards reads what Flinks has said of the logins.
func (s seeing) cards(ctx context.Context, logins []state.Login) (map[string]*flinks.IneligibleCard, error) {
	if s.night.Counts[CountListed] == 0 {
		return nil, nil
	}
	ids := make([]string, len(logins))
	for i, l := range logins {
		ids[i] = l.LoginID
	}
	texts, err := s.State.Listed(ctx, s.night.Cycle, ids)
	if err != nil {
		return nil, err
	}
	cards := make(map[string]*flinks.IneligibleCard, len(texts))
	for id, text := range texts {
		cards[id] = new(flinks.IneligibleCard)
		if err := json.Unmarshal([]byte(text), cards[id]); err != nil {
			return nil, fmt.Errorf("producer: ineligible login %s: %w", id, err)
		}
	}
	return cards, nil
}

// ending is what the holder of a login is told that gets no job; ok is false
// where there is nothing to tell.
func (s seeing) ending(job event.Job, l state.Login, card *flinks.IneligibleCard, v Verdict) (o event.Outcome, ok bool) {
	o = event.Outcome{
		LoginID: job.LoginID, Cycle: job.Cycle, Lane: job.Lane, Type: event.ReconnectRequired, FlinksCode: l.Code,
		Institution: l.Institution, Job: job,
		Timings: event.Timings{Published: job.Published, Ended: job.Published},
	}
	if card != nil {
		if told, reason, ok := Listed(*card, l); ok {
			o.Type, o.Reason, o.FlinksCode, o.LastRefresh = told, reason, card.LastRefreshErrorCode, card.LastRefreshDate.Time
			return o, true
		}
	}
	o.Reason, ok = v.FellOut()
	return o, ok
}

// tell tells an outcome and writes it down, in this order, as a worker does.
// Where Redis has forgotten the login, its holder may have been told before:
// then that is written down instead.
func (s seeing) tell(ctx context.Context, l state.Login, o event.Outcome) error {
	if l.Ended.IsZero() {
		last, found, err := s.teller.last(ctx, l.LoginID)
		if err != nil {
			return err
		}
		if found && last.Type == o.Type {
			return s.write(ctx, last)
		}
	}
	told, _, err := s.teller.tell(ctx, o, "")
	if err != nil {
		return fmt.Errorf("producer: tell outcome %s: %w", o.ID(), err)
	}
	if told.Cycle == "" { // it was told, too long ago to be found
		told = o
	}
	return s.write(ctx, told)
}

// write keeps the outcome in the login's record, and that the cycle has ended.
func (s seeing) write(ctx context.Context, o event.Outcome) error {
	return s.State.Finish(ctx, state.Lease{LoginID: o.LoginID, Cycle: o.Cycle, Owner: s.Name}, state.Ending{
		Type: string(o.Type), Reason: string(o.Reason), Code: o.FlinksCode, Institution: o.Institution, Ended: o.Timings.Ended,
		Refreshed: o.Type == event.Refreshed, LastRefresh: o.LastRefresh,
		Waiting: o.Type == event.ReconnectRequired || o.Type == event.MFARequired,
	})
}
