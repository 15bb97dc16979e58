package producer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

// outcome reads "ann 2026-11-22 bank_unavailable RETRY_LATER"; a cycle may be
// written as the day of that month.
func outcome(text string) event.Outcome {
	f := append(strings.Fields(text), "")
	login, cycle, why := f[0], f[1], event.Reason(f[2])
	if day, _, _ := strings.Cut(cycle, "-"); len(day) == 2 && day != "od" {
		cycle = "2026-11-" + cycle
	}
	o := event.Outcome{
		LoginID: login, Cycle: cycle, Lane: event.Nightly, Reason: why, FlinksCode: f[3], Institution: "Some Bank",
		Job: event.Job{
			Version: 1, LoginID: login, Cycle: cycle, Lane: event.Nightly, Mode: event.Cached, Attempt: 1,
			Published: dawn,
		},
	}
	for t, reasons := range event.Reasons {
		if slices.Contains(reasons, why) {
			o.Type = t
		}
	}
	return o
}

// dawn is when the first outcome of a list is told; each next one is told a
// minute later.
var dawn = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

// told is a list of outcomes.
func told(lines ...string) iter.Seq2[producer.Told, error] {
	return func(yield func(producer.Told, error) bool) {
		for i, line := range lines {
			if !yield(producer.Told{Outcome: outcome(line), At: dawn.Add(time.Duration(i) * time.Minute)}, nil) {
				return
			}
		}
	}
}

func TestSelectionMatch(t *testing.T) {
	one := producer.Told{Outcome: outcome("ann 22 bank_unavailable"), At: dawn}
	one.FlinksCode = " bank maintenenace retry_later"
	for _, r := range []struct {
		rule string
		s    producer.Selection
		want bool
	}{
		{"the zero value chooses all", producer.Selection{}, true},
		{"one of the logins", producer.Selection{LoginIDs: []string{"bob", "ann"}}, true},
		{"none of them", producer.Selection{LoginIDs: []string{"bob"}}, false},
		{"the cycle", producer.Selection{Cycle: "2026-11-22"}, true},
		{"another cycle, though it begins alike", producer.Selection{Cycle: "2026-11-22-r1"}, false},
		{"the type", producer.Selection{Type: event.Failed}, true},
		{"another type", producer.Selection{Type: event.Refreshed}, false},
		{"the reason", producer.Selection{Reason: event.BankUnavailable}, true},
		{"another reason", producer.Selection{Reason: event.Busy}, false},
		{"the code, however Flinks spelt it", producer.Selection{Code: "BANK_MAINTENANCE_RETRY_LATER"}, true},
		{"another code", producer.Selection{Code: "RETRY_LATER"}, false},
		{"the institution, in capitals or not", producer.Selection{Institution: "some BANK"}, true},
		{"a part of its name is another", producer.Selection{Institution: "Some"}, false},
		{"told at the first moment", producer.Selection{Since: dawn}, true},
		{"told before it", producer.Selection{Since: dawn.Add(1)}, false},
		{"told before the last moment", producer.Selection{Until: dawn.Add(1)}, true},
		{"told at it", producer.Selection{Until: dawn}, false},
		{"all that together", producer.Selection{
			LoginIDs: []string{"ann"}, Cycle: "2026-11-22", Type: event.Failed, Reason: event.BankUnavailable,
			Code: "BANK_MAINTENANCE_RETRY_LATER", Institution: "Some Bank", Since: dawn, Until: dawn.Add(1),
		}, true},
	} {
		t.Run(r.rule, func(t *testing.T) {
			if got := r.s.Match(one); got != r.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// tellAll tells outcomes, one after the other.
func tellAll(t *testing.T, js jetstream.JetStream, lines ...string) {
	t.Helper()
	for _, line := range lines {
		tell(t, js, outcome(line))
	}
}

// ids are those of the outcomes that a selection reads.
func ids(t testing.TB, told iter.Seq2[producer.Told, error]) (all []string) {
	t.Helper()
	for o, err := range told {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o.ID())
	}
	return all
}

func TestSelectionRead(t *testing.T) {
	js := newNight(t)
	all := []string{"ann:2026-11-21", "bob:2026-11-21", "ann:2026-11-22", "cid:2026-11-22"}
	t.Run("an empty stream has none", func(t *testing.T) {
		if got := ids(t, producer.Selection{}.Read(t.Context(), js, false)); got != nil {
			t.Errorf("got %v", got)
		}
	})
	tellAll(t, js, "ann 21 cached_fresh", "bob 21 busy")
	var second time.Time
	for o := range (producer.Selection{}).Read(t.Context(), js, false) {
		second = o.At
	}
	if _, err := js.Publish(t.Context(), event.OutcomeSubject("eve", event.Failed), []byte("no outcome")); err != nil {
		t.Fatal(err)
	}
	tellAll(t, js, "ann 22 credentials_refused", "cid 22 busy")

	crowd := append(logins(40_000), "cid", "bob")
	for _, r := range []struct {
		rule string
		s    producer.Selection
		want []string
	}{
		{"all, in their order, but for what is none", producer.Selection{}, all},
		{"of a type", producer.Selection{Type: event.Failed}, []string{all[1], all[3]}},
		{"of logins", producer.Selection{LoginIDs: []string{"cid", "bob"}}, []string{all[1], all[3]}},
		{"of a login that is named twice", producer.Selection{LoginIDs: []string{"bob", "bob"}}, all[1:2]},
		{"of more logins than fit into one request", producer.Selection{LoginIDs: crowd}, []string{all[1], all[3]}},
		{"of a login and a type", producer.Selection{LoginIDs: []string{"ann"}, Type: event.Refreshed}, all[:1]},
		{"since a moment", producer.Selection{Since: second}, all[1:]},
		{"until a moment", producer.Selection{Until: second}, all[:1]},
		{"since a moment to come", producer.Selection{Since: time.Now().Add(time.Hour)}, nil},
		{"of which there are none", producer.Selection{LoginIDs: []string{"dan"}}, nil},
	} {
		t.Run(r.rule, func(t *testing.T) {
			if diff := cmp.Diff(r.want, ids(t, r.s.Read(t.Context(), js, false))); diff != "" {
				t.Error(diff)
			}
		})
	}

	t.Run("following goes on with what is told later, until the reader has enough", func(t *testing.T) {
		var got []string
		for o, err := range (producer.Selection{LoginIDs: []string{"ann"}}).Read(t.Context(), js, true) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, o.Cycle); len(got) == 2 {
				tellAll(t, js, "bob 23 busy", "ann 23 busy")
			}
			if len(got) == 3 {
				break
			}
		}
		if diff := cmp.Diff([]string{"2026-11-21", "2026-11-22", "2026-11-23"}, got); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("the end of ctx is an error", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for _, err := range (producer.Selection{}).Read(ctx, js, true) {
			last = err
			cancel()
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("got %v", last)
		}
	})

	t.Run("a stream that is missing is named", func(t *testing.T) {
		for _, err := range (producer.Selection{}).Read(t.Context(), newJetStream(t), false) {
			want := fmt.Sprintf("producer: read outcomes: stream %s: %v", event.StreamOutcomes, jetstream.ErrStreamNotFound)
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	})
}
