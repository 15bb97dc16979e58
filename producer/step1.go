package producer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"nightshift/flinks"
)

// askPatience is how long the first step of the routine may take. The night
// does not depend on it.
const askPatience = 2 * time.Minute

// askFlinks asks, once in a night, which logins Flinks will not refresh, and
// keeps the answer. Where Flinks does not answer, or has no such list any more,
// the night goes on without: whom it would have listed, the calls will show.
func (r Routine) askFlinks(ctx context.Context, cycle string) error {
	bo := backoff.NewExponentialBackOff(backoff.WithMaxInterval(20*time.Second), backoff.WithMaxElapsedTime(askPatience))
	status, err := backoff.RetryWithData(func() (*flinks.NightlyRefreshStatus, error) {
		status, err := r.Flinks.GetNightlyRefreshStatus(ctx)
		switch flinks.KindOf(err) {
		case flinks.KindNone, flinks.KindTransport, flinks.KindThrottled, flinks.KindRetryable:
			return status, err
		}
		return nil, backoff.Permanent(err)
	}, backoff.WithContext(bo, ctx))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	cards := map[string]string{}
	if err != nil {
		r.Log.Warn("Flinks does not say which logins it will not refresh (continuing)", "cycle", cycle, "err", err)
	} else {
		for _, c := range status.IneligibleCards {
			data, err := json.Marshal(c)
			if err != nil {
				return fmt.Errorf("producer: keep ineligible login %s: %w", c.LoginID, err)
			}
			cards[c.LoginID] = string(data)
		}
	}
	return r.State.List(ctx, cycle, r.Name, cards)
}
