package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"nightshift/producer/event"
	"nightshift/state"
)

// onRoster puts logins on the roster that the servers keep.
func onRoster(t *testing.T, servers []string, ids ...string) *state.Store {
	t.Helper()
	for _, v := range servers {
		if url, ok := strings.CutPrefix(v, "NIGHTSHIFT_REDIS_URL="); ok {
			store, err := state.Open(url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			var list []state.Enrolment
			for _, id := range ids {
				list = append(list, state.Enrolment{LoginID: id})
			}
			if _, err := store.Enrol(t.Context(), list, time.Now()); err != nil {
				t.Fatal(err)
			}
			return store
		}
	}
	t.Fatal("no redis among the servers")
	return nil
}

// windowNow is a window that is open for the next minutes.
func windowNow() string {
	now := time.Now().UTC()
	return fmt.Sprintf("%s-%s", now.Add(-time.Minute).Format("15:04"), now.Add(time.Hour).Format("15:04"))
}

func TestProduceNight(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	once := []string{"produce", "--once", "--cycle", "2026-11-22"}

	t.Run("an empty roster is a mistake", func(t *testing.T) {
		equal(t, result{
			Code:   exitTrouble,
			Stderr: "nightshift: producer: the roster is empty: fill it with \"nightshift logins import\", or publish a list with --roster\n",
		}, run(t, stores, once...))
	})

	store := onRoster(t, stores, "one", "two", "off")
	if err := store.Schedule(t.Context(), "off", false); err != nil {
		t.Fatal(err)
	}
	t.Run("the eligible logins are queued, and why the others are not is told", func(t *testing.T) {
		r := run(t, stores, once...)
		equal(t, result{
			Stdout: "cycle 2026-11-22: 2 queued, 0 already queued, 0 ended already, 0 holders told to act\n" +
				"  1 not due: it does not take part in the nights\n",
			Stderr: "publishing: 0 of 3\npublishing: 3 of 3 (100 %), 2 queued\n",
		}, r)
	})
	t.Run("and not again; what has come since is added", func(t *testing.T) {
		onRoster(t, stores, "three")
		r := run(t, stores, append(once, "--json")...)
		equal(t, publishedNight{Cycle: "2026-11-22", Queued: 1, Already: 2, NotDue: map[string]int{"not_scheduled": 1}}, only[publishedNight](t, r.Stdout))
		if n := messages(t, js, event.StreamJobs); n != 3 {
			t.Errorf("%d jobs", n)
		}
	})
}

// Two daemons run the night that is on, once. It waits for a roster.
func TestProduceEveryNight(t *testing.T) {
	t.Parallel()
	stores, js := servers(t)
	daemon := []string{"produce", "--window", windowNow()}
	a, b := start(t, stores, "", daemon...), start(t, stores, "", daemon...)
	a.logs("the roster is empty")
	store := onRoster(t, stores, "one", "two", "three")
	cycle := time.Now().Add(-time.Minute).UTC().Format(time.DateOnly)
	await(t, func() bool {
		n, err := store.Night(t.Context(), cycle)
		return err == nil && !n.Done.IsZero()
	})
	if n := messages(t, js, event.StreamJobs); n != 3 {
		t.Errorf("%d jobs", n)
	}
	for _, c := range []*command{a, b} {
		if r := c.stop(); r.Code != exitOK {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
	}
}
