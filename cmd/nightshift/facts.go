package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// facts prints names and values in two columns, but for those without value.
func (a *app) facts(all [][2]string) {
	for _, f := range all {
		if f[1] != "" {
			a.printf("%-14s  %s\n", f[0], safe(f[1]))
		}
	}
}

// timeWords is a time, and how far from now that is; empty for none.
func timeWords(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	words := t.UTC().Format(time.RFC3339) + ", "
	switch d := t.Sub(now).Round(time.Second); {
	case d > 0:
		return words + "in " + showSpan(d)
	case d < 0:
		return words + showSpan(-d) + " ago"
	}
	return words + "now"
}

func nonZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func dayWords(n int) string {
	if n == 0 {
		return ""
	}
	return counted(n, "day", "days")
}

// safe makes a text from elsewhere harmless for a terminal: what is not
// printable is written as in Go, and lines stay lines.
func safe(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case r == '\n' || r == '\t' || strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return b.String()
}

// everyError makes one error of many, on a line each; of very many only the
// first are told.
func everyError(all []error) error {
	const most = 5
	if len(all) > most {
		all = append(all[:most:most], fmt.Errorf("… and %d more", len(all)-most))
	}
	return errors.Join(all...)
}

// note tells what is no answer: a script that reads them does not want it.
func (a *app) note(text string) { _, _ = a.stderr.Write([]byte(text + "\n")) }
