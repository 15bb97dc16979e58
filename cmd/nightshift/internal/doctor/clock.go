package doctor

import (
	"context"
	"errors"
	"time"

	"nightshift/producer/event"
)

// How far clocks may be apart.
const (
	skewSeen = 2 * time.Second
	skewBad  = 30 * time.Second
)

// clockOfNATS compares this machine's clock with that of the server that leads
// one of the streams. No other answer of NATS tells the time.
func (v *visit) clockOfNATS(ctx context.Context) []Check {
	const name = "clock of nats"
	var errs []error
	for _, stream := range []string{event.StreamJobs, event.StreamOutcomes, event.StreamLive, event.StreamPushes, event.StreamDead} {
		asked := time.Now()
		s, err := v.JS.Stream(ctx, stream)
		took := time.Since(asked)
		if err == nil {
			return []Check{judgeClock(name, s.CachedInfo().TimeStamp.Sub(asked.Add(took/2)), took,
				"parked jobs come back that much too early or too late, and the nightly window is off")}
		}
		errs = append(errs, err)
	}
	if ctx.Err() != nil {
		return []Check{broken(name, "it cannot be asked: %s", said(errors.Join(errs...)))}
	}
	return []Check{skipped(name, "no stream can be asked for the time")}
}

// clockOfRedis compares this machine's clock with those of the servers.
func (v *visit) clockOfRedis(context.Context) []Check {
	const name = "clock of redis"
	worst := v.health[0]
	for _, h := range v.health {
		if h.Ahead.Abs()-h.Took/2 > worst.Ahead.Abs()-worst.Took/2 {
			worst = h
		}
	}
	return []Check{judgeClock(name, worst.Ahead, worst.Took, "one of the two is wrong; if it is this one, the nightly window is off")}
}

// judgeClock takes the time of the question into account: the answer may be
// off by half of it.
func judgeClock(name string, ahead, took time.Duration, suffers string) Check {
	off := ahead.Abs() - took/2
	where := "behind"
	if ahead > 0 {
		where = "ahead of"
	}
	c := Check{Name: name, Found: OK, Says: "it agrees with this machine's"}
	switch {
	case off > skewBad:
		c.Found = Broken
	case off > skewSeen:
		c.Found = Warning
	default:
		return c
	}
	c.Says = "it is " + spanOf(ahead.Abs()) + " " + where + " this machine's: " + suffers
	return c.mend("timedatectl set-ntp true  # here and there")
}
