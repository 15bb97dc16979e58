package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"nightshift/state"
)

// loginFault is what went wrong with one login.
type loginFault struct {
	LoginID string `json:"loginId"`
	Error   string `json:"error"`
}

// loginChange does the same to several logins.
type loginChange struct {
	doing, done string // such as "enabling" and "enabled"
	dry         bool   // with asJSON: it was only shown what would be done
	asJSON      bool

	// do changes one login. [state.ErrNotListed] and a loginRefusal are the
	// login's own; every other error ends the command.
	do func(context.Context, string) error
}

// loginRefusal is an error of one login, which says nothing about the others.
type loginRefusal struct{ error }

func (r loginRefusal) Unwrap() error { return r.error }

// changed is what came of a change.
type changed struct {
	Selected int          `json:"selected"`
	Changed  int          `json:"changed"`
	DryRun   bool         `json:"dryRun,omitempty"`
	Failed   []loginFault `json:"failed"`
}

// changeAtOnce is how many logins are changed at once: Flinks is asked for each.
const changeAtOnce = 8

// changeLogins changes every login, and tells of each that could not be.
func (a *app) changeLogins(ctx context.Context, ids []string, c loginChange) error {
	screen, _ := a.screen(a.stderr)
	if len(ids) >= bulkProgress {
		screen.Start(c.doing, len(ids))
	}
	r := changed{Selected: len(ids), DryRun: c.dry, Failed: []loginFault{}}
	var mu sync.Mutex
	g, begin := errgroup.WithContext(ctx)
	g.SetLimit(changeAtOnce)
	for _, id := range ids {
		if begin.Err() != nil {
			break
		}
		g.Go(func() error {
			one, cancel := graced(ctx, bulkGrace)
			defer cancel()
			err := c.do(one, id)
			fault, own := faultOf(id, err)
			if !own {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if fault != nil {
				r.Failed = append(r.Failed, *fault)
			} else if !c.dry {
				r.Changed++
			}
			screen.Progress(r.Changed+len(r.Failed), "")
			return nil
		})
	}
	err := g.Wait()
	screen.Finish()
	slices.SortFunc(r.Failed, func(a, b loginFault) int { return strings.Compare(a.LoginID, b.LoginID) })
	return a.tellChanged(ctx, c, r, err)
}

// faultOf is what is told of a login; nil: all is well. Own is false for an
// error that has nothing to do with it.
func faultOf(id string, err error) (fault *loginFault, own bool) {
	switch refusal, refused := errors.AsType[loginRefusal](err); {
	case err == nil:
		return nil, true
	case errors.Is(err, state.ErrNotListed):
		return &loginFault{id, notListed(id).Error()}, true
	case refused:
		return &loginFault{id, id + ": " + refusal.Error()}, true
	}
	return nil, false
}

func (a *app) tellChanged(ctx context.Context, c loginChange, r changed, err error) error {
	if c.asJSON {
		_ = json.NewEncoder(a.stdout).Encode(r)
	} else if r.Changed > 0 || len(r.Failed) == 0 && err == nil && !c.dry {
		a.printf("%d %s\n", r.Changed, c.done)
	}
	left := r.Selected - r.Changed - len(r.Failed)
	switch {
	case c.dry:
	case ctx.Err() != nil && left > 0:
		err = fmt.Errorf("stopped: %d of %d are left; the same command does the rest", left, r.Selected)
	case err != nil && left > 1:
		err = fmt.Errorf("%w (%d of %d are left; the same command does the rest)", err, left, r.Selected)
	}
	var faults []error
	for _, f := range r.Failed {
		faults = append(faults, errors.New(f.Error))
	}
	const most = 20
	if len(faults) > most {
		faults = append(faults[:most:most], fmt.Errorf("… and %d more; --json prints them all", len(faults)-most))
	}
	return errors.Join(append(faults, err)...)
}
