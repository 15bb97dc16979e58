//go:build drill

package consumer

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// The environment variable DRILL_CRASH, such as "outcome-told:17", names the place and
// the how-manieth time there that the process dies, as by kill -9.
var (
	crashAt, crashIn = parseCrash(os.Getenv("DRILL_CRASH"))
	passed           atomic.Int64
)

func parseCrash(text string) (at step, in int64) {
	name, count, _ := strings.Cut(text, ":")
	in, _ = strconv.ParseInt(count, 10, 64) // without a number it never dies
	return step(name), in
}

func reached(s step) {
	if s != crashAt || passed.Add(1) != crashIn {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing more happens in this process
}
