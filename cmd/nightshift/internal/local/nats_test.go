package local_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/cmd/nightshift/internal/local"
)

func TestNATS(t *testing.T) {
	t.Run("a restart keeps what was stored", func(t *testing.T) {
		dir := t.TempDir()
		first := startNATS(t, dir, local.NATSOptions{})
		store(t, first, "kept")
		first.Close()

		second := startNATS(t, dir, local.NATSOptions{})
		defer second.Close()
		if got := stored(t, second); got != "kept" {
			t.Fatalf("got %q", got)
		}
	})

	t.Run("opens no port unless told to", func(t *testing.T) {
		n := startNATS(t, t.TempDir(), local.NATSOptions{})
		defer n.Close()
		if n.URL() != "" {
			t.Fatalf("listens on %s", n.URL())
		}
	})

	t.Run("listens where told to", func(t *testing.T) {
		n := startNATS(t, t.TempDir(), local.NATSOptions{Listen: "127.0.0.1:0"})
		defer n.Close()
		nc, err := nats.Connect(n.URL())
		if err != nil {
			t.Fatal(err)
		}
		nc.Close()
	})

	t.Run("every write can be made safe from a power cut", func(t *testing.T) {
		n := startNATS(t, t.TempDir(), local.NATSOptions{SyncAlways: true})
		defer n.Close()
		store(t, n, "safe")
	})
}

func TestStartNATSErrors(t *testing.T) {
	t.Run("a port that is taken", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		mustFail(t, t.TempDir(), l.Addr().String(), "address already in use")
	})

	t.Run("an address that is none", func(t *testing.T) {
		mustFail(t, t.TempDir(), "4222", "missing port")
	})

	t.Run("a port that is none", func(t *testing.T) {
		mustFail(t, t.TempDir(), "127.0.0.1:x", "invalid syntax")
	})

	t.Run("a file in place of the directory", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		mustFail(t, file, "", "not a directory")
	})

	t.Run("a context that has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := local.StartNATS(ctx, t.TempDir(), local.NATSOptions{}); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestNATSLog(t *testing.T) {
	t.Run("the server's own start is a detail", func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		n := startNATS(t, t.TempDir(), local.NATSOptions{Log: log})
		n.Close()
		if out.Len() > 0 {
			t.Fatalf("logged at info or above:\n%s", &out)
		}
	})
}

func mustFail(t *testing.T, dir, listen, want string) {
	t.Helper()
	n, err := local.StartNATS(context.Background(), dir, local.NATSOptions{Listen: listen})
	if err == nil {
		n.Close()
		t.Fatal("it started")
	}
	if !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want %q", err, want)
	}
}

func startNATS(t *testing.T, dir string, opts local.NATSOptions) *local.NATS {
	t.Helper()
	n, err := local.StartNATS(t.Context(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// store writes one message into a stream on disk.
func store(t *testing.T, n *local.NATS, text string) {
	t.Helper()
	withStream(t, n, func(js jetstream.JetStream, s jetstream.Stream) {
		if _, err := js.Publish(t.Context(), "kept", []byte(text)); err != nil {
			t.Fatal(err)
		}
	})
}

// stored returns the last message of the stream.
func stored(t *testing.T, n *local.NATS) (text string) {
	t.Helper()
	withStream(t, n, func(_ jetstream.JetStream, s jetstream.Stream) {
		msg, err := s.GetLastMsgForSubject(t.Context(), "kept")
		if err != nil {
			t.Fatal(err)
		}
		text = string(msg.Data)
	})
	return text
}

func withStream(t *testing.T, n *local.NATS, do func(jetstream.JetStream, jetstream.Stream)) {
	t.Helper()
	nc, err := n.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{
		Name: "KEPT", Subjects: []string{"kept"}, Storage: jetstream.FileStorage,
	})
	if err != nil {
		t.Fatal(err)
	}
	do(js, s)
}
