package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/cmd/nightshift/internal/local"
	"nightshift/producer"
	"nightshift/producer/event"
)

func TestNATSThatCannotBeReached(t *testing.T) {
	for _, tc := range []struct {
		rule string
		err  error
		mend string
	}{
		{"nobody is there", nats.ErrNoServers, "start the server, or correct --nats-url"},
		{"another password", nats.ErrAuthorization, "correct the user and password in --nats-url, or --nats-creds"},
		{"no file of credentials", &fs.PathError{Op: "open", Path: "creds", Err: fs.ErrNotExist}, "name a readable credentials file with --nats-creds"},
		{"a directory in use", fmt.Errorf("data is %w", local.ErrLocked),
			"stop that process, or look again when it has ended: nobody else can see into its embedded servers"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			v := &visit{Patient: &Patient{NATS: Server{Err: tc.err}}}
			equal(t, []Check{
				{Name: "nats", Found: Broken, Says: tc.err.Error(), Mend: []string{tc.mend}},
				{Name: "nats version", Found: Skipped, Says: "NATS cannot be asked"},
			}, v.nats(t.Context()))
		})
	}
}

func TestNATSVersion(t *testing.T) {
	const name, mend = "nats version", "install nats-server 2.14 or newer"
	for version, want := range map[string]Check{
		"2.11.9":      broken(name, "2.11.9 cannot schedule messages, so no job can be parked").mend(mend),
		"1.99.0":      broken(name, "1.99.0 cannot schedule messages, so no job can be parked").mend(mend),
		"2.12.0":      warning(name, "2.12.0 is older than what Nightshift is made for").mend(mend),
		"2.14.0-RC.1": ok(name, "2.14.0-RC.1"),
		"2.15.2":      ok(name, "2.15.2"),
		"3.0.0":       ok(name, "3.0.0"),
		"":            skipped(name, "the server does not tell its version"),
		"main":        skipped(name, "the server does not tell its version"),
	} {
		t.Run(version, func(t *testing.T) { equal(t, want, natsVersion(version)) })
	}
}

func FuzzVersion(f *testing.F) {
	for _, seed := range []string{"2.15.2", "v7.0-rc1", "", ".", "-1.2", "99999999999999999999.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, version string) {
		if known(version) && older(version, 2, 12) && !older(version, 2, 14) {
			t.Errorf("%q is older than 2.12 and not older than 2.14", version)
		}
	})
}

func TestJetStreamThatIsOff(t *testing.T) {
	t.Parallel()
	t.Run("on the server", func(t *testing.T) {
		p := &Patient{}
		p.connect(t, startNATS(t, &server.Options{}).ClientURL())
		equal(t, []Check{
			{Name: "jetstream", Found: Broken, Says: "the server has no JetStream",
				Mend: []string{"nats-server --jetstream", "or, in the server's configuration: jetstream { store_dir: /data }"}},
			{Name: "jetstream storage", Found: Skipped, Says: "JetStream cannot be asked"},
		}, (&visit{Patient: p}).jetStream(t.Context()))
	})
	t.Run("for the account", func(t *testing.T) {
		p := &Patient{}
		srv := configured(t, `jetstream: {}
			accounts { A { users: [{user: a, password: a}] }, B { jetstream: enabled, users: [{user: b, password: b}] } }`)
		p.connect(t, "nats://a:a@"+srv.Addr().String())
		equal(t, Check{
			Name: "jetstream", Found: Broken, Says: "the account has no JetStream",
			Mend: []string{"in the server's configuration, in the account: jetstream: enabled"},
		}, (&visit{Patient: p}).jetStream(t.Context())[0])
	})
}

