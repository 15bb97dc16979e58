package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"nightshift/cmd/nightshift/internal/local"
	"nightshift/consumer"
	"nightshift/producer"
	"nightshift/state"
)

// stores are the servers that a command works with: the ones the settings
// name, or embedded ones that keep their files in the data directory.
type stores struct {
	JS    jetstream.JetStream
	State *state.Store // Nil unless asked for.

	Accounts *consumer.Accounts

	conn    *nats.Conn
	closers []func() // In the order of opening.
}

// open connects to NATS, and to Redis if the command needs it, waiting until
// they are there, and makes sure that streams and consumers are as they must
// be.
func (s *storeSettings) open(ctx context.Context, log *slog.Logger, withRedis bool) (*stores, error) {
	st := &stores{}
	err := st.open(ctx, s, log, withRedis)
	if err != nil {
		st.Close()
		return nil, err
	}
	return st, nil
}

func (st *stores) open(ctx context.Context, s *storeSettings, log *slog.Logger, withRedis bool) error {
	if s.NATSURL == "" || withRedis && s.RedisURL == "" {
		if err := st.lock(s); err != nil {
			return err
		}
	}
	if s.NATSURL != "" && withRedis && s.RedisURL == "" {
		log.Warn("--redis-url is not set, so this process has a Redis of its own: " +
			"other processes that work on the same NATS do not know which logins it has in hand")
	}
	if err := st.openNATS(ctx, s, log, dialNATS); err != nil {
		return err
	}
	if withRedis {
		if err := st.openRedis(ctx, s, log); err != nil {
			return err
		}
		if err := st.awaitRedis(ctx, s, log); err != nil {
			return err
		}
	}
	return st.setup(ctx, s, log)
}

// lock takes the data directory for the embedded servers.
func (st *stores) lock(s *storeSettings) error {
	lock, err := local.LockDir(s.Data)
	if err != nil {
		return err
	}
	st.later(func() { _ = lock.Close() })
	return nil
}

func (st *stores) later(f func()) { st.closers = append(st.closers, f) }

// Close undoes what open did, last things first. What the connections still
// hold back is sent.
func (st *stores) Close() {
	for _, undo := range slices.Backward(st.closers) {
		undo()
	}
	st.closers = nil
}

// dialer connects to the NATS that the settings name.
type dialer func(context.Context, *storeSettings, *slog.Logger) (*nats.Conn, error)

func (st *stores) openNATS(ctx context.Context, s *storeSettings, log *slog.Logger, dial dialer) error {
	var err error
	if s.NATSURL == "" {
		server, err := local.StartNATS(ctx, filepath.Join(s.Data, "nats"), local.NATSOptions{Log: log})
		if err != nil {
			return err
		}
		st.later(server.Close)
		st.conn, err = server.Connect(natsOptions(s, log)...)
		if err != nil {
			return err
		}
	} else if st.conn, err = dial(ctx, s, log); err != nil {
		return fmt.Errorf("NATS at %s: %w", s.NATSURL, err)
	}
	st.later(func() {
		_ = st.conn.FlushTimeout(5 * time.Second) // the last acks
		st.conn.Close()
	})
	st.JS, err = jetstream.New(st.conn, jetstream.WithDefaultTimeout(10*time.Second))
	return err
}

// tryNATS gives up when no server answers within two seconds.
func tryNATS(_ context.Context, s *storeSettings, log *slog.Logger) (*nats.Conn, error) {
	return nats.Connect(s.NATSURL.Reveal(), natsOptions(s, log)...)
}

// dialNATS waits until a server answers.
func dialNATS(ctx context.Context, s *storeSettings, log *slog.Logger) (nc *nats.Conn, err error) {
	err = awaiting(ctx, log, "NATS at "+s.NATSURL.String(), func(ctx context.Context) error {
		nc, err = tryNATS(ctx, s, log)
		if _, file := errors.AsType[*fs.PathError](err); file || errors.Is(err, nats.ErrAuthorization) { // a file of credentials
			return hopeless(err)
		}
		return err
	})
	return nc, err
}

// natsOptions never give a connection up: jobs wait meanwhile.
func natsOptions(s *storeSettings, log *slog.Logger) []nats.Option {
	opts := []nats.Option{
		nats.Name("nightshift"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if !nc.IsClosed() {
				log.Warn("NATS is unreachable; trying again until it answers", "err", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("NATS has recovered", "url", nc.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("NATS reports a problem (continuing)", "err", err)
		}),
	}
	if s.NATSCreds != "" {
		opts = append(opts, nats.UserCredentials(s.NATSCreds))
	}
	return opts
}

// redisLog guards the one logger that the Redis library has for the whole
// process, and must not be given anew while it is in use.
var redisLog sync.Once

// openRedis makes the way to Redis, which connects when it is used.
func (st *stores) openRedis(ctx context.Context, s *storeSettings, log *slog.Logger) (err error) {
	redisLog.Do(func() { state.LogTo(log) })
	if s.RedisURL == "" {
		server, err := local.StartRedis(ctx, filepath.Join(s.Data, "redis"), log)
		if err != nil {
			return err
		}
		st.later(func() {
			if err := server.Close(); err != nil {
				log.Warn("redis did not stop well (continuing)", "err", err)
			}
		})
		st.State = state.New(redis.NewUniversalClient(server.Options()))
	} else if st.State, err = state.Open(s.RedisURL.Reveal()); err != nil {
		return fmt.Errorf("--redis-url: %w", err)
	}
	st.later(func() { _ = st.State.Close() })
	return nil
}

// awaitRedis returns when Redis answers.
func (st *stores) awaitRedis(ctx context.Context, s *storeSettings, log *slog.Logger) error {
	what := "Redis"
	if s.RedisURL != "" {
		what = "Redis at " + s.RedisURL.String()
	}
	err := awaiting(ctx, log, what, func(ctx context.Context) error {
		err := st.State.Ping(ctx)
		if err != nil && (strings.Contains(err.Error(), "NOAUTH") || strings.Contains(err.Error(), "WRONGPASS")) {
			return hopeless(err)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// setup creates or checks the streams. JetStream may come up later than the
// server that it is part of.
func (st *stores) setup(ctx context.Context, s *storeSettings, log *slog.Logger) error {
	setup := producer.Setup{Replicas: s.Replicas, AccountsTTL: s.AccountsTTL}
	return awaiting(ctx, log, "JetStream", func(ctx context.Context) error {
		_, err := setup.Run(ctx, st.JS)
		if err == nil {
			st.Accounts, err = consumer.OpenAccounts(ctx, st.JS)
		}
		api, answered := errors.AsType[*jetstream.APIError](err)
		if answered && api.Code != http.StatusServiceUnavailable || errors.Is(err, producer.ErrDiffers) {
			return hopeless(err)
		}
		return err
	})
}
