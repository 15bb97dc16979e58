package rig

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
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

// FreeAddr is an address on loopback that nobody uses.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
