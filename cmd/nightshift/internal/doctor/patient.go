package doctor

import (
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks"
	"nightshift/producer"
	"nightshift/state"
)

// Patient is what is looked at. Whoever connects says where to, and why it
// went wrong if it did.
type Patient struct {
	NATS Server
	Conn *nats.Conn // Nil with an error in NATS.
	JS   jetstream.JetStream

	Redis Server
	State *state.Store // Nil with an error in Redis.

	Flinks *flinks.Client // Nil: no address was given.
	Setup  producer.Setup // What the operator wants of the streams.
}

// Server is one that was, or was not, connected to.
type Server struct {
	Where string // Without credentials.
	Err   error  // Names the server by itself.
}

// Reasons not to look at a Redis.
var (
	// ErrOwnRedis says that every worker has a Redis of its own.
	ErrOwnRedis = errors.New("--redis-url is not set beside --nats-url: every worker has a Redis of its own, " +
		"and two of them may work on one login at once")
	// ErrStandIn says that no Redis is installed where one is embedded.
	ErrStandIn = errors.New("redis-server is not installed, so a stand-in is used that forgets everything when the program ends")
	// ErrUnused says that the embedded Redis has never run.
	ErrUnused = errors.New("it was never used in this data directory")
)
