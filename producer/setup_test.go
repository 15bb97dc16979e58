package producer_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"nightshift/producer"
	"nightshift/producer/event"
)

// settings are what the server made of the settings, without what it adds of
// its own version.
type settings struct {
	Streams   []jetstream.StreamConfig   `json:"streams"`
	Consumers []jetstream.ConsumerConfig `json:"consumers"`
}

func settingsOf(t *testing.T, js jetstream.JetStream) settings {
	t.Helper()
	var all settings
	for _, name := range append(slices.Clone(event.Streams), "OBJ_"+event.BucketAccounts) {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.CachedInfo().Config
		cfg.Metadata = nil
		all.Streams = append(all.Streams, cfg)
	}
	for _, name := range [][2]string{
		{event.StreamJobs, event.Nightly.Durable()}, {event.StreamJobs, event.OnDemand.Durable()}, {event.StreamPushes, event.DurablePushes},
	} {
		c, err := js.Consumer(t.Context(), name[0], name[1])
		if err != nil {
			t.Fatal(err)
		}
		cfg := c.CachedInfo().Config
		cfg.Metadata = nil
		all.Consumers = append(all.Consumers, cfg)
	}
	return all
}

func TestSetupCreatesEverything(t *testing.T) {
	js := newJetStream(t)
	store, err := producer.Setup{}.Run(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "settings.json", settingsOf(t, js))
	// It is not written to here: the client's Put now and then leaves a
	// goroutine behind. Workers write in their own way, tested with them.
	if status, err := store.Status(t.Context()); err != nil || status.Bucket() != event.BucketAccounts || status.TTL() != 72*time.Hour {
		t.Errorf("the object store is not as it should be: %+v, %v", status, err)
	}
	publishOne(t, js, tonight, "a")

	t.Run("again, it changes nothing", func(t *testing.T) {
		before := settingsOf(t, js)
		if _, err := (producer.Setup{Replicas: 1, AccountsTTL: 72 * time.Hour}).Run(t.Context(), js); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, settingsOf(t, js)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]uint64{"refresh.job.a.nightly.ready": 1}, subjects(t, js)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSetupRunByManyAtOnce(t *testing.T) {
	js := newJetStream(t)
	var all errgroup.Group
	for range 8 {
		all.Go(func() error {
			_, err := producer.Setup{}.Run(t.Context(), js)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	golden(t, "settings.json", settingsOf(t, js))
}

func TestSetupCreatesWhatIsMissing(t *testing.T) {
	js := newNight(t)
	want := settingsOf(t, js)
	if err := js.DeleteConsumer(t.Context(), event.StreamJobs, event.OnDemand.Durable()); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), event.StreamDead); err != nil {
		t.Fatal(err)
	}
	setUp(t, js)
	if diff := cmp.Diff(want, settingsOf(t, js)); diff != "" {
		t.Error(diff)
	}
}

func TestSetupNamesTheStreamAndTheSettingThatDiffers(t *testing.T) {
	js := newNight(t)
	type config = jetstream.StreamConfig
	for _, test := range []struct {
		stream, field string
		change        func(*config)
	}{
		{event.StreamJobs, "subjects", func(c *config) { c.Subjects = []string{"refresh.job.>"} }},
		{event.StreamJobs, "retention", func(c *config) { c.Retention = jetstream.LimitsPolicy }},
		{event.StreamJobs, "storage", func(c *config) { c.Storage = jetstream.MemoryStorage }},
		{event.StreamJobs, "discard", func(c *config) { c.Discard, c.AllowMsgSchedules = jetstream.DiscardNew, false }},
		{event.StreamJobs, "max_age", func(c *config) { c.MaxAge = time.Hour }},
		{event.StreamJobs, "max_msgs", func(c *config) { c.MaxMsgs = 1000 }},
		{event.StreamJobs, "max_bytes", func(c *config) { c.MaxBytes = 1 << 20 }},
		{event.StreamJobs, "max_msgs_per_subject", func(c *config) { c.MaxMsgsPerSubject = 1 }},
		{event.StreamJobs, "duplicate_window", func(c *config) { c.Duplicates = time.Minute }},
		{event.StreamJobs, "allow_msg_schedules", func(c *config) { c.AllowMsgSchedules = false }},
		{event.StreamJobs, "allow_direct", func(c *config) { c.AllowDirect = false }},
		{event.StreamJobs, "compression", func(c *config) { c.Compression = jetstream.S2Compression }},
		{event.StreamJobs, "max_msg_size", func(c *config) { c.MaxMsgSize = 100 }},
		{event.StreamJobs, "no_ack", func(c *config) { c.NoAck = true }},
		{event.StreamJobs, "subject_transform", func(c *config) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: "refresh.job.>", Destination: "elsewhere.>"}
		}},
		{event.StreamJobs, "persist_mode", func(c *config) { c.PersistMode = jetstream.AsyncPersistMode }},
		{event.StreamOutcomes, "max_age", func(c *config) { c.MaxAge = 72 * time.Hour }},
		{event.StreamOutcomes, "duplicate_window", func(c *config) { c.Duplicates = 2 * time.Minute }},
		{event.StreamDead, "subjects", func(c *config) { c.Subjects = []string{"refresh.dead.malformed"} }},
	} {
		t.Run(test.stream+" "+test.field, func(t *testing.T) {
			s, err := js.Stream(t.Context(), test.stream)
			if err != nil {
				t.Fatal(err)
			}
			cfg := s.CachedInfo().Config
			test.change(&cfg)
			remake(t, js, cfg)
			wantDiffers(t, producer.Setup{}, js, "stream "+test.stream, test.field)
			if err := js.DeleteStream(t.Context(), test.stream); err != nil {
				t.Fatal(err)
			}
			setUp(t, js)
		})
	}
	t.Run("sealed", func(t *testing.T) {
		s, err := js.Stream(t.Context(), event.StreamDead)
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.CachedInfo().Config
		cfg.Sealed = true
		if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		wantDiffers(t, producer.Setup{}, js, "stream "+event.StreamDead, "sealed")
	})
}

func TestSetupNamesTheConsumerAndTheSettingThatDiffers(t *testing.T) {
	js := newNight(t)
	type config = jetstream.ConsumerConfig
	for _, test := range []struct {
		field  string
		change func(*config)
	}{
		{"filter_subject", func(c *config) { c.FilterSubject = "refresh.job.*.nightly.*" }},
		{"ack_wait", func(c *config) { c.AckWait = time.Minute }},
		{"max_deliver", func(c *config) { c.MaxDeliver = 5 }},
		{"max_ack_pending", func(c *config) { c.MaxAckPending = 1000 }},
		{"max_waiting", func(c *config) { c.MaxWaiting = 512 }},
		{"replay_policy", func(c *config) { c.ReplayPolicy = jetstream.ReplayOriginalPolicy }},
		{"headers_only", func(c *config) { c.HeadersOnly = true }},
		{"inactive_threshold", func(c *config) { c.InactiveThreshold = time.Hour }},
		{"backoff", func(c *config) { c.BackOff = []time.Duration{30 * time.Second, time.Minute} }},
		{"priority_groups", func(c *config) {
			c.PriorityGroups, c.PriorityPolicy = []string{"one"}, jetstream.PriorityPolicyOverflow
		}},
	} {
		t.Run(test.field, func(t *testing.T) {
			c, err := js.Consumer(t.Context(), event.StreamJobs, event.Nightly.Durable())
			if err != nil {
				t.Fatal(err)
			}
			cfg := c.CachedInfo().Config
			test.change(&cfg)
			remove := func() {
				if err := js.DeleteConsumer(t.Context(), event.StreamJobs, cfg.Durable); err != nil {
					t.Fatal(err)
				}
			}
			remove()
			if _, err := js.CreateConsumer(t.Context(), event.StreamJobs, cfg); err != nil {
				t.Fatal(err)
			}
			wantDiffers(t, producer.Setup{}, js, "consumer nightly", test.field)
			remove()
			setUp(t, js)
		})
	}
	t.Run("more pull requests than needed are welcome", func(t *testing.T) {
		c, err := js.Consumer(t.Context(), event.StreamJobs, event.OnDemand.Durable())
		if err != nil {
			t.Fatal(err)
		}
		cfg := c.CachedInfo().Config
		cfg.MaxWaiting = 8192
		if err := js.DeleteConsumer(t.Context(), event.StreamJobs, cfg.Durable); err != nil {
			t.Fatal(err)
		}
		if _, err := js.CreateConsumer(t.Context(), event.StreamJobs, cfg); err != nil {
			t.Fatal(err)
		}
		setUp(t, js)
	})
}

func TestSetupNamesTheSettingOfTheObjectStoreThatDiffers(t *testing.T) {
	js := newNight(t)
	bucket := "object store " + event.BucketAccounts
	t.Run("ttl", func(t *testing.T) {
		stream, err := js.Stream(t.Context(), event.StreamAccounts)
		if err != nil {
			t.Fatal(err)
		}
		cfg := stream.CachedInfo().Config
		wantDiffers(t, producer.Setup{AccountsTTL: time.Hour}, js, "stream "+event.StreamAccounts, "max_age")
		cfg.MaxAge = time.Hour
		if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		wantDiffers(t, producer.Setup{AccountsTTL: time.Hour}, js, bucket, "ttl")
	})
	t.Run("storage", func(t *testing.T) {
		s, err := js.Stream(t.Context(), "OBJ_"+event.BucketAccounts)
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.CachedInfo().Config
		cfg.Storage = jetstream.MemoryStorage
		remake(t, js, cfg)
		wantDiffers(t, producer.Setup{}, js, bucket, "storage")
	})
	t.Run("a ttl that nobody asked about stays", func(t *testing.T) {
		if err := errors.Join(js.DeleteObjectStore(t.Context(), event.BucketAccounts), js.DeleteStream(t.Context(), event.StreamAccounts)); err != nil {
			t.Fatal(err)
		}
		if _, err := (producer.Setup{AccountsTTL: time.Hour}).Run(t.Context(), js); err != nil {
			t.Fatal(err)
		}
		setUp(t, js)
	})
	t.Run("sealed", func(t *testing.T) {
		store, err := js.ObjectStore(t.Context(), event.BucketAccounts)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantDiffers(t, producer.Setup{}, js, bucket, "sealed")
	})
}

func TestSetupAsksForTheReplicasItIsTold(t *testing.T) {
	wantDiffers(t, producer.Setup{Replicas: 3}, newNight(t), "stream "+event.StreamJobs, "num_replicas")
}

func TestSetupWithoutJetStreamSaysSo(t *testing.T) {
	_, err := producer.Setup{}.Run(t.Context(), plain(t))
	if err == nil || !strings.Contains(err.Error(), event.StreamJobs) || errors.Is(err, producer.ErrDiffers) {
		t.Errorf("got %v", err)
	}
}

// remake replaces a stream by one with other settings.
func remake(t *testing.T, js jetstream.JetStream, cfg jetstream.StreamConfig) {
	t.Helper()
	if err := js.DeleteStream(t.Context(), cfg.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

func wantDiffers(t *testing.T, s producer.Setup, js jetstream.JetStream, part, field string) {
	t.Helper()
	store, err := s.Run(t.Context(), js)
	want := "producer: " + part + " exists with other settings: " + field + " is "
	if !errors.Is(err, producer.ErrDiffers) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v\nwant %s…", err, want)
	}
	if store != nil {
		t.Error("a store is returned")
	}
}
