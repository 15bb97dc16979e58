package producer

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"nightshift/producer/event"
)

// Pick finds what is to be replayed among outcomes in the order in which they
// were told. It keeps that and nothing else, however many it reads. The error
// is the list's.
func (r Replay) Pick(told iter.Seq2[Told, error]) (Replays, error) {
	p := picker{replay: r, found: map[string]found{}, cycles: map[string]int{}}
	for t, err := range told {
		if err != nil {
			return Replays{}, err
		}
		p.add(t)
	}
	inOrder := slices.SortedFunc(maps.Values(p.found), func(a, b found) int { return cmp.Compare(a.at, b.at) })
	for _, f := range inOrder {
		p.out.Again = append(p.out.Again, f.Again)
	}
	p.out.Cycles = slices.SortedFunc(maps.Keys(p.cycles), func(a, b string) int { return cmp.Compare(p.cycles[a], p.cycles[b]) })
	return p.out, nil
}

// picker is a Pick at work.
type picker struct {
	replay Replay
	found  map[string]found // by loginId, the newest outcome that may be replayed
	cycles map[string]int   // when an outcome of the cycle was last read
	read   int
	out    Replays
}

// found is what may be replayed unless something that was told later speaks
// against it.
type found struct {
	Again
	at int // its place in what was read
}

func (p *picker) add(t Told) {
	p.read++
	if !strings.HasPrefix(t.Cycle, "od-") {
		p.cycles[t.Cycle] = p.read
	}
	if f, ok := p.found[t.LoginID]; ok && f.Job.Cycle == t.Cycle {
		p.drop(t.LoginID, &p.out.LeftOut.Replayed)
	}
	if p.replay.Selection.Match(t) {
		p.out.Matched++
		switch {
		case t.Type == event.Refreshed && !p.replay.refreshedToo():
			p.out.LeftOut.Refreshed++
		case event.IsReplay(t.Cycle) && p.replay.Selection.Cycle == "":
			p.out.LeftOut.OfReplay++
		default:
			p.keep(t)
			return
		}
	}
	switch t.Type {
	case event.Refreshed:
		p.drop(t.LoginID, &p.out.LeftOut.RefreshedSince)
	case event.ReconnectRequired, event.MFARequired: // The bank would only ask again.
		p.drop(t.LoginID, &p.out.LeftOut.HolderAskedSince)
	}
}

// keep notes an outcome in place of the login's older one: the account is the
// same, and one refresh of it is enough.
func (p *picker) keep(t Told) {
	job, err := p.replay.job(t.Outcome)
	if err != nil {
		p.out.LeftOut.Unfit++
		return
	}
	p.drop(t.LoginID, &p.out.LeftOut.Superseded)
	p.found[t.LoginID] = found{Again{t.Type, t.Reason, job}, p.read}
}

// drop leaves the login's outcome out, if there is one, and counts why.
func (p *picker) drop(loginID string, why *int) {
	if _, ok := p.found[loginID]; ok {
		delete(p.found, loginID)
		*why++
	}
}

// refreshedToo reports whether the selection means outcomes that are good.
func (r Replay) refreshedToo() bool {
	return r.Selection.Type == event.Refreshed || slices.Contains(event.Reasons[event.Refreshed], r.Selection.Reason)
}
