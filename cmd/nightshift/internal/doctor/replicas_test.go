package doctor

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"nightshift/cmd/internal/rig"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
)

func TestJudgeReplicas(t *testing.T) {
	with := func(leader string, peers ...*jetstream.PeerInfo) *jetstream.ClusterInfo {
		return &jetstream.ClusterInfo{Leader: leader, Replicas: peers}
	}
	well := &jetstream.PeerInfo{Name: "s2", Current: true}
	for _, tc := range []struct {
		rule   string
		groups []group
		want   Check
	}{
		{"alone", []group{{"A", 1, nil}}, ok("r", "every stream has its leader, and one copy")},
		{"well", []group{{"A", 3, with("s1", well, well)}, {"B", 3, with("s2", well, well)}}, ok("r", "every stream has its leader, and 3 copies, all up to date")},
		{"the fewest copies count", []group{{"A", 3, with("s1", well, well)}, {"B", 1, with("s2")}}, ok("r", "every stream has its leader, and one copy")},
		{"one is down", []group{{"A", 3, with("s1", well, &jetstream.PeerInfo{Name: "s3", Offline: true})}, {"B", 3, with("s1", well, &jetstream.PeerInfo{Name: "s3", Offline: true})}},
			warning("r", "s3 is offline: one more server down may stop everything").
				mend("start the NATS servers that are down, and let the others catch up: nats server report jetstream")},
		{"one is behind", []group{{"A", 3, with("s1", well, &jetstream.PeerInfo{Name: "s3", Lag: 7})}},
			warning("r", "s3 is 7 operations behind with A: one more server down may stop everything").
				mend("start the NATS servers that are down, and let the others catch up: nats server report jetstream")},
		{"nobody leads", []group{{"A", 3, with("", well)}}, broken("r", "no leader, or too few servers to store anything: A").mend(startServers)},
		{"a leader that has lost the others", []group{{"A", 3, with("s1", &jetstream.PeerInfo{Name: "s2", Offline: true}, &jetstream.PeerInfo{Name: "s3", Offline: true})}, {"B", 1, with("s1")}},
			broken("r", "no leader, or too few servers to store anything: A").mend(startServers)},
	} {
		t.Run(tc.rule, func(t *testing.T) { equal(t, tc.want, judgeReplicas("r", tc.groups)) })
	}
}

// TestCluster takes the servers of a real cluster away, one after the other.
func TestCluster(t *testing.T) {
	t.Parallel()
	servers, p := cluster(t)
	look := func() map[string]Check {
		v := &visit{Patient: p}
		all := map[string]Check{}
		for _, c := range append(v.parts(t.Context()), v.replicas(t.Context())...) {
			all[c.Name] = c
		}
		return all
	}
	until(t, func() bool {
		return look()["replicas"].Says == "every stream has its leader, and 3 copies, all up to date"
	})
	servers[2].Shutdown()
	until(t, func() bool {
		c := look()["replicas"]
		return c.Found == Warning && strings.HasPrefix(c.Says, "s2 is offline") && look()["stream REFRESH_JOBS"].Found == OK
	})
	servers[1].Shutdown()
	until(t, func() bool {
		all := look()
		return all["replicas"].Found == Broken &&
			(all["consumer nightly"].Found == OK || all["consumer nightly"].Says == "it has no leader, or does not answer")
	})
}

// cluster is three servers that are set up, and a patient at the first one.
func cluster(t *testing.T) ([]*server.Server, *Patient) {
	t.Helper()
	ports := make([]int, 3)
	var routes []string
	for i := range ports {
		addr, err := rig.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(addr)
		ports[i], _ = strconv.Atoi(port)
		routes = append(routes, "nats://"+addr)
	}
	var servers []*server.Server
	for i, port := range ports {
		servers = append(servers, startNATS(t, &server.Options{
			ServerName: fmt.Sprint("s", i), JetStream: true, StoreDir: t.TempDir(),
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: port},
			Routes:  server.RoutesFromStr(strings.Join(routes, ",")),
		}))
	}
	p := &Patient{Setup: producer.Setup{Replicas: 3}}
	p.connect(t, servers[0].ClientURL())
	until(t, func() bool { // Until they have a leader.
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := p.Setup.Run(ctx, p.JS)
		return err == nil
	})
	return servers, p
}
