package consumer_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // the same on every machine

	"github.com/nats-io/nats-server/v2/server/ats"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

// year is a producer and a worker that run every night, from files that stay.
// By day there is no process: a server that idles for a year would be most of
// the test.
type year struct {
	*rig
	dir    string
	window producer.Window

	heard time.Time // up to when
	told  []event.Outcome
}

// aYear runs a test in virtual time, which begins on 1 January 2000.
func aYear(t *testing.T, window string, zone string, test func(y *year)) {
	ats.Register()
	defer ats.Unregister()
	w, err := producer.ParseWindow(window)
	if err != nil {
		t.Fatal(err)
	}
	if w.Zone, err = time.LoadLocation(zone); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		y := &year{rig: &rig{T: t, log: &logbook{}}, dir: dir, window: w}
		y.redis, y.store, _ = newRedis(t)
		sim, client := flinkstest.Start(t, flinkstest.Options{NoJournal: true})
		y.sim = sim
		y.client = &flinks.Client{
			BaseURL: flinkstest.BaseURL, CustomerID: flinkstest.DefaultCustomerID,
			SecretKey: flinkstest.DefaultSecretKey, APIKey: flinkstest.DefaultAPIKey, HTTP: client,
		}
		test(y)
	})
}

// night lets the next night come and go, from a moment before it opens until
// its last job has ended. Without a producer nothing happens in it.
func (y *year) night(producing bool) {
	night := y.window.Next(time.Now())
	time.Sleep(time.Until(night.Opens.Add(-time.Minute)))
	if !producing {
		time.Sleep(2 * time.Minute)
		return
	}
	var stop func()
	y.js, stop = startNATS(y.T, y.dir)
	defer stop()
	if _, err := (producer.Setup{}).Run(y.Context(), y.js); err != nil {
		y.Fatal(err)
	}
	ctx, cancel := context.WithCancel(y.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	r := producer.Routine{JS: y.js, State: y.store, Flinks: y.client, Log: y.debugLog(), Name: "p" + night.Cycle, Mode: event.Cached, MostWaiting: 1000}
	w := y.worker("w"+night.Cycle, func(w *consumer.Worker) { w.Accounts = nil })
	all.Go(func() { _ = r.Keep(ctx, y.window, false) })
	all.Go(func() {
		if err := w.Run(ctx); err != nil {
			y.Error(err)
		}
	})
	time.Sleep(time.Until(night.Opens))
	y.until("the night is complete", 5*time.Hour, func() bool {
		n, err := y.store.Night(ctx, night.Cycle)
		return err == nil && !n.Done.IsZero()
	})
	y.drain(5 * time.Hour)
	y.listen()
}

// listen writes down what was told since the last time.
func (y *year) listen() {
	y.Helper()
	for o, err := range (producer.Selection{Since: y.heard}).Read(y.Context(), y.js, false) {
		if err != nil {
			y.Fatal(err)
		}
		y.told = append(y.told, o.Outcome)
		y.heard = o.At.Add(time.Nanosecond)
	}
}

// span is a row of nights, first and last one included, that ended alike.
type span struct {
	First, Last string
	Ending      string
}

// spans is what was told, and checks that no night of a login was told twice.
func (y *year) spans() map[string][]span {
	all := map[string][]span{}
	for _, o := range y.told {
		ending := fmt.Sprint(o.Type)
		if o.Type != event.Refreshed {
			ending += " " + string(o.Reason)
		}
		rows := all[o.LoginID]
		if n := len(rows); n > 0 && rows[n-1].Ending == ending && follows(rows[n-1].Last, o.Cycle) {
			rows[n-1].Last = o.Cycle
			continue
		}
		if n := len(rows); n > 0 && o.Cycle <= rows[n-1].Last {
			y.Errorf("%s: %s has more than one outcome", o.LoginID, o.Cycle)
		}
		all[o.LoginID] = append(rows, span{o.Cycle, o.Cycle, ending})
	}
	return all
}

func follows(a, b string) bool {
	day, err := time.Parse(time.DateOnly, a)
	return err == nil && day.AddDate(0, 0, 1).Format(time.DateOnly) == b
}

// enrol puts a login on the roster, whose bank has data from yesterday.
func (y *year) enrol(ids ...string) {
	for _, id := range ids {
		y.sim.Add(flinkstest.Login{ID: id, LastRefresh: time.Now().Add(-30 * time.Hour)})
		if _, err := y.store.Enrol(y.Context(), []state.Enrolment{{LoginID: id}}, time.Now()); err != nil {
			y.Fatal(err)
		}
	}
}

// bank makes a login's bank answer like this from now on.
func (y *year) bank(id string, a flinkstest.Answer) {
	y.sim.Add(flinkstest.Login{ID: id, LastRefresh: time.Now().Add(-30 * time.Hour), Live: slices.Repeat([]flinkstest.Answer{a}, 100)})
}

// reconnect is the holder who connects again, and the app that says so.
func (y *year) reconnect(id string) {
	y.sim.Add(flinkstest.Login{ID: id, LastRefresh: time.Now()})
	if err := y.store.Reconnected(y.Context(), id, time.Now()); err != nil {
		y.Fatal(err)
	}
}

// TestYear: what the holders of some logins hear of a whole year of nights.
func TestYear(t *testing.T) {
	aYear(t, "04:00-08:00", "UTC", func(y *year) {
		y.enrol("fine", "paused", "asked", "refused", "bank-away-six-nights", "bank-away-a-week", "leaves")
		refuses := flinkstest.Answer{FlinksCode: "INVALID_PASSWORD"}
		away := flinkstest.Answer{FlinksCode: "BANK_MAINTENANCE_RETRY_LATER"}
		asks := flinkstest.Answer{Challenge: []flinkstest.Challenge{{Prompt: "Best country?"}}}
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		on := map[string]func(){ // before the night of that day
			"2000-01-21": func() { must(y.store.Schedule(y.Context(), "paused", false)) },
			"2000-03-01": func() { must(y.store.Schedule(y.Context(), "paused", true)) },
			"2000-02-20": func() { y.bank("asked", asks) },
			"2000-02-23": func() { y.reconnect("asked") },
			"2000-04-10": func() { y.bank("refused", refuses) },
			"2000-04-20": func() { y.reconnect("refused") },
			"2000-06-01": func() { y.bank("bank-away-six-nights", away); y.bank("bank-away-a-week", away) },
			"2000-06-07": func() { y.bank("bank-away-six-nights", flinkstest.Answer{}) },
			"2000-06-20": func() { y.reconnect("bank-away-a-week") },
			"2000-10-01": func() { must(y.store.Remove(y.Context(), "leaves")) },
		}
		for range 366 {
			day := y.window.Next(time.Now()).Cycle
			if change := on[day]; change != nil {
				change()
			}
			y.night(day < "2000-08-10" || day > "2000-08-21") // in between, no process runs
		}
		refreshed := func(rows ...string) (all []span) {
			for i := 0; i < len(rows); i += 2 {
				all = append(all, span{rows[i], rows[i+1], "refreshed"})
			}
			return all
		}
		once := func(day, ending string) []span { return []span{{day, day, ending}} }
		summer, autumn := []string{"2000-08-09", "2000-08-22"}, "2000-12-31"
		diff(t, "a year", map[string][]span{
			"fine": refreshed("2000-01-01", summer[0], summer[1], autumn),
			// It was not asked for while it was off, which counts for nothing.
			"paused": refreshed("2000-01-01", "2000-01-20", "2000-03-01", summer[0], summer[1], autumn),
			// Told once, and silence until it is reconnected.
			"asked":   slices.Concat(refreshed("2000-01-01", "2000-02-19"), once("2000-02-20", "mfa_required security_challenge"), refreshed("2000-02-23", summer[0], summer[1], autumn)),
			"refused": slices.Concat(refreshed("2000-01-01", "2000-04-09"), once("2000-04-10", "reconnect_required credentials_refused"), refreshed("2000-04-20", summer[0], summer[1], autumn)),
			// A bank may be away for days; nobody has to do anything.
			"bank-away-six-nights": slices.Concat(refreshed("2000-01-01", "2000-05-31"), []span{{"2000-06-01", "2000-06-06", "failed bank_unavailable"}}, refreshed("2000-06-07", summer[0], summer[1], autumn)),
			// After more than seven days the login falls out, as the guide says.
			"bank-away-a-week": slices.Concat(refreshed("2000-01-01", "2000-05-31"), []span{{"2000-06-01", "2000-06-07", "failed bank_unavailable"}}, once("2000-06-08", "reconnect_required no_success_lately"), refreshed("2000-06-20", summer[0], summer[1], autumn)),
			"leaves":           refreshed("2000-01-01", summer[0], summer[1], "2000-09-30"),
		}, y.spans())
	})
}

// TestClockChange: in a zone that puts its clock forward and back, too, each
// day around the change has one night, that opens by the clock on the wall.
func TestClockChange(t *testing.T) {
	aYear(t, "02:30-06:00", "America/Toronto", func(y *year) {
		y.enrol("fine")
		want := map[string][]span{}
		for _, change := range []string{"2000-04-02", "2000-10-29"} {
			around, err := time.ParseInLocation(time.DateOnly, change, y.window.Zone)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Until(around.AddDate(0, 0, -5)))
			for range 10 {
				y.night(true)
			}
			want["fine"] = append(want["fine"], span{
				around.AddDate(0, 0, -5).Format(time.DateOnly), around.AddDate(0, 0, 4).Format(time.DateOnly), "refreshed",
			})
		}
		diff(t, "around the changes", want, y.spans())
	})
}
