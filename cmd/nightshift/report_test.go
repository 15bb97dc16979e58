package main

import (
	"strings"
	"testing"
	"time"

	"nightshift/producer/event"
)

// TestNightReport runs a small night and reads what came of it in the morning.
func TestNightReport(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 40})
	stores, _ := servers(t)
	store := onRoster(t, stores, "off")
	if err := store.Schedule(t.Context(), "off", false); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, l := range b.logins {
		ids = append(ids, l.ID)
	}
	onRoster(t, stores, ids...)
	environ := append(b.environ(), stores...)
	t.Run("before the first night there is nothing to tell", func(t *testing.T) {
		r := run(t, stores, "report")
		if r.Code != exitTrouble || !strings.Contains(r.Stderr, "no night was ever run") {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
	})
	if r := run(t, stores, "produce", "--once", "--cycle", "2026-11-22", "--window", laterWindow()); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	c := start(t, environ, "", "consume", "--poll-interval", "100ms", "--retry-base", "100ms", "--retry-cap", "200ms")
	await(t, func() bool { return len(told(t, stores)) == 40 })
	c.stop()

	t.Run("the latest night is counted", func(t *testing.T) {
		r := only[reportJSON](t, run(t, stores, "report", "--json").Stdout)
		sum := 0
		for _, e := range r.Endings {
			sum += e.Logins
		}
		want := endingOf(b.logins)
		for _, typ := range event.Types {
			if r.Types[typ] != want[string(typ)] {
				t.Errorf("%s: %d, want %d", typ, r.Types[typ], want[string(typ)])
			}
		}
		if r.Cycle != "2026-11-22" || r.Total != 40 || sum != 40 || r.Night == nil || r.Night.Queued != 40 || r.Night.NotDue["not_scheduled"] != 1 {
			t.Errorf("report %+v", r)
		}
	})
	t.Run("for people, and as a table", func(t *testing.T) {
		text := run(t, stores, "report").Stdout
		for _, want := range []string{"cycle 2026-11-22, ", "together                    40", "not due         1: it does not take part in the nights", "waiting         nothing"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in\n%s", want, text)
			}
		}
		table := run(t, stores, "report", "2026-11-22", "--csv").Stdout
		if !strings.HasPrefix(table, "type,reason,flinksCode,institution,logins\nrefreshed,cached_fresh,,") {
			t.Error(table)
		}
	})
	t.Run("a cycle that never was", func(t *testing.T) {
		r := run(t, stores, "report", "2026-01-01")
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: nothing was ever told of the cycle 2026-01-01: \"nightshift events --since 24h\" shows what was\n"}, r)
	})
	t.Run("how things stand", func(t *testing.T) {
		s := only[standing](t, run(t, stores, "status", "--json").Stdout)
		if s.Told != 40 || s.Roster != 41 || s.Waiting != (waitingJSON{}) || s.Night == nil || s.Night.seen() != 41 {
			t.Errorf("standing %+v", s)
		}
		w := start(t, stores, "", "status", "--watch", "--every", "100ms")
		w.until(&w.stdout, func(text string) bool { return strings.Count(text, "40 outcomes in the last minute") > 1 })
		if r := w.stop(); r.Code != exitOK {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
	})
}

// TestHolds: whether the window will hold, at the pace of the last minute.
func TestHolds(t *testing.T) {
	for _, test := range []struct {
		left, told int
		window     time.Duration
		want       string
	}{
		{0, 0, time.Hour, "yes: nothing is left to do"},
		{100, 0, time.Hour, "not known: nothing has ended in the last minute, and the window closes in 1h"},
		{6000, 100, time.Hour, "yes: at this pace 1h are needed, and the window closes in 1h"},
		{6001, 100, time.Hour, "no: at this pace 1h0m1s are needed, and the window closes in 1h"},
	} {
		if got := holds(test.left, test.told, test.window); got != test.want {
			t.Errorf("%d left, %d told: %s, want %s", test.left, test.told, got, test.want)
		}
	}
}
