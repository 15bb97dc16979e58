package producer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/producer"
	"nightshift/producer/event"
)

func TestReplayPick(t *testing.T) {
	failed := producer.Selection{Type: event.Failed}
	of22 := producer.Selection{Cycle: "2026-11-22"}
	const onDemand = "od-01ARZ3NDEKTSV4RRFFQ69G5FAV"
	for _, r := range []struct {
		rule string
		s    producer.Selection
		told []string
		want []string // the outcomes that the replay will have
		n    int      // matched
		out  producer.LeftOut
	}{
		{"what is selected, in the order of its telling", failed,
			[]string{"bob 22 busy", "ann 22 bank_unavailable"},
			[]string{"bob:2026-11-22-r1", "ann:2026-11-22-r1"}, 2, producer.LeftOut{}},
		{"what is not selected is left alone", failed,
			[]string{"ann 22 credentials_refused", "bob 22 cached_fresh", "cid 22 security_challenge"}, nil, 0, producer.LeftOut{}},
		{"nothing of nothing", failed, nil, nil, 0, producer.LeftOut{}},

		{"what was replayed is not replayed again, however its replay ended", failed,
			[]string{"ann 22 busy", "bob 22 busy", "cid 22 busy", "ann 22-r1 cached_fresh", "bob 22-r1 security_challenge", "cid 22-r1 busy"},
			nil, 4, producer.LeftOut{Replayed: 3, OfReplay: 1}},
		{"nor where the replay was told after the last moment of the selection", producer.Selection{Type: event.Failed, Until: dawn.Add(time.Minute)},
			[]string{"ann 22 busy", "ann 22-r1 busy"}, nil, 1, producer.LeftOut{Replayed: 1}},
		{"nor once somebody else's replay of another cycle lies between", failed,
			[]string{"ann 22 busy", "ann 21-r1 busy", "ann 22-r1 busy"}, nil, 3, producer.LeftOut{Replayed: 1, OfReplay: 2}},
		{"another login's replay is no matter", failed,
			[]string{"ann 22 busy", "bob 22-r1 cached_fresh"}, []string{"ann:2026-11-22-r1"}, 1, producer.LeftOut{}},
		{"nor is the next but one", of22,
			[]string{"ann 22 busy", "ann 22-r2 busy"}, []string{"ann:2026-11-22-r1"}, 1, producer.LeftOut{}},
		{"what came of a replay is replayed when its cycle is named", producer.Selection{Cycle: "2026-11-22-r1"},
			[]string{"ann 22 busy", "ann 22-r1 busy"}, []string{"ann:2026-11-22-r2"}, 1, producer.LeftOut{}},
		{"and not else, though it is all there is", failed,
			[]string{"ann 22-r1 busy"}, nil, 1, producer.LeftOut{OfReplay: 1}},

		{"of several nights of a login the newest counts", failed,
			[]string{"ann 20 busy", "ann 21 busy", "bob 21 busy", "ann 22 throttled"},
			[]string{"bob:2026-11-21-r1", "ann:2026-11-22-r1"}, 4, producer.LeftOut{Superseded: 2}},
		{"and when that one was replayed, the older ones do not come back", failed,
			[]string{"ann 21 busy", "ann 22 busy", "ann 22-r1 busy"}, nil, 3, producer.LeftOut{Superseded: 1, Replayed: 1, OfReplay: 1}},
		{"what failed after its replay is new", failed,
			[]string{"ann 21 busy", "ann 21-r1 cached_fresh", "ann 22 busy"}, []string{"ann:2026-11-22-r1"}, 2, producer.LeftOut{Replayed: 1}},

		{"who was refreshed since needs no replay", failed,
			[]string{"ann 21 busy", "bob 21 busy", "cid 21 busy", "ann 22 live_refresh", "bob " + onDemand + " cached_fresh"},
			[]string{"cid:2026-11-21-r1"}, 3, producer.LeftOut{RefreshedSince: 2}},
		{"whoever was refreshed before does", failed,
			[]string{"ann 21 cached_fresh", "ann 22 busy"}, []string{"ann:2026-11-22-r1"}, 1, producer.LeftOut{}},
		{"whose holder was asked for something since is not asked twice", failed,
			[]string{"ann 21 busy", "bob 21 busy", "ann 22 credentials_refused", "bob 22 security_challenge"},
			nil, 2, producer.LeftOut{HolderAskedSince: 2}},
		{"who failed since in another way is replayed all the same", producer.Selection{Reason: event.FlinksUnreachable},
			[]string{"ann 21 flinks_unreachable", "ann 22 busy"}, []string{"ann:2026-11-21-r1"}, 1, producer.LeftOut{}},

		{"a whole cycle means those that did not end well", of22,
			[]string{"ann 22 busy", "bob 22 cached_fresh", "cid 22 credentials_refused", "dan 22 security_challenge", "eve 21 busy"},
			[]string{"ann:2026-11-22-r1", "cid:2026-11-22-r1", "dan:2026-11-22-r1"}, 4, producer.LeftOut{Refreshed: 1}},
		{"so does a time in which a login was refreshed in the end", producer.Selection{Since: dawn},
			[]string{"ann 21 busy", "ann 22 cached_fresh"}, nil, 2, producer.LeftOut{Refreshed: 1, RefreshedSince: 1}},
		{"and a code that was overcome", producer.Selection{Code: "RETRY_LATER"},
			[]string{"ann 22 live_refresh RETRY_LATER"}, nil, 1, producer.LeftOut{Refreshed: 1}},
		{"unless the type says so", producer.Selection{Type: event.Refreshed},
			[]string{"ann 22 cached_fresh"}, []string{"ann:2026-11-22-r1"}, 1, producer.LeftOut{}},
		{"or the reason", producer.Selection{Reason: event.CachedFresh},
			[]string{"ann 22 cached_fresh", "bob 22 live_refresh"}, []string{"ann:2026-11-22-r1"}, 1, producer.LeftOut{}},
		{"and even then once, and not if a later refresh was not meant", producer.Selection{Type: event.Refreshed, Until: dawn.Add(2 * time.Minute)},
			[]string{"ann 20 cached_fresh", "ann 21 cached_fresh", "ann 22 cached_fresh"}, nil, 2, producer.LeftOut{Superseded: 1, RefreshedSince: 1}},

		{"on demand is replayed in a cycle of its own, too", producer.Selection{LoginIDs: []string{"ann"}},
			[]string{"ann " + onDemand + " busy"}, []string{"ann:" + onDemand + "-r1"}, 1, producer.LeftOut{}},
		{"a cycle that has no next one is left out", producer.Selection{Cycle: "2026-11-22-r999999"},
			[]string{"ann 22-r999999 busy"}, nil, 1, producer.LeftOut{Unfit: 1}},
	} {
		t.Run(r.rule, func(t *testing.T) {
			got, err := producer.Replay{Selection: r.s}.Pick(told(r.told...))
			if err != nil {
				t.Fatal(err)
			}
			var jobs []string
			for _, a := range got.Again {
				jobs = append(jobs, a.Job.OutcomeID())
			}
			if diff := cmp.Diff(r.want, jobs); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(r.out, got.LeftOut); diff != "" || got.Matched != r.n {
				t.Errorf("matched %d, want %d\n%s", got.Matched, r.n, diff)
			}
		})
	}

	t.Run("names the cycles that there are, the latest told last, those on demand not", func(t *testing.T) {
		got, err := producer.Replay{Selection: failed}.Pick(told("a 21 busy", "b 20 busy", "c 22 busy", "d 21 busy", "e "+onDemand+" busy", "a 21-r1 busy"))
		want := []string{"2026-11-20", "2026-11-22", "2026-11-21", "2026-11-21-r1"}
		if diff := cmp.Diff(want, got.Cycles); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
	t.Run("an error of the list is its own", func(t *testing.T) {
		fault := errors.New("disk on fire")
		_, err := producer.Replay{}.Pick(func(yield func(producer.Told, error) bool) { yield(producer.Told{}, fault) })
		if !errors.Is(err, fault) {
			t.Errorf("got %v", err)
		}
	})
}

func TestReplayJob(t *testing.T) {
	first := outcome("ann 22 busy")
	first.Job = event.Job{
		Version: 1, LoginID: "ann", Cycle: "2026-11-22", Lane: event.OnDemand, Mode: event.Cached, Attempt: 3,
		Phase: event.PhaseDetail, RequestID: "r", NotAfter: dawn, Published: dawn,
		Options: event.Options{Attributes: "Income", DaysOfTransactions: 365},
		Spent:   event.Spent{Live: 2}, Extra: map[string]json.RawMessage{"priority": []byte("7")},
	}
	want := event.Job{
		Version: 1, LoginID: "ann", Cycle: "2026-11-22-r1", Lane: event.Nightly, Mode: event.Cached, Attempt: 1,
		Options: first.Job.Options, Institution: "Some Bank", Published: dawn, Extra: first.Job.Extra,
	}
	live := want
	live.Mode = event.Live
	known := func(o *event.Outcome) { o.Job.Institution = "Its Bank" }
	itsBank := want
	itsBank.Institution = "Its Bank"
	for _, r := range []struct {
		rule   string
		change func(*event.Outcome)
		live   bool
		want   *event.Job // nil: it is left out
	}{
		{"begins anew, outside the window and behind nobody who waits, with all wishes", nil, false, &want},
		{"live, if told so", nil, true, &live},
		{"knows its bank", known, false, &itsBank},
		{"of a version of tomorrow is not understood", func(o *event.Outcome) { o.Job.Version = 2 }, false, nil},
		{"there is none", func(o *event.Outcome) { o.Job = event.Job{} }, false, nil},
		{"of another login is not its", func(o *event.Outcome) { o.Job.LoginID = "bob" }, false, nil},
		{"that breaks a rule", func(o *event.Outcome) { o.Job.Mode = "" }, false, nil},
	} {
		t.Run(r.rule, func(t *testing.T) {
			o := first
			if r.change != nil {
				r.change(&o)
			}
			got, err := producer.Replay{Selection: producer.Selection{Type: event.Failed}, Live: r.live}.Pick(
				func(yield func(producer.Told, error) bool) { yield(producer.Told{Outcome: o, At: dawn}, nil) })
			want := producer.Replays{Matched: 1, Cycles: []string{"2026-11-22"}, LeftOut: producer.LeftOut{Unfit: 1}}
			if r.want != nil {
				want.LeftOut.Unfit, want.Again = 0, []producer.Again{{Type: event.Failed, Reason: event.Busy, Job: *r.want}}
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// replays of n logins.
func replays(t testing.TB, n int) producer.Replays {
	t.Helper()
	var lines []string
	for _, id := range logins(n) {
		lines = append(lines, id+" 22 busy")
	}
	r, err := producer.Replay{Selection: producer.Selection{Type: event.Failed}}.Pick(told(lines...))
	if err != nil || len(r.Again) != n {
		t.Fatalf("%d, %v", len(r.Again), err)
	}
	return r
}

func TestReplayJobs(t *testing.T) {
	t.Run("come no faster than they may, each published when it comes", func(t *testing.T) {
		r := replays(t, 101)
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			for j, err := range r.Jobs(t.Context(), 50) {
				if err != nil || !j.Published.Equal(time.Now()) || j.Published.Location() != time.UTC {
					t.Fatalf("%v, %v", j.Published, err)
				}
			}
			if took := time.Since(begin).Round(time.Millisecond); took != 2*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	})
	t.Run("end with ctx, without an error", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := 0
		for _, err := range replays(t, 10).Jobs(ctx, 1000) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 3 {
				cancel()
			}
		}
		if n != 3 {
			t.Errorf("%d came", n)
		}
	})
}

// Two operators, each of whom has found the same, at once.
func TestReplaysRace(t *testing.T) {
	js, r := newNight(t), replays(t, 300)
	tallies := make([]producer.Tally, 2)
	var all sync.WaitGroup
	for i := range tallies {
		all.Go(func() {
			var err error
			if tallies[i], err = (producer.Publisher{JS: js}).Publish(t.Context(), r.Jobs(t.Context(), 100_000), nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if tallies[0].Queued+tallies[1].Queued != 300 || tallies[0].Already+tallies[1].Already != 300 {
		t.Errorf("got %+v", tallies)
	}
	if diff := cmp.Diff(onceEach(logins(300)), subjects(t, js)); diff != "" {
		t.Error(diff)
	}
}

// The stream is read widely: what speaks against a replay may be of any type
// and cycle, and told after the time that is asked for.
func TestReplayRead(t *testing.T) {
	js := newNight(t)
	tellAll(t, js, "ann 22 busy", "bob 22 busy", "cid 22 busy")
	until := time.Now()
	tellAll(t, js, "ann 22-r1 credentials_refused", "bob 23 cached_fresh")
	s := producer.Selection{Cycle: "2026-11-22", Type: event.Failed, Reason: event.Busy, Institution: "some bank", Until: until}
	for _, r := range []struct {
		logins []string
		want   producer.Replays
	}{
		{nil, producer.Replays{Matched: 3, LeftOut: producer.LeftOut{Replayed: 1, RefreshedSince: 1}, Cycles: []string{"2026-11-22", "2026-11-22-r1", "2026-11-23"}}},
		{[]string{"ann", "cid"}, producer.Replays{Matched: 2, LeftOut: producer.LeftOut{Replayed: 1}, Cycles: []string{"2026-11-22", "2026-11-22-r1"}}},
	} {
		t.Run(fmt.Sprint(r.logins), func(t *testing.T) {
			s.LoginIDs = r.logins
			got, err := producer.Replay{Selection: s}.Read(t.Context(), js)
			if err != nil || len(got.Again) != 1 || got.Again[0].Job.OutcomeID() != "cid:2026-11-22-r1" {
				t.Fatalf("got %+v, %v", got.Again, err)
			}
			got.Again = nil
			if diff := cmp.Diff(r.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
