package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/oklog/ulid/v2"

	"nightshift/consumer"
	"nightshift/flinks"
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
		HTTP: flinks.NewHTTPClient(conns),
	}, nil
}

// policy is the guide's, with what the settings change.
func (s *workSettings) policy() consumer.Policy {
	p := consumer.DefaultPolicy()
	p.MaxAge, p.PollInterval, p.PollTimeout = s.MaxAge, s.PollInterval, s.PollTimeout
	p.MaxLive, p.RetryBase, p.RetryCap = s.MaxLive, s.RetryBase, s.RetryCap
	return p
}

// worker makes a worker on the given servers, not yet running.
func (s *workSettings) worker(st *stores, client *flinks.Client, log *slog.Logger) *consumer.Worker {
	w := &consumer.Worker{
		JS: st.JS, Flinks: client, State: st.State,
		Policy: s.policy(), Log: log, Name: workerName(),
		Concurrency: s.Concurrency, Grace: s.Grace,
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

// awaitFlinks waits until Flinks answers and takes our secret, so that no job
// is touched before.
func awaitFlinks(ctx context.Context, log *slog.Logger, c *flinks.Client) error {
	refused := false
	for {
		var refusal error
		err := awaiting(ctx, log, "Flinks at "+Address(c.BaseURL).String(), func(ctx context.Context) error {
			_, err := c.GenerateAuthorizeToken(ctx)
			if errors.Is(err, flinks.ErrSettings) {
				return hopeless(exit(exitUsage, err))
			}
			if refusal = err; flinks.KindOf(err) == flinks.KindConfig {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
		if refusal == nil {
			if refused {
				log.Info("Flinks takes our credentials again")
			}
			return nil
		}
		if !refused {
			refused = true
			log.Error("Flinks refuses our credentials: check --flinks-secret-key and --flinks-customer-id; "+
				"no job is pulled, all stay untouched", "next_try", secretRetry, "err", refusal)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(secretRetry):
		}
	}
}

// secretRetry is how often a refused secret is tried again: it may be mended
// on Flinks' side.
const secretRetry = 30 * time.Second
