package main

import (
	"context"
	"fmt"
	"time"

	"nightshift/producer/event"
)

// handOver tells what the account holder has to do now. An address of Connect
// goes to standard output, what is said about it to standard error.
func (a *app) handOver(ctx context.Context, hand handOff, o event.Outcome, asJSON bool) {
	switch {
	case o.Type == event.ReconnectRequired:
		a.hint("The account holder must connect again: nightshift connect %s", o.LoginID)
	case o.Type == event.MFARequired && !o.RequestIDExpires.After(now()):
		a.hint("The bank's question has expired; ask again while the account holder is there: nightshift refresh %s --live --wait", o.LoginID)
	case o.Type == event.MFARequired:
		left := showSpan(o.RequestIDExpires.Sub(now()).Truncate(time.Second))
		if hand.flinks.URL != "" && !asJSON && a.resumeHere(ctx, hand, o, left) {
			return
		}
		a.hint("The account holder must answer the bank within %s: nightshift connect %s --resume %s", left, o.LoginID, o.RequestID)
	}
}

// resumeHere prints the address at which the bank's question is answered, and
// reports whether one could be made.
func (a *app) resumeHere(ctx context.Context, hand handOff, o event.Outcome, left string) bool {
	address, err := hand.address(ctx, o.RequestID)
	if err != nil {
		a.hint("No address of Flinks Connect could be made: %v", err)
		return false
	}
	a.printf("%s\n", address.Reveal())
	a.hint("The account holder must answer the bank there within %s.", left)
	return true
}

// hint says something on standard error.
func (a *app) hint(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}
