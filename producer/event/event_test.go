package event_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/producer/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata, byte by byte.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the wire form changed (-want +got):\n%s", diff)
	}
}

func indent(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

// parkedJob has every field.
var parkedJob = event.Job{
	Version: 1, LoginID: "5e115eac-1209-4f19-641c-08d6d484e2fe", Cycle: "2026-11-22-r1",
	Lane: event.Nightly, Mode: event.Cached, Attempt: 3,
	Phase: event.PhasePoll, RequestID: "1243c283-e0ca-4fda-a5e4-343068430190",
	NotAfter:    time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC),
	Options:     event.Options{Attributes: "Income", DaysOfTransactions: 90},
	Institution: "FlinksCapital",
	Published:   time.Date(2026, 11, 22, 4, 0, 0, 5000000, time.UTC),
	Spent: event.Spent{
		Cached: 2, Live: 1, Reauthorized: 1, Failures: 1, Queued: 1, Doubted: 1,
		PendingSince: time.Date(2026, 11, 22, 4, 10, 0, 0, time.UTC),
		Started:      time.Date(2026, 11, 22, 4, 1, 0, 0, time.UTC),
		FlinksCode:   "RETRY_LATER",
	},
}

var newJob = event.Job{
	Version: 1, LoginID: "5e115eac-1209-4f19-641c-08d6d484e2fe", Cycle: "od-01ARZ3NDEKTSV4RRFFQ69G5FAV",
	Lane: event.OnDemand, Mode: event.Live, Attempt: 1,
	Published: time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC),
}

var outcome = event.Outcome{
	LoginID: parkedJob.LoginID, Cycle: parkedJob.Cycle, Lane: event.Nightly,
	Type: event.Refreshed, Reason: event.NoTransactions, FlinksCode: "NO_TRANSACTION",
	Institution:      "FlinksCapital",
	LastRefresh:      time.Date(2026, 11, 22, 4, 9, 0, 0, time.UTC),
	RequestID:        "1243c283-e0ca-4fda-a5e4-343068430190",
	RequestIDExpires: time.Date(2026, 11, 22, 4, 20, 0, 0, time.UTC),
	Calls:            event.Calls{Cached: 2, Live: 1},
	Timings:          event.Timings{Published: parkedJob.Published, Started: parkedJob.Spent.Started, Ended: time.Date(2026, 11, 22, 4, 12, 0, 0, time.UTC)},
	Counts:           event.Counts{Accounts: 2, Transactions: 31},
	Accounts:         &event.Accounts{Stream: event.StreamAccounts, Subject: event.AccountsSubject(parkedJob.LoginID), Digest: "SHA-256=x", Size: 1527},
	Job:              parkedJob.Asked(),
}

// pushed has every field.
var pushed = event.Push{
	LoginID: parkedJob.LoginID, RequestID: parkedJob.RequestID, ResponseType: "GetAccountsDetail",
	Status: 401, FlinksCode: "RETRY_LATER", Institution: "FlinksCapital",
	LastRefresh: time.Date(2026, 11, 22, 4, 9, 0, 0, time.UTC),
	Received:    time.Date(2026, 11, 22, 4, 9, 1, 0, time.UTC),
}

