package producer_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nightshift/producer"
	"nightshift/producer/event"
)

// TestReport: the outcomes of the cycle are counted, and those of others not.
func TestReport(t *testing.T) {
	t.Parallel()
	js := newNight(t)
	begin := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	outcome := func(id, cycle string, o event.Outcome, took time.Duration) {
		o.LoginID, o.Cycle, o.Lane = id, cycle, event.Nightly
		o.Timings = event.Timings{Published: begin, Started: begin.Add(time.Minute), Ended: begin.Add(time.Minute + took)}
		o.Job = tonight.Job(producer.Entry{LoginID: id}, begin)
		tell(t, js, o)
	}
	fine := event.Outcome{Type: event.Refreshed, Reason: event.CachedFresh, Institution: "Some Bank", Calls: event.Calls{Cached: 1}, Accounts: &event.Accounts{}}
	bad := event.Outcome{Type: event.ReconnectRequired, Reason: event.Refused, FlinksCode: "ODD", Calls: event.Calls{Cached: 1, Live: 1}}
	outcome("a", "2026-11-22", fine, time.Second)
	outcome("b", "2026-11-22", fine, 3*time.Second)
	outcome("c", "2026-11-22", bad, time.Hour)
	outcome("d", "2026-11-22-r1", fine, time.Second)
	outcome("e", "2026-11-21", bad, time.Second)

	got, err := producer.ReadReport(t.Context(), js, "2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	want := &producer.Report{
		Cycle: "2026-11-22", Total: 3, Calls: event.Calls{Cached: 3, Live: 1}, Accounts: 2,
		First: begin.Add(time.Minute), Last: begin.Add(time.Hour + time.Minute),
		Endings: map[producer.Ending]int{
			{Type: event.Refreshed, Reason: event.CachedFresh, Institution: "Some Bank"}: 2,
			{Type: event.ReconnectRequired, Reason: event.Refused, FlinksCode: "ODD"}:    1,
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(producer.Report{})); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	for share, took := range map[float64]time.Duration{0.3: time.Second, 0.5: 3 * time.Second, 0.99: time.Hour} {
		if got := got.Took(share); got < took || got > took*106/100 {
			t.Errorf("%.2f took %v, want %v or at most 5 %% more", share, got, took)
		}
	}
	if cycle, err := producer.LastCycle(t.Context(), js); err != nil || cycle != "2026-11-21" {
		t.Errorf("the last cycle is %q, %v", cycle, err)
	}
	if n, err := producer.ToldSince(t.Context(), js, time.Now().Add(-time.Minute)); err != nil || n != 5 {
		t.Errorf("%d were told in the last minute, %v", n, err)
	}
}

// TestBacklog: what is ready, in hand and parked is told apart.
func TestBacklog(t *testing.T) {
	t.Parallel()
	js := newNight(t)
	for _, id := range []string{"a", "b", "c", "d"} {
		publishOne(t, js, tonight, id)
	}
	park(t, js, take(t, js, event.Nightly))
	take(t, js, event.Nightly)
	got, err := producer.ReadBacklog(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	want := producer.Backlog{Parked: 1, Lanes: map[event.Lane]producer.Queue{event.Nightly: {Ready: 2, InHand: 1}, event.OnDemand: {}}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(producer.Queue{}, "Oldest")); diff != "" {
		t.Errorf("backlog (-want +got):\n%s", diff)
	}
	if old := time.Since(got.Lanes[event.Nightly].Oldest); old < 0 || old > time.Minute {
		t.Errorf("the oldest is %v old", old)
	}
}
