package main

import (
	"context"
	"errors"
	"fmt"
)

// The exit codes, which are part of the command line's contract: scripts and
// schedulers tell from them whether to go on, to look or to wake somebody up.
const (
	exitOK       = 0 // All was done.
	exitTrouble  = 1 // Something is broken or refused: a server, a file, the network.
	exitUsage    = 2 // The command line or a setting is wrong; nothing was begun.
	exitBadLines = 3 // Done, but some lines of the input were bad and were left out.
	exitLost     = 4 // Outcomes were lost or told twice.
)

// exitCodes explains the codes to the reader of the root help.
const exitCodes = `Exit codes:
  0  all was done
  1  trouble: something is broken or refused
  2  the command line or a setting is wrong; nothing was begun
  3  done, but some input lines were bad and were left out
  4  outcomes were lost or told twice
`

// exitError is an error that has chosen its exit code. A nil err means that
// the command has said everything itself and only the code remains.
type exitError struct {
	code int
	err  error
}

// exit makes err end the program with the given code.
func exit(code int, err error) error { return &exitError{code: code, err: err} }

// usageError makes a message about a wrong command line or setting.
func usageError(format string, args ...any) error {
	return exit(exitUsage, fmt.Errorf(format, args...))
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// report prints what is to be said about err, in one message, and returns the
// program's exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitOK
	}
	code := exitTrouble
	chosen, ok := errors.AsType[*exitError](err)
	switch {
	case ok && chosen.err == nil:
		return chosen.code
	case ok:
		code = chosen.code
	case errors.Is(err, context.Canceled):
		err = errors.New("stopped")
	case !a.begun:
		// Whatever is refused before the command has begun is the
		// command line's fault: a count of arguments, a required flag.
		code = exitUsage
	}
	fmt.Fprintf(a.stderr, "nightshift: %v\n", err)
	return code
}
