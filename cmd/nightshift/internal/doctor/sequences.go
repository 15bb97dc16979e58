package doctor

import (
	"context"
	"fmt"
	"time"

	"nightshift/producer/event"
	"nightshift/state"
)

// sequences looks whether the stream of the jobs was made anew under a Redis
// that remembers the old one. A claim is fenced by the message's sequence: the
// new ones begin at 1 again, and look like old ones to Redis.
func (v *visit) sequences(ctx context.Context) []Check {
	const name = "sequences"
	since, err := v.State.Since(ctx)
	if err != nil {
		return []Check{broken(name, "they cannot be compared: %s", said(err)).mend("look in Redis' log")}
	}
	stream, err := v.JS.Stream(ctx, event.StreamJobs)
	if err != nil {
		return []Check{skipped(name, "the stream of the jobs cannot be asked")}
	}
	cli := "redis-cli"
	if len(v.health) == 1 {
		cli = cliOf(v.health[0])
	}
	return []Check{judgeSequences(name, cli, since, stream.CachedInfo().Created, stream.CachedInfo().TimeStamp)}
}

// judgeSequences: Redis forgets a cycle some days after it was worked on.
func judgeSequences(name, cli string, since, created, now time.Time) Check {
	until := created.Add(state.CycleTTL)
	if since.IsZero() || !created.After(since) || now.After(until) {
		return ok(name, "Redis' memory fits the stream of the jobs")
	}
	return warning(name, "%s was made anew at %s, under a Redis that remembers more: until %s, jobs of a cycle that had begun before are taken for done",
		event.StreamJobs, moment(created), moment(until)).
		mend("stop the workers, and then", fmt.Sprintf("%s --scan --pattern '%s' | xargs -r %s unlink", cli, state.KeyPattern, cli))
}

// moment writes a time for people.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