func TestJetStreamStorage(t *testing.T) {
	t.Parallel()
	p := &Patient{}
	srv := configured(t, `jetstream: {}
		accounts { A { jetstream: { max_mem: 0, max_file: 1MB }, users: [{user: a, password: a}] } }`)
	p.connect(t, "nats://a:a@"+srv.Addr().String())
	if _, err := p.JS.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	look := func() Check { return (&visit{Patient: p}).jetStream(t.Context())[1] }
	fill := func(n int) {
		t.Helper()
		if _, err := p.JS.Publish(t.Context(), "s", make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	mend := []string{"raise max_file of the account in the NATS server's configuration, or remove streams that nobody needs: nats stream report"}
	equal(t, ok("jetstream storage", "0 B of 1.0 MiB used, 0 %%"), look())
	fill(875_000)
	equal(t, Check{Name: "jetstream storage", Found: Warning, Mend: mend,
		Says: "854.5 KiB of 1.0 MiB used, 83 %: when it is full, no job, outcome or account can be stored"}, look())
	fill(130_000)
	equal(t, Check{Name: "jetstream storage", Found: Broken, Mend: mend,
		Says: "981.5 KiB of 1.0 MiB used, 95 %: when it is full, no job, outcome or account can be stored"}, look())

	t.Run("each number of copies may have a limit of its own, and the fullest counts", func(t *testing.T) {
		tier := func(used uint64, limit int64) jetstream.Tier {
			return jetstream.Tier{Store: used, Limits: jetstream.AccountLimits{MaxStore: limit}}
		}
		got := judgeStorage(&jetstream.AccountInfo{Tiers: map[string]jetstream.Tier{"R1": tier(90, 100), "R3": tier(10, 100), "R5": tier(7, -1)}})
		equal(t, Check{Name: "jetstream storage", Found: Warning, Mend: mend,
			Says: "90 B of 100 B in the tier R1 used, 90 %: when it is full, no job, outcome or account can be stored"}, got)
	})
	t.Run("without a limit the use is told", func(t *testing.T) {
		got := judgeStorage(&jetstream.AccountInfo{Tier: jetstream.Tier{Store: 3 << 30, Limits: jetstream.AccountLimits{MaxStore: -1}}})
		equal(t, ok("jetstream storage", "3.0 GiB used, the account has no limit"), got)
	})
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	p := onlyNATS(t)
	look := func() []Check { return (&visit{Patient: p}).dead(t.Context()) }
	bury := func() {
		if _, err := p.JS.Publish(t.Context(), event.DeadSubject(event.DeadMalformed), nil); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, []Check{ok("dead letters", "none")}, look())
	bury()
	equal(t, []Check{{Name: "dead letters", Found: Warning, Says: "1 message was no valid job, and was put aside", Mend: []string{"nightshift dead list"}}}, look())
	bury()
	equal(t, []Check{{Name: "dead letters", Found: Warning, Says: "2 messages were no valid jobs, and were put aside", Mend: []string{"nightshift dead list"}}}, look())
	if err := p.JS.DeleteStream(t.Context(), event.StreamDead); err != nil {
		t.Fatal(err)
	}
	equal(t, []Check{skipped("dead letters", "their stream is missing")}, look())
}

// The clock is compared with a server that tells another time.
func TestClockOfNATS(t *testing.T) {
	t.Parallel()
	const suffers = ": parked jobs come back that much too early or too late, and the nightly window is off"
	mend := []string{"timedatectl set-ntp true  # here and there"}
	for _, tc := range []struct {
		rule  string
		ahead time.Duration
		want  Check
	}{
		{"a second is nothing", time.Second, ok("clock of nats", "it agrees with this machine's")},
		{"some seconds are seen", 5 * time.Second, Check{Name: "clock of nats", Found: Warning, Says: "it is 5s ahead of this machine's" + suffers, Mend: mend}},
		{"a minute is bad", -time.Minute, Check{Name: "clock of nats", Found: Broken, Says: "it is 1m behind this machine's" + suffers, Mend: mend}},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			t.Parallel()
			p := &Patient{}
			p.connect(t, startNATS(t, &server.Options{}).ClientURL())
			sub, err := p.Conn.Subscribe("$JS.API.STREAM.INFO."+event.StreamJobs, func(m *nats.Msg) {
				data, err := json.Marshal(map[string]any{
					"type": "io.nats.jetstream.api.v1.stream_info_response", "config": map[string]any{"name": event.StreamJobs},
					"ts": time.Now().Add(tc.ahead),
				})
				if err == nil {
					err = m.Respond(data)
				}
				if err != nil {
					t.Error(err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = sub.Unsubscribe() }()
			equal(t, []Check{tc.want}, (&visit{Patient: p}).clockOfNATS(t.Context()))
		})
	}
	t.Run("without a stream nobody tells the time", func(t *testing.T) {
		p := &Patient{}
		p.connect(t, startNATS(t, &server.Options{JetStream: true, StoreDir: t.TempDir()}).ClientURL())
		equal(t, []Check{skipped("clock of nats", "no stream can be asked for the time")}, (&visit{Patient: p}).clockOfNATS(t.Context()))
	})
	t.Run("what the question took is not held against the clock", func(t *testing.T) {
		equal(t, OK, judgeClock("", 3*time.Second, 4*time.Second, "").Found)
	})
}

func TestParts(t *testing.T) {
	t.Parallel()
	p := onlyNATS(t)
	look := func(part string) Check { return examineParts(t, p)[part] }
	t.Run("a part that is missing", func(t *testing.T) {
		if err := p.JS.DeleteConsumer(t.Context(), event.StreamJobs, "ondemand"); err != nil {
			t.Fatal(err)
		}
		equal(t, Check{Name: "consumer ondemand", Found: Broken, Says: "it is missing", Mend: []string{"nightshift setup"}}, look("consumer ondemand"))
	})
	t.Run("a setting of a stream that can be changed", func(t *testing.T) {
		s, err := p.JS.Stream(t.Context(), event.StreamOutcomes)
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.CachedInfo().Config
		cfg.MaxAge = 72 * time.Hour
		if _, err := p.JS.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		equal(t, Check{Name: "stream REFRESH_OUTCOMES", Found: Broken, Says: "its max_age is 72h, and must be 840h",
			Mend: []string{"nats stream edit REFRESH_OUTCOMES --max-age=840h"}}, look("stream REFRESH_OUTCOMES"))
		if examineParts(t, p)["stream REFRESH_OUTCOMES"].fix != nil {
			t.Error("somebody may have meant it, and it would be changed")
		}
	})
	t.Run("a setting of a consumer", func(t *testing.T) {
		c, err := p.JS.Consumer(t.Context(), event.StreamJobs, "nightly")
		if err != nil {
			t.Fatal(err)
		}
		cfg := c.CachedInfo().Config
		cfg.AckWait = time.Minute
		if _, err := p.JS.UpdateConsumer(t.Context(), event.StreamJobs, cfg); err != nil {
			t.Fatal(err)
		}
		equal(t, Check{Name: "consumer nightly", Found: Broken, Says: "its ack_wait is 1m, and must be 30s",
			Mend: []string{"nats consumer rm REFRESH_JOBS nightly --force && nightshift setup"}}, look("consumer nightly"))
	})
	t.Run("what the operator asks for, and is not so", func(t *testing.T) {
		p.Setup = producer.Setup{Replicas: 3, AccountsTTL: time.Hour}
		equal(t, Check{Name: "stream REFRESH_DEAD", Found: Broken, Says: "its num_replicas is 1, and must be 3",
			Mend: []string{"nats stream edit REFRESH_DEAD --replicas=3", "or, to leave it as it is, without --replicas"}}, look("stream REFRESH_DEAD"))
		equal(t, Check{Name: "object store refresh-accounts", Found: Broken, Says: "its ttl is 72h, and must be 1h",
			Mend: []string{"nats stream edit OBJ_refresh-accounts --max-age=1h", "or, to leave it as it is, without --accounts-ttl"}},
			look("object store refresh-accounts"))
		p.Setup = producer.Setup{AccountsTTL: time.Hour}
		equal(t, Check{Name: "stream REFRESH_ACCOUNTS", Found: Broken, Says: "its max_age is 72h, and must be 1h",
			Mend: []string{"nats stream edit REFRESH_ACCOUNTS --max-age=1h", "or, to leave it as it is, without --accounts-ttl"}},
			look("stream REFRESH_ACCOUNTS"))
	})
}

func examineParts(t *testing.T, p *Patient) map[string]Check {
	t.Helper()
	all := map[string]Check{}
	for _, c := range (&visit{Patient: p}).parts(t.Context()) {
		all[c.Name] = c
	}
	return all
}

// Every setting that may differ has a way to be mended.
func TestStreamFlag(t *testing.T) {
	for _, tc := range []struct {
		setting string
		want    any
		flag    string
	}{
		{"subjects", []string{event.SubjectsJobs}, "--subjects='refresh.job.*.*.*'"},
		{"discard", jetstream.DiscardOld, "--discard=old"},
		{"max_age", 35 * 24 * time.Hour, "--max-age=840h"},
		{"max_msgs", int64(-1), "--max-msgs=-1"},
		{"max_bytes", int64(-1), "--max-bytes=-1"},
		{"max_msgs_per_subject", int64(-1), "--max-msgs-per-subject=-1"},
		{"max_msg_size", int32(-1), "--max-msg-size=-1"},
		{"duplicate_window", 10 * time.Minute, "--dupe-window=10m"},
		{"allow_msg_schedules", true, "--allow-schedules"},
		{"allow_direct", true, "--allow-direct"},
		{"compression", jetstream.S2Compression, "--compression=s2"},
		{"num_replicas", 3, "--replicas=3"},
		{"no_ack", false, "--ack"},
		{"subject_transform", false, "--no-transform"},
		{"retention", jetstream.WorkQueuePolicy, ""},
		{"storage", jetstream.FileStorage, ""},
		{"sealed", false, ""},
		{"persist_mode", jetstream.DefaultPersistMode, ""},
	} {
		t.Run(tc.setting, func(t *testing.T) {
			equal(t, tc.flag, streamFlag(tc.setting, tc.want))
			lines := change(&producer.DiffersError{Part: "stream S", Setting: tc.setting, Want: tc.want})
			if tc.flag == "" && !strings.HasPrefix(lines[0], "give Nightshift a NATS account of its own") ||
				tc.flag != "" && lines[0] != "nats stream edit S "+tc.flag {
				t.Errorf("got %q", lines)
			}
		})
	}
}

func TestPartThatDoesNotAnswer(t *testing.T) {
	for _, err := range []error{context.DeadlineExceeded, &jetstream.APIError{Code: 503, ErrorCode: 10008}} {
		got := judgePart(producer.Part{Name: "stream S", Err: fmt.Errorf("producer: %w", err)})
		equal(t, broken("stream S", "it has no leader, or does not answer").mend(startServers), got)
	}
}
