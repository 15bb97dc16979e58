package main

import (
	"testing"
	"time"
)

func TestWindowEndsAt(t *testing.T) {
	day := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, time.UTC) }
	none := time.Time{}
	for _, tc := range []struct {
		rule, window string
		at, want     time.Time
	}{
		{"before it there is no end", "04:00-08:00", day(22, 3, 59), none},
		{"it begins with its first minute", "04:00-08:00", day(22, 4, 0), day(22, 8, 0)},
		{"within it the end is the same day's", "04:00-08:00", day(22, 7, 59), day(22, 8, 0)},
		{"its end does not belong to it", "04:00-08:00", day(22, 8, 0), none},
		{"one that crosses midnight ends tomorrow", "22:30-02:00", day(22, 23, 0), day(23, 2, 0)},
		{"or today, after midnight", "22:30-02:00", day(23, 1, 59), day(23, 2, 0)},
		{"it has an end then, too", "22:30-02:00", day(23, 2, 0), none},
		{"and a month's last day", "22:30-02:00", day(30, 22, 30), time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)},
		{"it may end at midnight", "22:00-00:00", day(22, 23, 59), day(23, 0, 0)},
		{"it may begin at midnight", "00:00-06:00", day(22, 0, 0), day(22, 6, 0)},
		{"a time of another zone is read in UTC", "04:00-08:00",
			time.Date(2026, 11, 22, 0, 30, 0, 0, time.FixedZone("EST", -5*3600)), day(22, 8, 0)},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			w, err := parseWindow(tc.window)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, tc.want, w.endAt(tc.at))
		})
	}
}
