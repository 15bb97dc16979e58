package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Setup says what is left open in the streams' settings.
type Setup struct {
	// Replicas of every stream: 1, or 3 on a cluster. 0: 1 for what is
	// created, and whatever is there stays.
	Replicas int
	// AccountsTTL is how long the accounts of a refresh are kept. 0: 72 hours.
	AccountsTTL time.Duration
}

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

// Run creates the streams, the lanes' consumers and the object store, or
// checks the ones that are there. It can be run by any number of processes at
// once. A part that exists with other settings is left as it is, and named
// with the setting in the error.
func (s Setup) Run(ctx context.Context, js jetstream.JetStream) (jetstream.ObjectStore, error) {
	for _, want := range s.streams() {
		if err := patiently(ctx, func(ctx context.Context) error { return s.stream(ctx, js, want) }); err != nil {
			return nil, err
		}
	}
	for _, lane := range event.Lanes {
		if err := patiently(ctx, func(ctx context.Context) error { return consumer(ctx, js, consumerOf(lane)) }); err != nil {
			return nil, err
		}
	}
	var accounts jetstream.ObjectStore
	err := patiently(ctx, func(ctx context.Context) (err error) {
		accounts, err = s.accounts(ctx, js)
		return err
	})
	if err != nil {
		return nil, err
	}
	return accounts, nil
}

func (s Setup) stream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	have, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		have, err = js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
			have, err = js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return fmt.Errorf("producer: stream %s: %w", want.Name, err)
	}
	got := have.CachedInfo().Config
	if s.Replicas == 0 {
		want.Replicas = got.Replicas
	}
	return differs("stream "+want.Name, []setting{
		is("sealed", got.Sealed, false), // Sealing changes others, too.
		{"subjects", slices.Equal(got.Subjects, want.Subjects), got.Subjects, want.Subjects},
		is("retention", got.Retention, want.Retention),
		is("storage", got.Storage, want.Storage),
		is("discard", got.Discard, want.Discard),
		is("max_age", got.MaxAge, want.MaxAge),
		is("max_msgs", max(got.MaxMsgs, -1), -1),
		is("max_bytes", max(got.MaxBytes, -1), -1),
		is("max_msgs_per_subject", got.MaxMsgsPerSubject, want.MaxMsgsPerSubject),
		is("duplicate_window", got.Duplicates, want.Duplicates),
		is("allow_msg_schedules", got.AllowMsgSchedules, want.AllowMsgSchedules),
		is("allow_direct", got.AllowDirect, want.AllowDirect),
		is("compression", got.Compression, want.Compression),
		is("num_replicas", got.Replicas, want.Replicas),
		// What must be left at its default: each of these would lose, hide or
		// refuse messages.
		is("max_msg_size", max(got.MaxMsgSize, -1), -1),
		is("no_ack", got.NoAck, false),
		is("subject_transform", got.SubjectTransform != nil, false),
		is("persist_mode", got.PersistMode, jetstream.DefaultPersistMode),
	})
}

func consumer(ctx context.Context, js jetstream.JetStream, want jetstream.ConsumerConfig) error {
	have, err := js.Consumer(ctx, event.StreamJobs, want.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		have, err = js.CreateConsumer(ctx, event.StreamJobs, want)
		if errors.Is(err, jetstream.ErrConsumerExists) {
			have, err = js.Consumer(ctx, event.StreamJobs, want.Durable)
		}
	}
	if err != nil {
		return fmt.Errorf("producer: consumer %s: %w", want.Durable, err)
	}
	got := have.CachedInfo().Config
	return differs("consumer "+want.Durable, []setting{
		is("filter_subject", got.FilterSubject, want.FilterSubject),
		is("ack_policy", got.AckPolicy, want.AckPolicy),
		is("ack_wait", got.AckWait, want.AckWait),
		is("max_deliver", got.MaxDeliver, want.MaxDeliver),
		is("max_ack_pending", got.MaxAckPending, want.MaxAckPending),
		{"max_waiting", got.MaxWaiting >= want.MaxWaiting, got.MaxWaiting, want.MaxWaiting},
		// What must be left at its default: each of these would bring jobs late,
		// without their data, or not at all.
		is("replay_policy", got.ReplayPolicy, want.ReplayPolicy),
		is("headers_only", got.HeadersOnly, false),
		is("inactive_threshold", got.InactiveThreshold, 0),
		{"backoff", len(got.BackOff) == 0, got.BackOff, want.BackOff},
		{"priority_groups", len(got.PriorityGroups) == 0, got.PriorityGroups, want.PriorityGroups},
	})
}

func (s Setup) accounts(ctx context.Context, js jetstream.JetStream) (jetstream.ObjectStore, error) {
	ttl := s.AccountsTTL
	if ttl == 0 {
		ttl = 72 * time.Hour
	}
	have, err := js.ObjectStore(ctx, event.BucketAccounts)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		have, err = js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket:      event.BucketAccounts,
			Description: "Nightshift: the accounts of each login's last refresh",
			TTL:         ttl,
			Replicas:    max(s.Replicas, 1),
			Compression: true,
		})
		if errors.Is(err, jetstream.ErrBucketExists) {
			have, err = js.ObjectStore(ctx, event.BucketAccounts)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("producer: object store %s: %w", event.BucketAccounts, err)
	}
	status, err := have.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("producer: object store %s: %w", event.BucketAccounts, err)
	}
	if s.AccountsTTL == 0 {
		ttl = status.TTL()
	}
	replicas := s.Replicas
	if replicas == 0 {
		replicas = status.Replicas()
	}
	return have, differs("object store "+event.BucketAccounts, []setting{
		is("ttl", status.TTL(), ttl),
		is("storage", status.Storage(), jetstream.FileStorage),
		is("num_replicas", status.Replicas(), replicas),
		is("sealed", status.Sealed(), false),
	})
}

// setting is one field of something that exists.
type setting struct {
	name      string
	ok        bool
	got, want any
}

func is[T comparable](name string, got, want T) setting { return setting{name, got == want, got, want} }

// ErrDiffers says that a stream, consumer or bucket exists with settings under
// which Nightshift cannot keep its promises.
var ErrDiffers = errors.New("exists with other settings")

// differs names the first field that is not as it must be.
func differs(what string, fields []setting) error {
	for _, f := range fields {
		if !f.ok {
			return fmt.Errorf("producer: %s %w: %s is %v, Nightshift needs %v; change it there, or give the part another name or account",
				what, ErrDiffers, f.name, f.got, f.want)
		}
	}
	return nil
}
