package local

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// syncInterval is how often JetStream's files are flushed to the disk. What a
// killed process has written is safe without it, because the system holds it;
// this bounds what a power cut can take, and the server's own default of two
// minutes would be a long time of a night.
const syncInterval = 10 * time.Second

// natsReady is how long the server may take to come up; replaying the files
// of several hundred thousand parked jobs takes about a second.
const natsReady = time.Minute

// maxStore is how much JetStream may store in all: no limit in practice, the
// disk is the limit.
const maxStore = 1 << 40

// NATSOptions are the choices for [StartNATS]. The zero value suits a program
// that is alone with its server.
type NATSOptions struct {
	// Listen is an address such as "127.0.0.1:4222" for clients of other
	// processes; port 0 takes a free one. Empty: no port is opened at all.
	Listen string

	// SyncAlways flushes every write to the disk before it is answered: a
	// power cut takes nothing, and writes are far slower.
	SyncAlways bool

	// Log gets the server's own log. Nil: none.
	Log *slog.Logger
}

// NATS is an embedded server with JetStream.
type NATS struct {
	server *server.Server
}

// StartNATS starts a server that keeps its files under dir and returns when it
// takes connections.
func StartNATS(ctx context.Context, dir string, opts NATSOptions) (*NATS, error) {
	so := &server.Options{
		ServerName:        "nightshift",
		DontListen:        true,
		NoSigs:            true,
		JetStream:         true,
		StoreDir:          dir,
		JetStreamMaxStore: maxStore,
		SyncInterval:      syncInterval,
		SyncAlways:        opts.SyncAlways,
	}
	if err := listen(so, opts.Listen); err != nil {
		return nil, err
	}
	s, err := server.NewServer(so)
	if err != nil {
		return nil, fmt.Errorf("local: start nats in %s: %w", dir, err)
	}
	log := opts.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	fatal := make(chan string, 1)
	s.SetLogger(natsLog{log: log, fatal: fatal}, false, false)
	n := &NATS{server: s}
	s.Start()
	if err := n.wait(ctx, fatal); err != nil {
		n.Close()
		return nil, fmt.Errorf("local: start nats in %s: %w", dir, err)
	}
	return n, nil
}

// listen opens the server to other processes if an address is given.
func listen(so *server.Options, address string) error {
	if address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("local: nats address %q: %w", address, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("local: nats address %q: %w", address, err)
	}
	so.DontListen, so.Host, so.Port = false, host, int(number)
	if number == 0 {
		so.Port = server.RANDOM_PORT
	}
	return nil
}

// wait returns when the server takes connections and JetStream is up. A server
// that cannot go on only logs it, so that log is listened to.
func (n *NATS) wait(ctx context.Context, fatal <-chan string) error {
	ctx, cancel := context.WithTimeout(ctx, natsReady)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case why := <-fatal:
			return fmt.Errorf("the server gave up: %s", why)
		default:
		}
		if n.server.ReadyForConnections(50*time.Millisecond) && n.server.JetStreamEnabled() {
			return nil
		}
	}
}

// Connect opens a connection that never leaves the process.
func (n *NATS) Connect(opts ...nats.Option) (*nats.Conn, error) {
	all := append([]nats.Option{nats.Name("nightshift"), nats.InProcessServer(n.server)}, opts...)
	nc, err := nats.Connect("", all...)
	if err != nil {
		return nil, fmt.Errorf("local: connect to nats: %w", err)
	}
	return nc, nil
}

// URL is where other processes reach the server, or "" if they cannot.
func (n *NATS) URL() string {
	if n.server.Addr() == nil {
		return ""
	}
	return n.server.ClientURL()
}

// Dir is where the server keeps its files.
func (n *NATS) Dir() string { return filepath.Clean(n.server.StoreDir()) }

// Close stops the server and returns when its files are closed.
func (n *NATS) Close() {
	n.server.Shutdown()
	n.server.WaitForShutdown()
}
