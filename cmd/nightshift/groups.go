package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"nightshift/state"
)

// storeSettings say where jobs, outcomes and memory lie.
type storeSettings struct {
	NATSURL   Address // Empty: the embedded server.
	NATSCreds string  // Path of a credentials file; empty: none.
	RedisURL  Address // Empty: the embedded server.
	Data      string  // Directory of the embedded servers' files.

	Replicas    int           // Copies of each stream; 0: as they are, 1 for new ones.
	AccountsTTL time.Duration // How long fetched accounts are kept; 0: as it is, 72 h when new.
}

func (s *storeSettings) Register(fs *pflag.FlagSet) {
	declareFile(fs, &s.NATSURL, "nats-url", "", address("nats", "tls", "ws", "wss"),
		"NATS server, several with commas; empty: one is embedded")
	declare(fs, &s.NATSCreds, "nats-creds", "", text(),
		"credentials file for NATS")
	declareFile(fs, &s.RedisURL, "redis-url", "", address("redis", "rediss", "unix"),
		"Redis server; empty: one is embedded")
	declare(fs, &s.Data, "data", "nightshift-data", text(),
		"directory of the embedded servers' files")
	declare(fs, &s.Replicas, "replicas", 0, oneOf(0, 1, 3),
		"copies of each stream that NATS keeps; 0: as they are, 1 for new ones")
	declare(fs, &s.AccountsTTL, "accounts-ttl", 0, span(0),
		"keep fetched accounts this long; 0: as it is, 72h when new")
}

// check reads the address of Redis as its client will. It does not connect.
func (s *storeSettings) check() error {
	if s.RedisURL == "" {
		return nil
	}
	store, err := state.Open(s.RedisURL.Reveal())
	if err != nil {
		return fmt.Errorf("--redis-url: %w", err)
	}
	return store.Close()
}

// flinksSettings are the way into Flinks.
type flinksSettings struct {
	URL        Address
	CustomerID string
	SecretKey  Secret // Mints authorize tokens; also opens the nightly status.
	APIKey     Secret // Sent with data calls; empty: not sent.
}

func (s *flinksSettings) Register(fs *pflag.FlagSet) {
	declare(fs, &s.URL, "flinks-url", "", address("https", "http"),
		"Flinks API, such as https://{instance}-api.private.fin.ag")
	declare(fs, &s.CustomerID, "flinks-customer-id", "", text(),
		"your customer id at Flinks")
	declareFile(fs, &s.SecretKey, "flinks-secret-key", "", secret(),
		"your secret key at Flinks")
	declareFile(fs, &s.APIKey, "flinks-api-key", "", secret(),
		"your x-api-key at Flinks, if you have one")
}

// check wants all or nothing: a command that needs Flinks says so itself, for
// a demo needs none of them.
func (s *flinksSettings) check() error {
	if s.URL == "" {
		return nil
	}
	for _, need := range []struct{ name, value string }{
		{"flinks-customer-id", s.CustomerID},
		{"flinks-secret-key", s.SecretKey.Reveal()},
	} {
		if need.value == "" {
			return fmt.Errorf("--%s is missing: with --flinks-url it must be set too (or %s)",
				need.name, variable(need.name))
		}
	}
	return nil
}

// workSettings say how a job is worked off.
type workSettings struct {
	Concurrency  int           // Jobs worked at once; bounds the memory too.
	Rate         int           // Calls per second of all replicas together; 0: no limit.
	Sessions     int           // Live sessions per institution, of all replicas; 0: any number.
	MaxAge       time.Duration // Cached data younger than this needs no live refresh.
	PollInterval time.Duration
	PollTimeout  time.Duration // Of one poll, from its first answer.
	MaxLive      int           // Live calls per login and cycle, crashes included.
	RetryBase    time.Duration // The first wait of a parked job; doubles each time.
	RetryCap     time.Duration // The longest wait of a parked job.
	Push         pushSettings  // A group of its own, that the producer shares.
	Patience     time.Duration // With webhooks: when a pending job asks by itself.
	Accounts     string        // keep or none.
	Grace        time.Duration // For calls in flight when the program is stopped.
}

