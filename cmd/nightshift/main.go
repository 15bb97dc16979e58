// Command nightshift refreshes bank logins through Flinks every night.
//
// This package is the one binary: subcommands, settings, wiring and terminal
// output. The one rule it keeps: no rule of the business lives here. What a
// Flinks code means, what is done about it and how it is told are decided in
// the packages flinks, consumer and producer/event; this one only connects
// them, and may therefore import everything and is imported by nothing.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // --timezone works on a machine without the data as well
)

// main holds only what no test can call: the process's own signals, streams,
// arguments and exit.
func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the process at once, because the first one has
	// given the signals back to the runtime.
	context.AfterFunc(ctx, stop)
	code := Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(code)
}

// Run is the whole program: it carries out the command named by args and
// returns the exit code. The environment is given as "NAME=value" lines.
// Answers go to stdout; logs and the one message about a failure to stderr.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: environment(environ)}
	return a.report(a.execute(ctx, args))
}
