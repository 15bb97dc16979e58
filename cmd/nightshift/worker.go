package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/oklog/ulid/v2"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/producer/event"
	"nightshift/state"
)

// client makes the way into Flinks.
func (s *flinksSettings) client(conns int) (*flinks.Client, error) {
	if s.URL == "" {
		return nil, usageError("--flinks-url is missing (or %s): the address of your Flinks API, "+
			"or of a simulator that %q serves", variable("flinks-url"), "nightshift sandbox")
	}
	return &flinks.Client{
		BaseURL: s.URL.Reveal(), CustomerID: s.CustomerID,
		SecretKey: s.SecretKey, APIKey: s.APIKey,
		HTTP: flinks.NewHTTPClient(conns), Lean: true,
	}, nil
}

// policy is the guide's, with what the settings change.
func (s *workSettings) policy() consumer.Policy {
	p := consumer.DefaultPolicy()
	p.MaxAge, p.PollInterval, p.PollTimeout = s.MaxAge, s.PollInterval, s.PollTimeout
	p.MaxLive, p.RetryBase, p.RetryCap = s.MaxLive, s.RetryBase, s.RetryCap
	p.Pushed, p.PollPushed = s.Push.Webhooks, s.Patience
	return p
}

// worker makes a worker on the given servers, not yet running.
func (s *workSettings) worker(st *stores, client *flinks.Client, log *slog.Logger) *consumer.Worker {
	w := &consumer.Worker{
		JS: st.JS, Flinks: client, State: st.State,
		Policy: s.policy(), Log: log, Name: workerName(),
		Concurrency: s.Concurrency, Grace: s.Grace, Rate: s.Rate, InstitutionSessions: s.Sessions,
	}
	if s.Accounts == "keep" {
		w.Accounts = st.Accounts
	}
	return w
}

// workerName is unlike any other worker's, also after a restart on the same
// host.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	return host + "-" + ulid.Make().String()
}

// awaitFlinks waits until Flinks answers. If it refuses us, the workers are
// told before any of them touches a job.
func awaitFlinks(ctx context.Context, log *slog.Logger, c *flinks.Client, store *state.Store) error {
	return awaiting(ctx, log, "Flinks at "+Address(c.BaseURL).String(), func(ctx context.Context) error {
		_, err := c.GenerateAuthorizeToken(ctx)
		switch {
		case errors.Is(err, flinks.ErrSettings):
			return hopeless(exit(exitUsage, err))
		case flinks.KindOf(err) == flinks.KindConfig:
			consumer.Pause(store, log, flinks.OpGenerateAuthorizeToken, event.Unauthorized, "err", err)
			return nil
		}
		return err
	})
}
