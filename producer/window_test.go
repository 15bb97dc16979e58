package producer_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the same on every machine

	"github.com/google/go-cmp/cmp"

	"nightshift/producer"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return when.UTC()
}

func TestWindow(t *testing.T) {
	toronto, err := time.LoadLocation("America/Toronto")
	if err != nil {
		t.Fatal(err)
	}
	auckland, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	type night struct{ cycle, opens, closes string }
	for _, test := range []struct {
		rule   string
		window string
		zone   *time.Location
		t      string
		now    bool // a night is on
		last   night
		next   string // when the next one opens
	}{
		{
			"the default is Flinks' own window", "04:00-08:00", nil, "2026-11-22T05:30:00Z", true,
			night{"2026-11-22", "2026-11-22T04:00:00Z", "2026-11-22T08:00:00Z"}, "2026-11-23T04:00:00Z",
		},
		{
			"its first moment belongs to it", "04:00-08:00", nil, "2026-11-22T04:00:00Z", true,
			night{"2026-11-22", "2026-11-22T04:00:00Z", "2026-11-22T08:00:00Z"}, "2026-11-23T04:00:00Z",
		},
		{
			"its last moment does not", "04:00-08:00", nil, "2026-11-22T08:00:00Z", false,
			night{"2026-11-22", "2026-11-22T04:00:00Z", "2026-11-22T08:00:00Z"}, "2026-11-23T04:00:00Z",
		},
		{
			"before it opens the last night is yesterday's", "04:00-08:00", nil, "2026-11-22T03:59:59Z", false,
			night{"2026-11-21", "2026-11-21T04:00:00Z", "2026-11-21T08:00:00Z"}, "2026-11-22T04:00:00Z",
		},
		{
			"across midnight the night is named after the day on which it opens", "22:30-02:00", nil, "2026-11-23T01:00:00Z", true,
			night{"2026-11-22", "2026-11-22T22:30:00Z", "2026-11-23T02:00:00Z"}, "2026-11-23T22:30:00Z",
		},
		{
			"in another zone its own clock and date count", "20:00-23:00", toronto, "2026-11-23T01:30:00Z", true,
			night{"2026-11-22", "2026-11-23T01:00:00Z", "2026-11-23T04:00:00Z"}, "2026-11-24T01:00:00Z",
		},
		{
			"far east of UTC as well", "01:00-05:00", auckland, "2026-06-21T13:30:00Z", true,
			night{"2026-06-22", "2026-06-21T13:00:00Z", "2026-06-21T17:00:00Z"}, "2026-06-22T13:00:00Z",
		},
		{
			"a night in which the clock is put forward is shorter", "01:00-05:00", toronto, "2026-03-08T07:00:00Z", true,
			night{"2026-03-08", "2026-03-08T06:00:00Z", "2026-03-08T09:00:00Z"}, "2026-03-09T05:00:00Z",
		},
		{
			"a night in which it is put back is longer", "01:00-05:00", toronto, "2026-11-01T08:30:00Z", true,
			night{"2026-11-01", "2026-11-01T05:00:00Z", "2026-11-01T10:00:00Z"}, "2026-11-02T06:00:00Z",
		},
		{
			"a time of day that is left out is the one an hour earlier", "02:30-05:00", toronto, "2026-03-08T07:45:00Z", true,
			night{"2026-03-08", "2026-03-08T06:30:00Z", "2026-03-08T09:00:00Z"}, "2026-03-09T06:30:00Z",
		},
		{
			"UTC knows no summer time", "04:00-08:00", nil, "2026-03-08T04:00:00Z", true,
			night{"2026-03-08", "2026-03-08T04:00:00Z", "2026-03-08T08:00:00Z"}, "2026-03-09T04:00:00Z",
		},
	} {
		t.Run(test.rule, func(t *testing.T) {
			w, err := producer.ParseWindow(test.window)
			if err != nil {
				t.Fatal(err)
			}
			if w.String() != test.window {
				t.Errorf("shown as %s", w)
			}
			w.Zone = test.zone
			last := producer.Night{Cycle: test.last.cycle, Opens: at(t, test.last.opens), Closes: at(t, test.last.closes)}
			if diff := cmp.Diff(last, w.Last(at(t, test.t))); diff != "" {
				t.Errorf("last night (-want +got):\n%s", diff)
			}
			if _, now := w.Current(at(t, test.t)); now != test.now {
				t.Errorf("a night is on: %v, want %v", now, test.now)
			}
			if next := w.Next(at(t, test.t)).Opens; !next.Equal(at(t, test.next)) {
				t.Errorf("the next night opens %v, want %s", next, test.next)
			}
		})
	}
}

func TestNoWindow(t *testing.T) {
	for _, s := range []string{"", "04:00", "04:00-04:00", "4-8", "25:00-08:00", "04:00-08:61", "a-b"} {
		if w, err := producer.ParseWindow(s); err == nil {
			t.Errorf("%q is read as %v", s, w)
		}
	}
}

// TestEveryNightOnce: a year of nights follow each other without a gap and
// without one coming twice, whatever the zone does to its clock.
func TestEveryNightOnce(t *testing.T) {
	for _, zone := range []string{"UTC", "America/Toronto", "America/St_Johns", "Pacific/Auckland", "Africa/Cairo"} {
		for _, window := range []string{"04:00-08:00", "23:30-00:30", "02:30-03:30", "00:00-04:00"} {
			w, err := producer.ParseWindow(window)
			if err != nil {
				t.Fatal(err)
			}
			if w.Zone, err = time.LoadLocation(zone); err != nil {
				t.Fatal(err)
			}
			begin := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
			cycles := map[string]bool{}
			for now := begin; now.Before(begin.AddDate(1, 0, 0)); {
				n := w.Next(now)
				if cycles[n.Cycle] || n.Closes.Before(n.Opens) || n.Opens.Sub(now) > 26*time.Hour {
					t.Fatalf("%s %s: after %v comes %+v", zone, window, now, n)
				}
				if now = n.Opens; now.Before(begin.AddDate(1, 0, 0)) {
					cycles[n.Cycle] = true
				}
			}
			if len(cycles) != 365 {
				t.Errorf("%s %s: %d nights in a year", zone, window, len(cycles))
			}
		}
	}
}