func TestWireForm(t *testing.T) {
	t.Run("job, parked, every field", func(t *testing.T) { golden(t, "job_parked.json", indent(t, parkedJob)) })
	t.Run("job, new, no optional field", func(t *testing.T) { golden(t, "job_new.json", indent(t, newJob)) })
	t.Run("outcome of a refresh, every field that it can have", func(t *testing.T) { golden(t, "outcome_refreshed.json", indent(t, outcome)) })
	t.Run("accounts that are too large for a message", func(t *testing.T) {
		golden(t, "accounts_large.json", indent(t, event.Accounts{Bucket: event.BucketAccounts, Object: parkedJob.LoginID, Digest: "SHA-256=x", Size: 1 << 20}))
	})
	t.Run("outcome that asks for the account holder", func(t *testing.T) {
		golden(t, "outcome_mfa.json", indent(t, event.Outcome{
			LoginID: newJob.LoginID, Cycle: newJob.Cycle, Lane: newJob.Lane,
			Type: event.MFARequired, Reason: event.SecurityChallenge, AfterExpiry: event.AskRefresh,
			Timings: event.Timings{Published: newJob.Published, Ended: newJob.Published}, Job: newJob,
		}))
	})
	t.Run("push, every field", func(t *testing.T) { golden(t, "push.json", indent(t, pushed)) })
	t.Run("outcome headers", func(t *testing.T) { golden(t, "outcome_headers.json", indent(t, outcome.Headers())) })
	t.Run("names", func(t *testing.T) {
		golden(t, "names.json", indent(t, map[string]any{
			"streams":    append(slices.Clone(event.Streams), event.BucketAccounts),
			"subjects":   []string{event.SubjectsJobs, event.SubjectsOutcomes, event.SubjectsLive, event.SubjectsPushes, event.SubjectsDead, event.SubjectsAccounts},
			"ready":      event.ReadySubject("L", event.Nightly),
			"retry":      event.RetrySubject("L", event.OnDemand),
			"anyJob":     event.AnyJobSubject("L", event.Nightly),
			"outcome":    event.OutcomeSubject("L", event.Failed),
			"anyOutcome": event.AnyOutcomeSubject("L"),
			"filter":     event.OnDemand.Filter(),
			"durable":    event.OnDemand.Durable(),
			"dead":       event.DeadSubject(event.DeadMalformed),
			"live":       event.LiveSubject("L"),
			"accounts":   event.AccountsSubject("L"),
			"liveCalls":  event.LiveCalls{Cycle: "2026-11-22", Live: 2},
			"push":       event.PushSubject("L"),
			"pushMsgID":  pushed.MsgID(),
			"pushes":     event.DurablePushes,
			"afterwards": event.AskRefresh,
			"jobMsgID":   parkedJob.MsgID(),
			"outcomeID":  outcome.ID(),
			"types":      event.Types,
			"reasons":    event.Reasons,
			"deadHeader": []string{event.HeaderDeadError, event.HeaderDeadSubject, event.HeaderDeadSequence},
			"trace":      event.HeaderTraceparent,
		}))
	})
}

