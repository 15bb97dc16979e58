package producer

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go/jetstream"
)

// oneTry is how long a part of the set-up may take to answer.
const oneTry = 2 * time.Second

// patiently does it again while nobody answers, or what was just found or made
// is not there: in a cluster, a part that another process creates at this
// moment has no leader yet, and not every server knows of it.
func patiently(ctx context.Context, do func(context.Context) error) (err error) {
	bo := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMaxInterval(time.Second),
		backoff.WithMaxElapsedTime(30*time.Second),
	)
	_ = backoff.Retry(func() error {
		ctx, cancel := context.WithTimeout(ctx, oneTry)
		defer cancel()
		if err = do(ctx); unsettled(err) {
			return err
		}
		return backoff.Permanent(err)
	}, backoff.WithContext(bo, ctx))
	return err
}

// unsettled reports whether the same may succeed a moment later.
func unsettled(err error) bool {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == errCodeUnavailable {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || missing(err)
}
