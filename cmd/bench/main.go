// Command bench measures Nightshift as whole processes: real nats-server, real
// redis-server, a stub for Flinks and `nightshift consume`, all on this machine.
//
// The one rule it keeps: a figure stands beside its reference of the same run.
// Machines differ and are shared; ratios hold.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

const usage = `Measures Nightshift with real servers on this machine: each figure with its
reference in the same run, repeated, as median with minimum and maximum.

Examples:
  task bench
  task bench -- --only throughput --repeat 3
  task bench -- --only growth --sizes 10000,100000,1000000 --svg growth.svg --json bench.json

`

// settings say what is measured, and how long.
type settings struct {
	Only   []string
	Repeat int
	Jobs   int
	Sizes  []int
}

// parts are what can be measured, in order.
var parts = []struct {
	name string
	run  func(*bench) error
}{
	{"throughput", (*bench).throughput},
	{"queue", (*bench).queue},
	{"publish", (*bench).publish},
	{"file", (*bench).fromFile},
	{"roster", (*bench).fromRoster},
	{"latency", (*bench).latency},
	{"memory", (*bench).memory},
	{"night", (*bench).scaled},
	{"growth", (*bench).growth},
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve-stub" { // this program as Flinks, for itself
		latency, err := time.ParseDuration(os.Args[3])
		if err == nil {
			err = serveStub(os.Args[2], latency)
		}
		fail(1, err)
	}
	if len(os.Args) > 1 && os.Args[1] == "bare" { // this program as the reference, for itself
		var n int
		_, err := fmt.Sscan(os.Args[3], &n)
		fail(1, err)
		rate, err := bare(os.Args[2], n, os.Args[4] == "true")
		fail(1, err)
		fmt.Println(rate)
		return
	}
	s := settings{}
	var asJSON, asSVG string
	fs := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	fs.StringSliceVar(&s.Only, "only", nil, "measure this alone: throughput, queue, publish, file, roster, latency, memory, night, growth")
	fs.IntVar(&s.Repeat, "repeat", 5, "how often each pair is measured")
	fs.IntVar(&s.Jobs, "jobs", 20_000, "jobs of one measurement")
	fs.IntSliceVar(&s.Sizes, "sizes", []int{10_000, 100_000, 1_000_000}, "nights of the growth curve, in jobs")
	fs.StringVar(&asJSON, "json", "", "write all figures to this file")
	fs.StringVar(&asSVG, "svg", "", "draw the growth curve into this file")
	fs.Usage = func() { fmt.Fprint(os.Stderr, usage+fs.FlagUsages()) }
	if err := fs.Parse(os.Args[1:]); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return
		}
		fail(2, err)
	}
	b := &bench{settings: s, Machine: machine(), Date: time.Now().UTC().Format(time.DateOnly)}
	for _, p := range parts {
		if len(s.Only) == 0 || slices.Contains(s.Only, p.name) {
			fmt.Fprintln(os.Stderr, "measuring", p.name)
			fail(1, b.with(p.run))
		}
	}
	b.print(os.Stdout)
	if asJSON != "" {
		data, err := json.MarshalIndent(b, "", "  ")
		fail(1, err)
		fail(1, os.WriteFile(asJSON, append(data, '\n'), 0o600))
	}
	if asSVG != "" && len(b.Growth) > 0 {
		fail(1, os.WriteFile(asSVG, curve(b.Growth), 0o600))
	}
}

func fail(code int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(code)
	}
}

// machine says what the figures were measured on.
func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, found := strings.Cut(string(info), "model name\t: "); found {
			model, _, _ = strings.Cut(rest, "\n")
		}
	}
	return fmt.Sprintf("%d cores, %s, %s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.Version())
}
