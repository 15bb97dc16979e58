package event_test

import (
	"context"
	"errors"
	"log"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

// exampleStream is a connection to the outcomes of these logins.
func exampleStream(loginIDs ...string) (js jetstream.JetStream, stop func()) {
	srv, stop := exampleServer()
	js = dial(srv)
	tellExample(js, loginIDs...)
	return js, stop
}

// exampleServer is a server that is set up. Stopping it ends its connections.
func exampleServer() (srv *server.Server, stop func()) {
	dir, err := os.MkdirTemp("", "nightshift")
	must(err)
	srv, err = server.NewServer(&server.Options{JetStream: true, StoreDir: dir, DontListen: true, NoLog: true, NoSigs: true})
	must(err)
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		log.Fatal("nats-server is not ready")
	}
	_, err = producer.Setup{}.Run(context.Background(), dial(srv))
	must(err)
	return srv, func() {
		srv.Shutdown()
		srv.WaitForShutdown()
		must(os.RemoveAll(dir))
	}
}

func dial(srv *server.Server) jetstream.JetStream {
	nc, err := nats.Connect("", nats.InProcessServer(srv), nats.NoReconnect())
	must(err)
	js, err := jetstream.New(nc)
	must(err)
	return js
}

// tellExample tells that these logins were refreshed, as a worker does.
func tellExample(js jetstream.JetStream, loginIDs ...string) {
	for _, id := range loginIDs {
		o := event.Outcome{LoginID: id, Cycle: "2026-11-22", Lane: event.Nightly, Type: event.Refreshed, Reason: event.CachedFresh}
		data, err := o.Encode()
		must(err)
		msg := &nats.Msg{Subject: o.Subject(), Data: data, Header: nats.Header(o.Headers())}
		_, err = js.PublishMsg(context.Background(), msg, jetstream.WithMsgID(o.ID()))
		must(err)
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// subscriber is one life of a service: it connects, makes its durable consumer
// or finds it, and dies with the last event that it takes in its hands.
func subscriber(t *testing.T, js jetstream.JetStream, config jetstream.ConsumerConfig, most int) (got []string) {
	t.Helper()
	defer js.Conn().Close()
	cons, err := js.CreateOrUpdateConsumer(t.Context(), event.StreamOutcomes, config)
	if err != nil {
		t.Fatal(err)
	}
	for range most {
		msg, err := cons.Next(jetstream.FetchMaxWait(5 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		o, err := event.DecodeOutcome(msg.Data())
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, o.LoginID); len(got) == most {
			break
		}
		if err := msg.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func TestReread(t *testing.T) {
	srv, stop := exampleServer()
	t.Cleanup(stop) // The sub-tests run at once.
	js := dial(srv)
	tellExample(js, "ann", "bob")
	since := time.Now()
	tellExample(js, "cid", "dan", "eve", "fay")

	byTime := jetstream.ConsumerConfig{
		Durable: "by-time", DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 500 * time.Millisecond,
	}
	bySequence := jetstream.ConsumerConfig{
		Durable: "by-sequence", DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 2,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 500 * time.Millisecond,
	}
	oneByOne := bySequence
	oneByOne.Durable, oneByOne.MaxAckPending = "one-by-one", 1
	for _, r := range []struct {
		rule         string
		config       jetstream.ConsumerConfig
		first, again []string // in the first life, and in the second, in any order
	}{
		{"a time", byTime, []string{"cid", "dan"}, []string{"dan", "eve", "fay"}},
		{"a sequence", bySequence, []string{"bob", "cid"}, []string{"cid", "dan", "eve", "fay"}},
		{"either, one by one", oneByOne, []string{"bob", "cid"}, []string{"cid", "dan", "eve", "fay"}},
	} {
		t.Run("begins at "+r.rule+", and after a restart goes on with what it has not acked, to the end", func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(r.first, subscriber(t, dial(srv), r.config, len(r.first))); diff != "" {
				t.Error(diff)
			}
			cons, err := js.CreateOrUpdateConsumer(t.Context(), event.StreamOutcomes, r.config)
			if err != nil {
				t.Fatal(err)
			}
			var again []string
			readToTheEnd(t.Context(), cons, func(_ string, o event.Outcome) { again = append(again, o.LoginID) })
			if r.config.MaxAckPending == 1 && !slices.IsSorted(again) {
				t.Errorf("not in the order of the telling: %v", again)
			}
			if slices.Sort(again); !slices.Equal(slices.Compact(again), r.again) {
				t.Errorf("got %v, want %v", again, r.again)
			}
		})
	}
}

func TestRereadLeavesOthersAlone(t *testing.T) {
	srv, stop := exampleServer()
	defer stop()
	js := dial(srv)
	tellExample(js, "ann", "bob")
	usual := jetstream.ConsumerConfig{Durable: "usual", AckPolicy: jetstream.AckExplicitPolicy}
	subscriber(t, dial(srv), usual, 1)
	start := func(at time.Time) error {
		_, err := js.CreateOrUpdateConsumer(t.Context(), event.StreamOutcomes, jetstream.ConsumerConfig{
			Durable: "again", DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &at, AckPolicy: jetstream.AckExplicitPolicy,
		})
		return err
	}
	since := time.Now().Add(-time.Hour)
	if err := start(since); err != nil {
		t.Fatal(err)
	}

	t.Run("a durable begins where it was made to begin: another beginning needs another name", func(t *testing.T) {
		err := start(since.Add(-time.Hour))
		if api, ok := errors.AsType[*jetstream.APIError](err); !ok || api.ErrorCode != jetstream.JSErrCodeConsumerCreate {
			t.Errorf("got %v", err)
		}
	})

	t.Run("whoever reads as usual misses nothing because of it", func(t *testing.T) {
		cons, err := js.Consumer(t.Context(), event.StreamOutcomes, "usual")
		if err != nil {
			t.Fatal(err)
		}
		if info := cons.CachedInfo(); info.NumPending != 1 || info.NumAckPending != 1 {
			t.Errorf("%d pending, %d in hand", info.NumPending, info.NumAckPending)
		}
	})
}
