package producer

import (
	"context"
	"errors"
	"fmt"
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

// Run creates the streams, their consumers and the object store, or
// checks the ones that are there. It can be run by any number of processes at
// once. A part that exists with other settings is left as it is, and named
// with the setting in the error.
func (s Setup) Run(ctx context.Context, js jetstream.JetStream) (jetstream.ObjectStore, error) {
	for _, p := range s.parts(js) {
		if err := p.ensure(ctx); err != nil {
			return nil, err
		}
	}
	var accounts jetstream.ObjectStore
	err := patiently(ctx, func(ctx context.Context) (err error) {
		accounts, err = js.ObjectStore(ctx, event.BucketAccounts)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("producer: object store %s: %w", event.BucketAccounts, err)
	}
	return accounts, nil
}

// Check looks at the same parts, in the order in which Run would create them,
// and changes nothing. Each is waited for 2 seconds.
func (s Setup) Check(ctx context.Context, js jetstream.JetStream) []Part {
	all := s.parts(js)
	for i := range all {
		one, cancel := context.WithTimeout(ctx, oneTry)
		all[i].Err = all[i].look(one)
		cancel()
	}
	return all
}

// Names lists the parts, in the same order.
func (s Setup) Names() []string {
	var names []string
	for _, p := range s.parts(nil) {
		names = append(names, p.Name)
	}
	return names
}

// Part is a stream, a consumer or the object store, as [Setup.Check] found it.
type Part struct {
	Name string // such as "stream REFRESH_JOBS"
	// Err is nil for a part that is as it must be; a [DiffersError]; or why
	// the part could not be looked at ([Part.Missing] asks for one reason).
	Err error

	look   func(context.Context) error
	create func(context.Context) error
}

// Missing reports that the part is not there.
func (p Part) Missing() bool { return missing(p.Err) }

// Create makes a part that is missing. One that another process has made
// meanwhile is checked, and is no error if it is as it must be.
func (p Part) Create(ctx context.Context) error { return p.ensure(ctx) }

// ensure creates the part if it is missing, and checks it.
func (p Part) ensure(ctx context.Context) error {
	return patiently(ctx, func(ctx context.Context) error {
		err := p.look(ctx)
		if !missing(err) {
			return err
		}
		if err := p.create(ctx); err != nil && !existsAlready(err) {
			return fmt.Errorf("producer: %s: %w", p.Name, err)
		}
		return p.look(ctx)
	})
}

// missing reports whether a part was looked for and is not there.
func missing(err error) bool {
	return errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) ||
		errors.Is(err, jetstream.ErrBucketNotFound)
}

// existsAlready reports whether another process was faster.
func existsAlready(err error) bool {
	return errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) || errors.Is(err, jetstream.ErrConsumerExists) ||
		errors.Is(err, jetstream.ErrBucketExists)
}
