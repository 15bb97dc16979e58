package main

import (
	"context"
	"io"
	"log/slog"

	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/state"
)

// syncRoster brings the roster up to date with the customer's own list, before
// a night. Where that cannot be read the night goes on with the roster as it
// is: better yesterday's than none.
func (a *app) syncRoster(source *rosterSource, store *state.Store, log *slog.Logger, others io.Writer) func(context.Context) error {
	return func(ctx context.Context) error {
		im := &rosterImport{store: store, listed: newLoginSet(), bad: badLines{w: others}}
		err := im.sync(ctx, a, source)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			log.Error("the roster is not up to date; the night goes on with it as it is (continuing)", "err", err, "bad_lines", im.bad.n)
		default:
			log.Info("the roster is up to date", "logins", im.read, "added", im.added, "taken_out", im.pruned)
		}
		return nil
	}
}

// sync imports the list and takes the others out of the nights.
func (im *rosterImport) sync(ctx context.Context, a *app, source *rosterSource) error {
	list, err := source.open(ctx, a)
	if err != nil {
		return err
	}
	defer list.Close()
	if err := im.enrol(ctx, list.Entries(), ui.NewScreen(io.Discard, ui.Style{})); err != nil {
		return err
	}
	return im.prune(ctx)
}
