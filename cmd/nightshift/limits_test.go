package main

import (
	"log/slog"
	"testing"
	"time"

	"nightshift/flinks/flinkstest"
)

// A bank in maintenance is told once, and counted for whoever watches.
func TestConsumeInMaintenance(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	for _, id := range []string{"shut-1", "shut-2", "shut-3"} {
		l := flinkstest.Login{
			ID: id, Institution: "Northern Lantern Bank", LastRefresh: now().Add(-48 * time.Hour),
			Live: []flinkstest.Answer{{FlinksCode: "DISABLED_INSTITUTION"}},
		}
		b.sim.Add(l)
		b.logins = append(b.logins, l)
	}
	stores, _ := servers(t)
	environ := b.environ(append(stores, "NIGHTSHIFT_RETRY_BASE=1h", "NIGHTSHIFT_RETRY_CAP=1h", "NIGHTSHIFT_INSTITUTION_SESSIONS=1")...)
	c := start(t, environ, "", "consume", "--rate", "500", "--metrics-addr", "127.0.0.1:0")
	await(t, func() bool { return scrape(t, c, "nightshift_institutions_paused") == "0" })
	if r := run(t, environ, "produce", "--once", "--roster", b.roster(t)); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	c.logs("institution is in maintenance, its live refreshes wait", "northern lantern bank", "DISABLED_INSTITUTION")
	await(t, func() bool { return scrape(t, c, "nightshift_institutions_paused") == "1" })
	await(t, func() bool { return scrape(t, c, "nightshift_jobs_parked_total") == "3" })
	if n := b.sim.Stats().Codes["DISABLED_INSTITUTION"]; n != 1 {
		t.Errorf("the bank was asked %d times, want once for all three", n)
	}
	c.stop()
}

// The limits of the settings are the worker's.
func TestLimitsOfSettings(t *testing.T) {
	s := workSettings{Rate: 7, Sessions: 3}
	w := s.worker(&stores{}, nil, slog.New(slog.DiscardHandler))
	equal(t, [2]int{7, 3}, [2]int{w.Rate, w.InstitutionSessions})
}
