package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

func (s Setup) lookAtStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	have, err := js.Stream(ctx, want.Name)
	if err != nil {
		return fmt.Errorf("producer: stream %s: %w", want.Name, err)
	}
	got := have.CachedInfo().Config
	if s.Replicas == 0 {
		want.Replicas = got.Replicas
	}
	if s.AccountsTTL == 0 && want.Name == event.StreamAccounts {
		want.MaxAge = got.MaxAge
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

func lookAtConsumer(ctx context.Context, js jetstream.JetStream, stream string, want jetstream.ConsumerConfig) error {
	have, err := js.Consumer(ctx, stream, want.Durable)
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

func (s Setup) lookAtAccounts(ctx context.Context, js jetstream.JetStream) error {
	have, err := js.ObjectStore(ctx, event.BucketAccounts)
	if err != nil {
		return fmt.Errorf("producer: object store %s: %w", event.BucketAccounts, err)
	}
	status, err := have.Status(ctx)
	if err != nil {
		return fmt.Errorf("producer: object store %s: %w", event.BucketAccounts, err)
	}
	ttl, replicas := s.AccountsTTL, s.Replicas
	if ttl == 0 {
		ttl = status.TTL()
	}
	if replicas == 0 {
		replicas = status.Replicas()
	}
	return differs("object store "+event.BucketAccounts, []setting{
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

// DiffersError names the setting. It matches [ErrDiffers].
type DiffersError struct {
	Part      string // such as "stream REFRESH_JOBS"
	Setting   string // by its name in JetStream's API, such as "max_age"
	Got, Want any
}

func (e *DiffersError) Error() string {
	return fmt.Sprintf("producer: %s %v: %s is %v, Nightshift needs %v; change it there, or give the part another name or account",
		e.Part, ErrDiffers, e.Setting, e.Got, e.Want)
}

// Is makes the error match [ErrDiffers].
func (e *DiffersError) Is(target error) bool { return target == ErrDiffers }

// differs names the first field that is not as it must be.
func differs(what string, fields []setting) error {
	for _, f := range fields {
		if !f.ok {
			return &DiffersError{Part: what, Setting: f.name, Got: f.got, Want: f.want}
		}
	}
	return nil
}
