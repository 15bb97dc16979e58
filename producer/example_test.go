package producer_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

// An account holder has tapped "refresh". The bank is asked while the holder is
// there; if it asks back, the holder goes on in Flinks Connect, in the session
// that the outcome names.
func ExamplePublisher_Refresh() {
	js, client, stop := exampleNight("ann")
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	p := producer.Publisher{JS: js}
	job, _, err := p.Refresh(ctx, "ann", event.Live, event.Options{})
	if err != nil {
		log.Fatal(err)
	}
	outcome, err := p.Await(ctx, job)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outcome.Type, outcome.Reason)
	token, err := client.GenerateAuthorizeToken(ctx) // good once, so each address has its own
	if err != nil {
		log.Fatal(err)
	}
	widget := flinks.Connect{BaseURL: "https://toolbox-iframe.private.fin.ag/v2/", RedirectURL: "https://app.example/linked"}
	switch outcome.Type {
	case event.MFARequired:
		address, err := widget.Resume(outcome.RequestID, token) // address.Reveal() is the text
		left := time.Until(outcome.RequestIDExpires).Round(time.Minute)
		fmt.Println("send the holder to", address, "within", left, err)
	case event.ReconnectRequired:
		address, err := widget.Reconnect(token)
		fmt.Println("send the holder to", address, err)
	}
	fmt.Println("after that:", outcome.AfterExpiry)
	// Output:
	// mfa_required security_challenge
	// send the holder to hidden within 8m0s <nil>
	// after that: refresh
}

// exampleNight is all that a refresh needs, in this process, with a bank that
// asks the holder of the login a question.
func exampleNight(login string) (js jetstream.JetStream, client *flinks.Client, stop func()) {
	js, store, closeServers := exampleServers()
	sim := flinkstest.New(flinkstest.Options{})
	sim.Add(flinkstest.Login{ID: login, Live: []flinkstest.Answer{{Challenge: []flinkstest.Challenge{{Prompt: "What city were you born in?"}}}}})
	client = &flinks.Client{
		BaseURL: flinkstest.BaseURL, CustomerID: flinkstest.DefaultCustomerID,
		SecretKey: flinkstest.DefaultSecretKey, APIKey: flinkstest.DefaultAPIKey, HTTP: sim.Client(),
	}
	worker := &consumer.Worker{
		JS: js, Flinks: client, State: store, Policy: consumer.DefaultPolicy(), Log: slog.New(slog.DiscardHandler),
		Name: "example", Concurrency: 1, Grace: time.Second,
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { must(worker.Run(ctx)) })
	return js, client, func() {
		cancel()
		all.Wait()
		sim.Close()
		closeServers()
	}
}

// exampleServers are NATS, set up, and a server of the Redis protocol.
func exampleServers() (js jetstream.JetStream, store *state.Store, stop func()) {
	dir, err := os.MkdirTemp("", "nightshift-example")
	must(err)
	srv, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	must(err)
	srv.Start()
	nc, err := nats.Connect("", nats.InProcessServer(srv))
	must(err)
	js, err = jetstream.New(nc)
	must(err)
	_, err = producer.Setup{}.Run(context.Background(), js)
	must(err)
	redis, err := miniredis.Run()
	must(err)
	store, err = state.Open("redis://" + redis.Addr())
	must(err)
	return js, store, func() {
		nc.Close()
		must(store.Close())
		redis.Close()
		srv.Shutdown()
		srv.WaitForShutdown()
		must(os.RemoveAll(dir))
	}
}

// must ends an example that cannot go on.
func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
