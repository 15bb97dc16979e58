package producer_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

// found is what Check says of each part, by its name.
func found(t *testing.T, s producer.Setup, js jetstream.JetStream) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, p := range s.Check(t.Context(), js) {
		differs, ok := errors.AsType[*producer.DiffersError](p.Err)
		switch {
		case p.Err == nil:
			all[p.Name] = "fine"
		case p.Missing():
			all[p.Name] = "missing"
		case ok && errors.Is(p.Err, producer.ErrDiffers) && differs.Part == p.Name:
			all[p.Name] = differs.Setting
		default:
			all[p.Name] = p.Err.Error()
		}
	}
	return all
}

// everyPart is all parts with the same finding, but for some.
func everyPart(finding string, but map[string]string) map[string]string {
	all := map[string]string{
		"stream REFRESH_JOBS": finding, "stream REFRESH_OUTCOMES": finding, "stream REFRESH_LIVE": finding,
		"stream REFRESH_PUSHES": finding, "stream REFRESH_DEAD": finding, "stream REFRESH_ACCOUNTS": finding,
		"consumer nightly": finding, "consumer ondemand": finding, "consumer pushes": finding, "object store refresh-accounts": finding,
	}
	maps.Copy(all, but)
	return all
}

func TestCheck(t *testing.T) {
	t.Parallel()
	t.Run("on a new server everything is missing, and stays so", func(t *testing.T) {
		js := newJetStream(t)
		for range 2 {
			if diff := cmp.Diff(everyPart("missing", nil), found(t, producer.Setup{}, js)); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("after a setup everything is fine", func(t *testing.T) {
		if diff := cmp.Diff(everyPart("fine", nil), found(t, producer.Setup{Replicas: 1}, newNight(t))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("one part does not hide another", func(t *testing.T) {
		js := newNight(t)
		dead, err := js.Stream(t.Context(), event.StreamDead)
		if err != nil {
			t.Fatal(err)
		}
		cfg := dead.CachedInfo().Config
		cfg.MaxAge = time.Hour
		if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		if err := js.DeleteConsumer(t.Context(), event.StreamJobs, event.Nightly.Durable()); err != nil {
			t.Fatal(err)
		}
		want := everyPart("fine", map[string]string{
			"stream REFRESH_DEAD": "max_age", "stream REFRESH_ACCOUNTS": "max_age",
			"consumer nightly": "missing", "object store refresh-accounts": "ttl",
		})
		if diff := cmp.Diff(want, found(t, producer.Setup{AccountsTTL: time.Hour}, js)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a missing part can be made alone, and another's is welcome", func(t *testing.T) {
		js := newNight(t)
		want := settingsOf(t, js)
		if err := js.DeleteConsumer(t.Context(), event.StreamJobs, event.Nightly.Durable()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, p := range (producer.Setup{}).Check(t.Context(), js) {
				if err := p.Create(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		if diff := cmp.Diff(want, settingsOf(t, js)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("without JetStream nothing is said to be missing", func(t *testing.T) {
		for name, finding := range found(t, producer.Setup{}, plain(t)) {
			if finding == "missing" || finding == "fine" {
				t.Errorf("%s is %s", name, finding)
			}
		}
	})
}
