package main

import (
	"fmt"
	"strings"
	"time"
)

// Window is the part of the day in which refreshes may begin, in UTC. Both
// ends are time since midnight. One that ends before it begins crosses
// midnight.
type Window struct {
	From, To time.Duration
}

func (w Window) String() string {
	if w == (Window{}) {
		return ""
	}
	return clock(w.From) + "-" + clock(w.To)
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

func parseWindow(s string) (Window, error) {
	wrong := fmt.Errorf("%q is no window: write two different times of day in UTC, like 04:00-08:00", s)
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		return Window{}, wrong
	}
	begin, err1 := time.Parse("15:04", strings.TrimSpace(from))
	end, err2 := time.Parse("15:04", strings.TrimSpace(to))
	if err1 != nil || err2 != nil || begin.Equal(end) {
		return Window{}, wrong
	}
	return Window{From: sinceMidnight(begin), To: sinceMidnight(end)}, nil
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// endAt is the end of the window if t lies in it, else zero: what begins
// outside the window does so on somebody's word and has no end.
func (w Window) endAt(t time.Time) time.Time {
	t = t.UTC()
	midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	for _, day := range []time.Time{midnight.AddDate(0, 0, -1), midnight} {
		from, to := day.Add(w.From), day.Add(w.To)
		if w.To < w.From {
			to = to.AddDate(0, 0, 1)
		}
		if !t.Before(from) && t.Before(to) {
			return to
		}
	}
	return time.Time{}
}
