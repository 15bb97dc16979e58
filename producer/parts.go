package producer

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// ackWait is how long a message stays with a worker that gives no sign of
// life. It equals the lease on the login.
const ackWait = 30 * time.Second

// streams are the streams as Nightshift needs them. The duplicate window of
// the outcomes is far longer than a job can live.
func (s Setup) streams() []jetstream.StreamConfig {
	replicas := max(s.Replicas, 1)
	return []jetstream.StreamConfig{{
		Name:              event.StreamJobs,
		Description:       "Nightshift: refresh jobs still to do",
		Subjects:          []string{event.SubjectsJobs},
		Retention:         jetstream.WorkQueuePolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: -1,
		AllowMsgSchedules: true,
		AllowDirect:       true,
		Duplicates:        10 * time.Minute,
		Replicas:          replicas,
	}, {
		Name:              event.StreamOutcomes,
		Description:       "Nightshift: how every refresh ended",
		Subjects:          []string{event.SubjectsOutcomes},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: -1,
		MaxAge:            35 * 24 * time.Hour,
		AllowDirect:       true,
		Compression:       jetstream.S2Compression,
		Duplicates:        48 * time.Hour,
		Replicas:          replicas,
	}, {
		Name:              event.StreamLive,
		Description:       "Nightshift: live calls, should Redis forget them",
		Subjects:          []string{event.SubjectsLive},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: 1,
		MaxAge:            72 * time.Hour,
		AllowDirect:       true,
		Duplicates:        2 * time.Minute,
		Replicas:          replicas,
	}, {
		Name:              event.StreamPushes,
		Description:       "Nightshift: what Flinks has pushed, without the data",
		Subjects:          []string{event.SubjectsPushes},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: -1,
		MaxAge:            48 * time.Hour,
		AllowDirect:       true,
		Duplicates:        24 * time.Hour, // Flinks sends a push for five hours.
		Replicas:          replicas,
	}, {
		Name:              event.StreamDead,
		Description:       "Nightshift: messages that are no valid job",
		Subjects:          []string{event.SubjectsDead},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: -1,
		MaxAge:            30 * 24 * time.Hour,
		AllowDirect:       true,
		Duplicates:        2 * time.Minute,
		Replicas:          replicas,
	}, {
		Name:              event.StreamAccounts,
		Description:       "Nightshift: the accounts of each login's last refresh",
		Subjects:          []string{event.SubjectsAccounts},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: 1,
		MaxAge:            s.accountsTTL(),
		AllowDirect:       true,
		Duplicates:        2 * time.Minute,
		Replicas:          replicas,
	}}
}

// consumerOf is a lane's durable consumer. MaxDeliver is unlimited: attempts
// are counted in the job, and a message that ran out of deliveries would lie
// in the stream for ever. MaxAckPending is unlimited: workers pull no more
// than they have slots for.
func consumerOf(lane event.Lane) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       lane.Durable(),
		Description:   "Nightshift: workers of the " + string(lane) + " lane",
		FilterSubject: lane.Filter(),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxDeliver:    -1,
		MaxAckPending: -1,
		MaxWaiting:    4096,
	}
}

// pushesConsumer is that of the notices. A notice comes back soon when the
// process that had it was killed: its job waits for it.
func pushesConsumer() jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       event.DurablePushes,
		Description:   "Nightshift: what wakes the jobs that wait for a push",
		FilterSubject: event.SubjectsPushes,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       pushAckWait,
		MaxDeliver:    -1,
		MaxAckPending: -1,
		MaxWaiting:    512,
	}
}

// accountsTTL is how long accounts are kept where nothing else is asked for.
func (s Setup) accountsTTL() time.Duration {
	if s.AccountsTTL == 0 {
		return 72 * time.Hour
	}
	return s.AccountsTTL
}

// accountsConfig is the object store for accounts that no message can hold.
func (s Setup) accountsConfig() jetstream.ObjectStoreConfig {
	return jetstream.ObjectStoreConfig{
		Bucket:      event.BucketAccounts,
		Description: "Nightshift: the accounts of each login's last refresh, where they are large",
		TTL:         s.accountsTTL(),
		Replicas:    max(s.Replicas, 1),
		Compression: true,
	}
}

// parts lists what is set up, each after what it needs.
func (s Setup) parts(js jetstream.JetStream) []Part {
	var all []Part
	for _, want := range s.streams() {
		all = append(all, Part{
			Name:   "stream " + want.Name,
			look:   func(ctx context.Context) error { return s.lookAtStream(ctx, js, want) },
			create: func(ctx context.Context) error { _, err := js.CreateStream(ctx, want); return err },
		})
	}
	consumer := func(stream string, want jetstream.ConsumerConfig) {
		all = append(all, Part{
			Name:   "consumer " + want.Durable,
			look:   func(ctx context.Context) error { return lookAtConsumer(ctx, js, stream, want) },
			create: func(ctx context.Context) error { _, err := js.CreateConsumer(ctx, stream, want); return err },
		})
	}
	for _, lane := range event.Lanes {
		consumer(event.StreamJobs, consumerOf(lane))
	}
	consumer(event.StreamPushes, pushesConsumer())
	return append(all, Part{
		Name:   "object store " + event.BucketAccounts,
		look:   func(ctx context.Context) error { return s.lookAtAccounts(ctx, js) },
		create: func(ctx context.Context) error { _, err := js.CreateObjectStore(ctx, s.accountsConfig()); return err },
	})
}
