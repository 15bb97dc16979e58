package main

import (
	"fmt"
	"slices"
	"time"

	"nightshift/flinks/flinkstest"
)

// finding is the verdict on one rule.
type finding struct {
	Rule   string `json:"rule"`
	OK     bool   `json:"ok"`
	Figure int    `json:"figure"` // how often it was broken
	Detail string `json:"detail,omitempty"`
}

// judge holds the evidence against the invariants.
func judge(e *evidence) []finding {
	var lost, twice, wrong, unfair, gaveUp, live []string
	for id, want := range e.deserved {
		switch told := e.told[id]; {
		case len(told) == 0:
			lost = append(lost, id)
		case len(told) > 1:
			twice = append(twice, id)
		case told[0] == want:
		case told[0] == flinkstest.EndReconnectRequired || told[0] == flinkstest.EndMFARequired:
			unfair = append(unfair, id+" deserved "+want)
		case told[0] == flinkstest.EndFailed:
			gaveUp = append(gaveUp, id+" deserved "+want)
		default:
			wrong = append(wrong, id+" deserved "+want)
		}
	}
	strangers := 0
	for id := range e.told {
		if _, known := e.deserved[id]; !known {
			strangers++
		}
	}
	for id, b := range e.bank {
		if b.Live > maxLive {
			live = append(live, fmt.Sprintf("%s %d times", id, b.Live))
		}
	}
	during, outside := e.sortOverlaps()
	return []finding{
		broken("1. lost: logins without an outcome", lost),
		number("1. jobs left in the stream", e.jobs),
		number("1. dead letters", e.dead),
		broken("2. told twice", twice),
		number("2. outcomes that nobody asked for", strangers),
		broken("3. overlapping sessions while Redis remembered", outside),
		note("   the same after Redis had lost its memory", during, "allowed"),
		broken(fmt.Sprintf("4. live calls above the bound of %d", maxLive), live),
		broken("5. undeserved reconnect_required or mfa_required", unfair),
		broken("   another ending than deserved", wrong),
		note("   gave up (failed) because of the faults", gaveUp, "allowed"),
		number("6. secrets in logs", e.secrets),
		number("   panics, data races, replicas that ended by themselves", e.panics+e.exits),
		number("   calls that no correct client makes", e.mistakes),
	}
}

// sortOverlaps tells those that began while Redis had lost its memory.
func (e *evidence) sortOverlaps() (during, outside []string) {
	for _, o := range e.overlaps {
		text := fmt.Sprintf("%s %s/%s at %s", o.LoginID, o.A.Mode, o.B.Mode, o.B.Start.Sub(e.began).Round(time.Millisecond))
		if slices.ContainsFunc(e.lapses, func(s span) bool { return !o.B.Start.Before(s.from) && o.B.Start.Before(s.to) }) {
			during = append(during, text)
		} else {
			outside = append(outside, text)
		}
	}
	return during, outside
}

func broken(rule string, cases []string) finding {
	return finding{Rule: rule, OK: len(cases) == 0, Figure: len(cases), Detail: examples(cases)}
}

func number(rule string, n int) finding { return finding{Rule: rule, OK: n == 0, Figure: n} }

// note is a figure worth knowing that breaks no rule.
func note(rule string, cases []string, detail string) finding {
	if len(cases) == 0 {
		detail = ""
	}
	return finding{Rule: rule, OK: true, Figure: len(cases), Detail: detail}
}

// examples shows the first few cases.
func examples(cases []string) string {
	slices.Sort(cases)
	text := ""
	for i, c := range cases {
		if i == 3 {
			return text + " …"
		}
		if i > 0 {
			text += ", "
		}
		text += c
	}
	return text
}
