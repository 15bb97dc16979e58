package main

import (
	"context"
	"fmt"

	"nightshift/producer"
	"nightshift/producer/event"
)

// shownPicks is how many of the chosen jobs are shown before they are changed.
const shownPicks = 20

// picked are the jobs that an operator has chosen. Of each only its place is
// kept: it is read again when its turn comes.
type picked struct {
	seqs    []uint64
	first   soonest
	banks   map[string]bool // institutions that some of them wait for
	missing []error         // a line for each login that was named in vain
}

func pickParked(ctx context.Context, jobs *producer.ParkedJobs, filter producer.ParkedFilter, byFlags bool) (picked, error) {
	all := picked{first: soonest{limit: shownPicks}, banks: map[string]bool{}}
	found := map[string]bool{}
	for p, err := range jobs.List(ctx, filter) {
		if err != nil {
			return all, err
		}
		all.seqs = append(all.seqs, p.Seq)
		all.first.add(p)
		if bank := p.Job.Institution; bank != "" && p.Reason == event.BankUnavailable {
			all.banks[bank] = true
		}
		if len(filter.Logins) > 0 {
			found[p.LoginID] = true
		}
	}
	for _, login := range filter.Logins {
		if found[login] {
			continue
		}
		found[login] = true // It is missed once, however often it was named.
		why := fmt.Errorf("%s has no parked job that fits the flags", login)
		if !byFlags {
			why = notParked(ctx, jobs, login)
		}
		all.missing = append(all.missing, why)
	}
	return all, nil
}
