package rig

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
)

// The programs that are built.
const (
	Nightshift = "nightshift/cmd/nightshift"
	NATSServer = "github.com/nats-io/nats-server/v2"
)

// Compile builds a package into bin; args go to the compiler.
func Compile(bin, pkg string, args ...string) error {
	out, err := exec.Command("go", append(append([]string{"build", "-o", bin}, args...), pkg)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, bytes.TrimSpace(out))
	}
	return nil
}

// FreeAddr is an address on loopback that nobody uses. Its port lies below
// those that the system hands out, which some connection could take before the
// server that it is meant for does.
func FreeAddr() (string, error) {
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(12_000+rand.IntN(20_000)))
		if l, err := net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("no free port from 12000 to 32000 on 127.0.0.1")
}
