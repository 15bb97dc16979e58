package main

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"nightshift/state"
)

// loginSet remembers loginIds in eight bytes each, however long they are. It
// may, once in ages, know one that it was never told: then a login stays in the
// nights that could have left them.
type loginSet struct {
	seed   maphash.Seed
	hashes []uint64
	sorted bool
}

func newLoginSet() *loginSet { return &loginSet{seed: maphash.MakeSeed()} }

func (s *loginSet) add(id string) {
	s.hashes, s.sorted = append(s.hashes, maphash.String(s.seed, id)), false
}

func (s *loginSet) has(id string) bool {
	if !s.sorted {
		slices.Sort(s.hashes)
		s.sorted = true
	}
	_, found := slices.BinarySearch(s.hashes, maphash.String(s.seed, id))
	return found
}

// prune takes the logins that are not in the list out of the nights, or counts
// them. A list that may lack some prunes nothing.
func (im *rosterImport) prune(ctx context.Context) error {
	switch {
	case im.bad.n > 0:
		return exit(exitBadLines, errors.New("nothing was pruned, for a login of the list may be on a bad line: mend "+
			counted(im.bad.n, "line", "lines")+" and import the list again"))
	case im.read == 0:
		return errors.New("nothing was pruned, for the list names no login at all")
	}
	var pruned atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(bulkAtOnce)
	var err error
	for l, e := range walkRoster(ctx, im.store) {
		if err = e; err != nil {
			break
		}
		if !l.Scheduled || im.listed.has(l.LoginID) {
			continue
		}
		g.Go(func() error {
			if !im.dry {
				err := im.store.Schedule(ctx, l.LoginID, false)
				if errors.Is(err, state.ErrNotListed) {
					return nil // Somebody has removed it meanwhile.
				}
				if err != nil {
					return err
				}
			}
			pruned.Add(1)
			return nil
		})
	}
	worked := g.Wait()
	im.pruned = int(pruned.Load())
	if worked != nil {
		return worked // It is why the walk ended.
	}
	return err
}
