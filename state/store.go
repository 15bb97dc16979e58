package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// CycleTTL is how long the record of a cycle is kept after its last claim.
// It outlives the duplicate window of the outcome stream (48 h).
const CycleTTL = 72 * time.Hour

// ErrLost says that the lease is no longer the caller's: it expired and
// somebody else has taken the login, or the job has gone on without the
// caller. Whoever gets it stops working on the job.
var ErrLost = errors.New("state: the lease is lost")

// Store keeps the state in Redis. It is safe for concurrent use.
type Store struct {
	rdb   redis.UniversalClient
	batch *batch // for what every job asks
}

// Open prepares a store; it does not connect yet ([Store.Ping] does). The URL
// has one of the forms
//
//	redis://user:password@host:6379/0     one server (rediss:// for TLS)
//	unix:///path/to/redis.sock            one server on a socket
//	redis://host1:6379?addr=host2:6379    a Redis Cluster, by any of its nodes
//
// The error never holds the URL's password.
func Open(rawURL string) (*Store, error) {
	if strings.Contains(rawURL, "addr=") {
		opts, err := redis.ParseClusterURL(rawURL)
		if err != nil {
			return nil, urlError(err)
		}
		opts.ContextTimeoutEnabled = true
		opts.MaintNotificationsConfig = noMaintNotifications()
		return New(redis.NewClusterClient(opts)), nil
	}
	opts, err := Options(rawURL)
	if err != nil {
		return nil, err
	}
	return New(redis.NewClient(opts)), nil
}

// Options are a single server's client settings, as the store needs them: a
// context's deadline counts for every operation.
func Options(rawURL string) (*redis.Options, error) {
	opts, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, urlError(err)
	}
	opts.ContextTimeoutEnabled = true
	opts.MaintNotificationsConfig = noMaintNotifications()
	return opts, nil
}

// New uses a client that the caller has made, and closes it with the store.
func New(rdb redis.UniversalClient) *Store { return &Store{rdb: rdb, batch: &batch{rdb: rdb}} }

// noMaintNotifications switches off a handshake that only Redis Enterprise
// understands.
func noMaintNotifications() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// urlError keeps the words of a parse error and drops the URL, which may hold
// a password.
func urlError(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	return fmt.Errorf("state: bad redis URL: %w (want redis://host:6379/0, rediss://…, unix:///path)", err)
}

// Ping reports whether Redis answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.rdb.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("state: ping: %w", err)
	}
	return nil
}

// Now is the time by Redis' clock, the one clock that all processes share.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	now, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("state: ask the time: %w", err)
	}
	return now.UTC(), nil
}

// Close ends all connections.
func (s *Store) Close() error { return s.rdb.Close() }

// run runs a script under the name of its operation.
func (s *Store) run(ctx context.Context, op string, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	cmd := s.batch.eval(ctx, script, keys, args...)
	if err := cmd.Err(); err != nil {
		cmd.SetErr(fmt.Errorf("state: %s: %w", op, err))
	}
	return cmd
}

// LogTo sends the Redis library's own messages to log. It holds for the whole
// process, so it is called once, at the start.
func LogTo(log *slog.Logger) { redis.SetLogger(libraryLog{log}) }

// libraryLog passes go-redis' messages on as debug lines: each failure also
// comes back as an error, which is where it is told.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(ctx context.Context, format string, v ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "redis client", "message", fmt.Sprintf(format, v...))
	}
}