func TestReadBack(t *testing.T) {
	t.Run("a job is what was written", func(t *testing.T) {
		data, err := json.Marshal(parkedJob)
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.DecodeJob(parkedJob.Subject(), data)
		if diff := cmp.Diff(parkedJob, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("a push is what was written", func(t *testing.T) {
		data, err := pushed.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.DecodePush(data)
		if diff := cmp.Diff(pushed, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("an outcome is what was written", func(t *testing.T) {
		data, err := outcome.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.DecodeOutcome(data)
		if diff := cmp.Diff(outcome, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("a field of tomorrow is kept", func(t *testing.T) {
		data := []byte(`{"version":1,"loginId":"a","cycle":"2026-11-22","lane":"nightly","mode":"cached","attempt":1,
			"published":"2026-11-22T04:00:00Z","priority":{"rank":7}}`)
		j, err := event.DecodeJob("refresh.job.a.nightly.ready", data)
		if err != nil {
			t.Fatal(err)
		}
		j.Attempt++
		again, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"attempt":2,"cycle":"2026-11-22","lane":"nightly","loginId":"a","mode":"cached",` +
			`"priority":{"rank":7},"published":"2026-11-22T04:00:00Z","version":1}`
		if string(again) != want {
			t.Errorf("got  %s\nwant %s", again, want)
		}
	})
	t.Run("a parked job's own form is read as a job of its lane", func(t *testing.T) {
		data, _ := json.Marshal(parkedJob)
		if _, err := event.DecodeJob(event.RetrySubject(parkedJob.LoginID, parkedJob.Lane), data); err != nil {
			t.Error(err)
		}
	})
}

func TestDecodeJobRefuses(t *testing.T) {
	edit := func(from, to string) string {
		data, _ := json.Marshal(newJob)
		return strings.Replace(string(data), from, to, 1)
	}
	rows := []struct {
		rule, subject, data string
		want                event.DeadReason
	}{
		{"no JSON", newJob.Subject(), "hello", event.DeadMalformed},
		{"nothing", newJob.Subject(), "", event.DeadMalformed},
		{"half a JSON", newJob.Subject(), `{"version":1,`, event.DeadMalformed},
		{"a list", newJob.Subject(), `[]`, event.DeadMalformed},
		{"null", newJob.Subject(), `null`, event.DeadVersion},
		{"a field of the wrong type", newJob.Subject(), edit(`"attempt":1`, `"attempt":"one"`), event.DeadMalformed},
		{"a time that is none", newJob.Subject(), edit(`2026-11-22T`, `yesterday `), event.DeadMalformed},
		{"a version of tomorrow", newJob.Subject(), edit(`"version":1`, `"version":2`), event.DeadVersion},
		{"no version", newJob.Subject(), edit(`"version":1,`, ``), event.DeadVersion},
		{"a loginId with a dot", newJob.Subject(), edit(newJob.LoginID, "a.b"), event.DeadInvalid},
		{"no published time", newJob.Subject(), edit(`"published":"2026-11-22T04:00:00Z"`, `"institution":"x"`), event.DeadInvalid},
		{"no cycle", newJob.Subject(), edit(newJob.Cycle, ""), event.DeadInvalid},
		{"an unknown lane", newJob.Subject(), edit(`"ondemand"`, `"express"`), event.DeadInvalid},
		{"an unknown mode", newJob.Subject(), edit(`"live"`, `"dead"`), event.DeadInvalid},
		{"attempt 0", newJob.Subject(), edit(`"attempt":1`, `"attempt":0`), event.DeadInvalid},
		{"an unknown phase", newJob.Subject(), edit(`"attempt":1`, `"attempt":1,"phase":"nap"`), event.DeadInvalid},
		{"a poll without its session", newJob.Subject(), edit(`"attempt":1`, `"attempt":1,"phase":"poll"`), event.DeadInvalid},
		{"attributes that Flinks does not have", newJob.Subject(), edit(`"attempt":1`, `"attempt":1,"options":{"attributes":"Mood"}`), event.DeadInvalid},
		{"days that Flinks does not offer", newJob.Subject(), edit(`"attempt":1`, `"attempt":1,"options":{"daysOfTransactions":30}`), event.DeadInvalid},
		{"another login's subject", event.ReadySubject("other", event.OnDemand), edit("", ""), event.DeadInvalid},
		{"another lane's subject", event.ReadySubject(newJob.LoginID, event.Nightly), edit("", ""), event.DeadInvalid},
		{"a subject that is no job's", "refresh.outcome.a.failed", edit("", ""), event.DeadInvalid},
	}
	for _, r := range rows {
		t.Run(r.rule, func(t *testing.T) {
			_, err := event.DecodeJob(r.subject, []byte(r.data))
			je, ok := errors.AsType[*event.JobError](err)
			if !ok || je.Reason != r.want {
				t.Errorf("got %v, want reason %s", err, r.want)
			}
		})
	}
}

func TestCheckLoginID(t *testing.T) {
	for _, id := range []string{"5e115eac-1209-4f19-641c-08d6d484e2fe", "login_1", "A", strings.Repeat("x", 128)} {
		if err := event.CheckLoginID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"", "a.b", "a b", "a*", ">", "a\n", "{a}", "é", "a/b", strings.Repeat("x", 129)} {
		if err := event.CheckLoginID(id); !errors.Is(err, event.ErrLoginID) {
			t.Errorf("%q: got %v, want ErrLoginID", id, err)
		}
	}
}

func TestCheckCycle(t *testing.T) {
	for _, c := range []string{"2026-11-22", "2026-11-22-r1", "2026-11-22-r12", "od-01ARZ3NDEKTSV4RRFFQ69G5FAV", "od-01ARZ3NDEKTSV4RRFFQ69G5FAV-r2"} {
		if err := event.CheckCycle(c); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []string{"", "2026-11-2", "2026-11-22-r0", "2026-11-22-r", "od-", "od-01ARZ3NDEKTSV4RRFFQ69G5FA", "2026-11-22.x", "2026-11-22\n", "*"} {
		if event.CheckCycle(c) == nil {
			t.Errorf("%q was taken", c)
		}
	}
}

func TestNextReplay(t *testing.T) {
	for _, r := range []struct{ rule, of, want string }{
		{"a night is replayed as its first replay", "2026-11-22", "2026-11-22-r1"},
		{"a replay as the next one, not as a replay of a replay", "2026-11-22-r1", "2026-11-22-r2"},
		{"which counts as people do", "2026-11-22-r9", "2026-11-22-r10"},
		{"so is a refresh on demand", "od-01ARZ3NDEKTSV4RRFFQ69G5FAV", "od-01ARZ3NDEKTSV4RRFFQ69G5FAV-r1"},
		{"and its replay", "od-01ARZ3NDEKTSV4RRFFQ69G5FAV-r1", "od-01ARZ3NDEKTSV4RRFFQ69G5FAV-r2"},
	} {
		t.Run(r.rule, func(t *testing.T) {
			got := event.NextReplay(r.of)
			if got != r.want || event.CheckCycle(got) != nil || !event.IsReplay(got) {
				t.Errorf("got %s, want %s", got, r.want)
			}
		})
	}
	t.Run("what was never replayed is no replay", func(t *testing.T) {
		for _, c := range []string{"2026-11-22", "od-01ARZ3NDEKTSV4RRFFQ69G5FAV", ""} {
			if event.IsReplay(c) {
				t.Errorf("%q is one", c)
			}
		}
	})
	t.Run("after the last one there is none", func(t *testing.T) {
		if got := event.NextReplay("2026-11-22-r999999"); event.CheckCycle(got) == nil {
			t.Errorf("%s was taken", got)
		}
	})
}

func TestOutcomeCheck(t *testing.T) {
	t.Run("every reason of the list is taken with its own type only", func(t *testing.T) {
		for _, typ := range event.Types {
			for other, reasons := range event.Reasons {
				for _, reason := range reasons {
					o := outcome
					o.Type, o.Reason = typ, reason
					if err := o.Check(); (err == nil) != (typ == other) {
						t.Errorf("%s %s: %v", typ, reason, err)
					}
				}
			}
		}
	})
	t.Run("an unknown type is refused", func(t *testing.T) {
		o := outcome
		o.Type = "vanished"
		if o.Check() == nil {
			t.Error("it was taken")
		}
	})
}

// FuzzDecodeJob: whatever lies in the stream, the answer is a valid job or a
// JobError, and a valid job survives being written and read again.
func FuzzDecodeJob(f *testing.F) {
	for _, j := range []event.Job{parkedJob, newJob} {
		data, _ := json.Marshal(j)
		f.Add(j.Subject(), data)
	}
	f.Add("refresh.job.a.nightly.ready", []byte(`{"version":1,"loginId":"a","spent":null,"Extra":{},"extra":1}`))
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		j, err := event.DecodeJob(subject, data)
		if err != nil {
			if _, ok := errors.AsType[*event.JobError](err); !ok {
				t.Fatalf("error %T is no JobError", err)
			}
			return
		}
		again, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		j2, err := event.DecodeJob(subject, again)
		if err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
		if third, _ := json.Marshal(j2); string(third) != string(again) {
			t.Fatalf("written again it differs:\n%s\n%s", again, third)
		}
	})
}

// FuzzDecodeOutcome: no bytes make a reader panic.
func FuzzDecodeOutcome(f *testing.F) {
	data, _ := outcome.Encode()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if o, err := event.DecodeOutcome(data); err == nil && (o.LoginID == "" || o.Cycle == "" || o.Type == "") {
			t.Fatal("an outcome without identity was taken")
		}
	})
}
