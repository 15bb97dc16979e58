package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"nightshift/cmd/internal/rig"
)

// programs are what a drill runs.
type programs struct {
	nightshift, nats, redis string
	ahead, behind           string // nightshift with a wrong clock; empty: not built
}

// skewBy is how wrong a wrong clock is.
const skewBy = "7m"

// build builds the programs into dir. Extra arguments go to the compiler, such
// as -race.
func build(dir string, skewed bool, extra ...string) (p programs, err error) {
	if p.redis, err = exec.LookPath("redis-server"); err != nil {
		return p, errors.New("redis-server is not installed; `task redis` installs it")
	}
	p.nats = filepath.Join(dir, "nats-server")
	if err := rig.Compile(p.nats, rig.NATSServer); err != nil {
		return p, err
	}
	p.nightshift = filepath.Join(dir, "nightshift")
	args := append([]string{"-tags", "drill"}, extra...)
	if err := rig.Compile(p.nightshift, rig.Nightshift, args...); err != nil || !skewed {
		return p, err
	}
	overlay, err := wrongClock(dir)
	if err != nil {
		return p, err
	}
	p.ahead, p.behind = p.nightshift+"-ahead", p.nightshift+"-behind"
	for bin, by := range map[string]string{p.ahead: skewBy, p.behind: "-" + skewBy} {
		if err := rig.Compile(bin, rig.Nightshift, append(args, "-overlay", overlay, "-ldflags", "-X time.drillSkew="+by)...); err != nil {
			return p, err
		}
	}
	return p, nil
}

// wrongClock writes an overlay for the compiler in which time.Now is off by a
// time that the linker sets. Nothing less skews the clock of a Go program: it
// asks the kernel without a library in between.
func wrongClock(dir string) (overlay string, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	const ask = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if !bytes.Contains(source, []byte(ask)) {
		return "", errors.New("this Go's time.Now looks different: the clock cannot be skewed (leave it out with --skew=false)")
	}
	wrong := append(bytes.Replace(source, []byte(ask), []byte(ask+"\tsec += drillSeconds\n"), 1), `
var drillSkew string

var drillSeconds = func() int64 {
	d, _ := ParseDuration(drillSkew)
	return int64(d / Second)
}()
`...)
	file := filepath.Join(dir, "time.go")
	if err := os.WriteFile(file, wrong, 0o600); err != nil {
		return "", err
	}
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{original: file}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, data, 0o600)
}
