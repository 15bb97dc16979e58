package producer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/producer"
	"nightshift/producer/event"
)

func TestPlanJobCarriesAllThatAWorkerNeeds(t *testing.T) {
	plan := producer.Plan{
		Cycle: "2026-11-22", Lane: event.Nightly, Mode: event.Cached,
		NotAfter: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC),
		Options:  event.Options{Attributes: "Income", DaysOfTransactions: 90},
	}
	now := time.Date(2026, 11, 22, 0, 0, 0, 5000000, time.FixedZone("EDT", -4*3600))
	entry := producer.Entry{LoginID: "5e115eac-1209-4f19-641c-08d6d484e2fe", Institution: "FlinksCapital"}
	job := plan.Job(entry, now)
	golden(t, "job.json", job)
	if err := job.Check(); err != nil {
		t.Error(err)
	}
	msg, err := producer.JobMsg(job)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "message.json", map[string]any{"subject": msg.Subject, "header": msg.Header})
	if back, err := event.DecodeJob(msg.Subject, msg.Data); err != nil || cmp.Diff(job, back) != "" {
		t.Errorf("%v %s", err, cmp.Diff(job, back))
	}
}

func TestNightlyCycleIsTheDateInUTC(t *testing.T) {
	vancouver := time.FixedZone("PST", -8*3600)
	for _, test := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC), "2026-11-22"},
		{time.Date(2026, 11, 21, 20, 0, 0, 0, vancouver), "2026-11-22"},
		{time.Date(2026, 1, 2, 15, 59, 59, 0, vancouver), "2026-01-02"},
	} {
		got := producer.NightlyCycle(test.at)
		if got != test.want {
			t.Errorf("%v: got %s, want %s", test.at, got, test.want)
		}
		if err := event.CheckCycle(got); err != nil {
			t.Error(err)
		}
	}
}

func TestOnDemandCyclesAreValidAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		c := producer.OnDemandCycle()
		if err := event.CheckCycle(c); err != nil || seen[c] {
			t.Fatalf("%s: %v, seen before: %v", c, err, seen[c])
		}
		seen[c] = true
	}
}

func TestPlanJobs(t *testing.T) {
	const csv = "loginId,institution\na,FlinksCapital\nb.c,\nd,\n"
	run := func(r *strings.Reader, fault error) (got []string, bad []int, err error) {
		roster := producer.ReadRoster(r)
		if fault != nil {
			roster = producer.ReadRoster(&failing{r, fault})
		}
		for j, err := range tonight.Jobs(roster, func(le *producer.LineError) { bad = append(bad, le.Line) }) {
			if err != nil {
				return got, bad, err
			}
			got = append(got, j.LoginID+" "+j.Institution)
		}
		return got, bad, nil
	}
	t.Run("broken lines go aside and the rest goes on", func(t *testing.T) {
		got, bad, err := run(strings.NewReader(csv), nil)
		if err != nil || cmp.Diff([]string{"a FlinksCapital", "d "}, got) != "" || cmp.Diff([]int{3}, bad) != "" {
			t.Errorf("got %v, bad %v, %v", got, bad, err)
		}
	})
	t.Run("a list that cannot be read ends with its error", func(t *testing.T) {
		fault := errors.New("disk on fire")
		got, _, err := run(strings.NewReader(csv), fault)
		if !errors.Is(err, fault) || len(got) != 2 {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("it stops when nobody wants more", func(t *testing.T) {
		for range tonight.Jobs(producer.ReadRoster(strings.NewReader(csv)), nil) {
			break
		}
	})
}
