package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// hopeless marks an error that waiting does not mend, such as a wrong
// password.
func hopeless(err error) error { return backoff.Permanent(err) }

// awaiting repeats op until it goes well: what is needed may come up later than
// we do. It says once what it waits for, and that the wait is over.
func awaiting(ctx context.Context, log *slog.Logger, what string, op func(context.Context) error) error {
	begin, waited := time.Now(), false
	bo := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(250*time.Millisecond),
		backoff.WithMaxInterval(5*time.Second),
		backoff.WithMaxElapsedTime(0),
	)
	err := backoff.RetryNotify(func() error {
		one, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		return op(one)
	}, backoff.WithContext(bo, ctx), func(err error, _ time.Duration) {
		if !waited {
			waited = true
			log.Warn(what+" is unreachable; trying again until it answers", "err", err) //nolint:sloglint // what it waits for is the message
		}
	})
	if p, ok := errors.AsType[*backoff.PermanentError](err); ok {
		err = p.Err
	}
	if err == nil && waited {
		log.Info(what+" has recovered", "after", time.Since(begin).Round(time.Millisecond)) //nolint:sloglint // as above
	}
	return err
}
