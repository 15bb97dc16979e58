package producer

import (
	"fmt"
	"strings"
	"time"
)

// Window is the part of the day in which refreshes may begin: Flinks' own is
// 04:00-08:00 UTC (nightly-refresh). Its ends are times of the clock on the
// wall, as time since midnight. One that ends before it begins crosses midnight.
type Window struct {
	From, To time.Duration
	Zone     *time.Location // nil: UTC
}

// Night is one occurrence of a window.
type Night struct {
	Cycle  string // the date on which it opens, where the window's clock hangs
	Opens  time.Time
	Closes time.Time
}

// String is the window without its zone, as [ParseWindow] reads it.
func (w Window) String() string { return clock(w.From) + "-" + clock(w.To) }

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// ParseWindow reads a window such as 04:00-08:00.
func ParseWindow(s string) (Window, error) {
	wrong := fmt.Errorf("%q is no window: write two different times of day, like 04:00-08:00", s)
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		return Window{}, wrong
	}
	begin, err1 := time.Parse("15:04", strings.TrimSpace(from))
	end, err2 := time.Parse("15:04", strings.TrimSpace(to))
	if err1 != nil || err2 != nil || begin.Equal(end) {
		return Window{}, wrong
	}
	midnight := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	return Window{From: begin.Sub(midnight), To: end.Sub(midnight)}, nil
}

// Current is the night that t lies in; ok is false between the nights.
func (w Window) Current(t time.Time) (n Night, ok bool) {
	n = w.Last(t)
	return n, t.Before(n.Closes)
}

// Last is the night that has opened last, at t or before.
func (w Window) Last(t time.Time) Night {
	for days := 1; ; days-- { // a day's night may open on the day before, seen from another zone
		if n := w.on(t, days); !n.Opens.After(t) {
			return n
		}
	}
}

// Next is the night that opens next, after t.
func (w Window) Next(t time.Time) Night {
	for days := -1; ; days++ {
		if n := w.on(t, days); n.Opens.After(t) {
			return n
		}
	}
}

// on is the night of a day near t's. Where the clock is put forward or back
// during the night, it is an hour shorter or longer; a time of day that is left
// out is the one an hour earlier.
func (w Window) on(t time.Time, days int) Night {
	zone := w.Zone
	if zone == nil {
		zone = time.UTC
	}
	year, month, day := t.In(zone).Date()
	at := func(days int, since time.Duration) time.Time {
		return time.Date(year, month, day+days, 0, int(since.Minutes()), 0, 0, zone).UTC()
	}
	n := Night{Cycle: at(days, 12*time.Hour).In(zone).Format(time.DateOnly), Opens: at(days, w.From), Closes: at(days, w.To)}
	if w.To < w.From {
		n.Closes = at(days+1, w.To)
	}
	return n
}