func (s *workSettings) Register(fs *pflag.FlagSet) {
	declare(fs, &s.Concurrency, "concurrency", 64, whole(1, 50_000),
		"jobs worked at once")
	declare(fs, &s.Rate, "rate", 0, whole(0, 10_000),
		"calls to Flinks per second at most, of all replicas together; 0: as Flinks lets them")
	declare(fs, &s.Sessions, "institution-sessions", 0, whole(0, 10_000),
		"live refreshes at one institution at a time at most, of all replicas together; 0: any number")
	declare(fs, &s.MaxAge, "max-age", 24*time.Hour, span(time.Minute),
		"cached data up to this old needs no live refresh")
	declare(fs, &s.PollInterval, "poll-interval", 3*time.Second, span(10*time.Millisecond),
		"wait between two polls of a pending operation")
	declare(fs, &s.PollTimeout, "poll-timeout", 30*time.Minute, span(time.Second),
		"give a pending operation up after this long")
	declare(fs, &s.MaxLive, "max-live", 3, whole(1, 20),
		"live refreshes of one login in one night at most")
	declare(fs, &s.RetryBase, "retry-base", 5*time.Minute, span(time.Millisecond),
		"first wait before a failed live refresh is tried again; doubles each time")
	declare(fs, &s.RetryCap, "retry-cap", time.Hour, span(time.Millisecond),
		"longest wait before a failed live refresh is tried again")
	declare(fs, &s.Patience, "webhook-patience", 5*time.Minute, span(time.Second),
		"with --webhooks: poll when no push has come for this long; keep it below 8m, after which Flinks forgets a session")
	declare(fs, &s.Accounts, "accounts", "keep", choice("keep", "none"),
		"keep the accounts that a refresh brings, or only count them")
	declare(fs, &s.Grace, "grace", 30*time.Second, span(0),
		"let calls in flight finish this long when stopped")
}

func (s *workSettings) check() error {
	if s.PollInterval > s.PollTimeout {
		return fmt.Errorf("--poll-interval (%s) is longer than --poll-timeout (%s)",
			showSpan(s.PollInterval), showSpan(s.PollTimeout))
	}
	if s.RetryBase > s.RetryCap {
		return fmt.Errorf("--retry-base (%s) is longer than --retry-cap (%s)",
			showSpan(s.RetryBase), showSpan(s.RetryCap))
	}
	return nil
}

// pushSettings say whether Flinks pushes its data.
type pushSettings struct {
	Webhooks bool // A pending job is parked until then, and nobody needs to read the data.
}

func (s *pushSettings) Register(fs *pflag.FlagSet) {
	declareSwitch(fs, &s.Webhooks, "webhooks",
		"Flinks pushes its data (\"nightshift webhook\"): wait instead of polling, and ask for no cached call to be eligible")
}

// logSettings say what is logged, and how it looks.
type logSettings struct {
	Format string // auto, text or json.
	Level  string // debug, info, warn or error.
}

func (s *logSettings) Register(fs *pflag.FlagSet) {
	declare(fs, &s.Format, "log-format", "auto", choice("auto", "text", "json"),
		"how logs look; auto: text on a terminal, else JSON")
	declare(fs, &s.Level, "log-level", "info", choice("debug", "info", "warn", "error"),
		"the least level that is logged")
}

// allSettings declares every shared setting once, for the list of settings
// and to know the environment variables of all commands.
func allSettings() *pflag.FlagSet {
	fs := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	fs.SortFlags = false
	for _, g := range []settings{
		&storeSettings{}, &flinksSettings{}, &nightSettings{}, &routineSettings{},
		&workSettings{}, &pushSettings{}, &rosterSource{}, &webhookSettings{}, &connectSettings{}, &mfaSettings{},
		&metricsSettings{}, &logSettings{},
	} {
		g.Register(fs)
	}
	return fs
}
