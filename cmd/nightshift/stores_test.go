package main

import (
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server"
)

// What waiting does not mend is told at once.
func TestStoresThatRefuse(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	stores, _ := servers(t)
	redis := miniredis.RunT(t)
	redis.RequireAuth("another")
	guarded := plainNATS(t, server.Options{Username: "user", Password: "another", JetStream: true, StoreDir: t.TempDir()})
	for _, tc := range []struct {
		rule    string
		environ []string
		want    string
	}{
		{"NATS with another password", []string{"NIGHTSHIFT_NATS_URL=nats://user:hush@" + guarded},
			"NATS at nats://user:xxxxx@" + guarded + ": nats: Authorization Violation"},
		{"more copies than there are servers", []string{"NIGHTSHIFT_REPLICAS=3", "NIGHTSHIFT_NATS_URL=" + natsServer(t, "127.0.0.1:0").URL()},
			"producer: stream REFRESH_JOBS: nats: API error: code=500 err_code=10074 description=replicas > 1 not supported in non-clustered mode"},
		{"Redis with another password", []string{"NIGHTSHIFT_REDIS_URL=redis://:hush@" + redis.Addr()},
			"Redis at redis://:xxxxx@" + redis.Addr() + ": state: ping: WRONGPASS invalid username-password pair"},
		{"Redis with a password that is not given", []string{"NIGHTSHIFT_REDIS_URL=redis://" + redis.Addr()},
			"Redis at redis://" + redis.Addr() + ": state: ping: NOAUTH Authentication required."},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			r := run(t, b.environ(append(stores, tc.environ...)...), "consume")
			equal(t, result{Code: exitTrouble, Stderr: "nightshift: " + tc.want + "\n"}, r)
		})
	}
}

// JetStream may come up later than the server that it is a part of.
func TestStoresWaitForJetStream(t *testing.T) {
	t.Parallel()
	c := start(t, []string{"NIGHTSHIFT_NATS_URL=nats://" + plainNATS(t, server.Options{})}, "", "setup")
	c.logs("JetStream is unreachable; trying again until it answers")
	if r := c.stop(); r.Code != exitTrouble || !strings.HasSuffix(r.Stderr, "\nnightshift: stopped\n") {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
}

// A worker whose Redis nobody else sees says so.
func TestConsumeAlone(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	stores, _ := servers(t)
	c := start(t, b.environ(stores[0], "NIGHTSHIFT_DATA="+t.TempDir()), "", "consume")
	c.logs("--redis-url is not set, so this process has a Redis of its own", `"msg":"working"`)
	if r := c.stop(); r.Code != exitOK || strings.Count(r.Stderr, "--redis-url") != 1 {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
}

// plainNATS starts a server as somebody else may have set it up.
func plainNATS(t *testing.T, o server.Options) (addr string) {
	t.Helper()
	o.Host, o.Port, o.NoLog, o.NoSigs = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("nats-server is not ready")
	}
	return s.Addr().String()
}
