package producer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"nightshift/producer"
	"nightshift/producer/event"
)

// newCluster is three servers, without any stream, and a connection to each.
func newCluster(t *testing.T) []jetstream.JetStream {
	t.Helper()
	ports := []int{freePort(t), freePort(t), freePort(t)}
	var routes string
	for _, port := range ports {
		routes += fmt.Sprintf(",nats://127.0.0.1:%d", port)
	}
	var conns []jetstream.JetStream
	for i, port := range ports {
		srv := start(t, &server.Options{
			ServerName: fmt.Sprint("s", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: port},
			Routes:  server.RoutesFromStr(routes[1:]),
		})
		conns = append(conns, connect(t, srv.ClientURL()))
	}
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) { // Until they have a leader.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := conns[0].CreateStream(ctx, jetstream.StreamConfig{Name: "READY", Subjects: []string{"ready"}, Replicas: 3})
		cancel()
		if err == nil {
			return conns
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatal(err)
		}
	}
}

// freePort is a port that was free a moment ago: a server must know where the
// others will be before they are there. It lies below those that the system
// hands out, which some connection could take meanwhile.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 12_000 + rand.IntN(20_000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port from 12000 to 32000 on 127.0.0.1")
	return 0
}

// TestCluster has one cluster for all, since it takes seconds to begin.
func TestCluster(t *testing.T) {
	t.Parallel()
	conns := newCluster(t)
	t.Run("setups at once agree, and no number of replicas leaves what is there", func(t *testing.T) {
		var all errgroup.Group
		for i := range 8 {
			all.Go(func() error {
				_, err := producer.Setup{Replicas: 3}.Run(t.Context(), conns[i%3])
				return err
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		setUp(t, conns[1])
		for _, s := range settingsOf(t, conns[0]).Streams {
			if s.Replicas != 3 {
				t.Errorf("%s has %d replicas", s.Name, s.Replicas)
			}
		}
		wantDiffers(t, producer.Setup{Replicas: 1}, conns[0], "stream "+event.StreamJobs, "num_replicas")
	})
	t.Run("publishers race", func(t *testing.T) {
		ids := logins(500)
		race(t, ids, conns[0], conns[1], conns[2], conns[0])
		if diff := cmp.Diff(onceEach(ids), subjects(t, conns[0])); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("publishers race with the same cycle", func(t *testing.T) {
		ids := logins(1000)[500:]
		var all errgroup.Group
		for _, js := range conns {
			all.Go(func() error {
				_, err := producer.Publisher{JS: js}.Publish(t.Context(), jobs(tonight, ids...), nil)
				return err
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(onceEach(logins(1000)), subjects(t, conns[0])); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("operators on different servers fire and cancel, and no job is lost", func(t *testing.T) {
		const n = 60
		for i := range n {
			send(t, conns[0], scheduled(t, waitingJob(fmt.Sprintf("parked-%d", i))))
		}
		var all errgroup.Group
		for i, js := range conns {
			p := openParked(t, js)
			do := p.Cancel
			if i == 0 {
				do = p.Now
			}
			for one, err := range p.List(t.Context(), producer.ParkedFilter{}) {
				if err != nil {
					t.Fatal(err)
				}
				all.Go(func() error {
					_, err := do(t.Context(), one.Seq)
					return err
				})
			}
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		told, left := map[string]int{}, subjects(t, conns[0])
		for _, o := range outcomes(t, conns[0]) {
			told[o]++
		}
		for i := range n {
			id := fmt.Sprintf("parked-%d", i)
			lies := left[event.RetrySubject(id, event.Nightly)] + left[event.ReadySubject(id, event.Nightly)]
			if c := told[id+" 2026-11-22 failed cancelled"]; c > 1 || c == 0 && lies == 0 {
				t.Errorf("%s: %d outcomes, %d messages", id, c, lies)
			}
		}
	})
}
