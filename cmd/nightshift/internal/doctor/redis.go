package doctor

import (
	"context"
	"errors"
	"strings"

	"nightshift/cmd/nightshift/internal/local"
	"nightshift/state"
)

// redis looks whether the server is there, and asks it how it is.
func (v *visit) redis(ctx context.Context) []Check {
	err := v.Redis.Err
	if err == nil {
		err = v.State.Ping(ctx)
	}
	if err == nil {
		v.health, err = v.State.Health(ctx)
	}
	if err != nil {
		v.noRedis = "Redis cannot be asked"
		return []Check{unreachableRedis(v.Redis.Where, err)}
	}
	return []Check{ok("redis", "%s answers", v.Redis.Where)}
}

func unreachableRedis(where string, err error) Check {
	const name = "redis"
	switch {
	case errors.Is(err, ErrUnused):
		return skipped(name, where+": "+err.Error())
	case errors.Is(err, ErrOwnRedis):
		return warning(name, "%v", err).mend("set --redis-url, or NIGHTSHIFT_REDIS_URL, to the one that all workers share")
	case errors.Is(err, ErrStandIn):
		return warning(name, "%v", err).mend("install redis-server, or name one with --redis-url")
	case errors.Is(err, local.ErrLocked):
		return broken(name, "%s", said(err)).mend("stop that process, or look again when it has ended")
	}
	c := broken(name, "%s: %s; workers make no calls, and jobs wait", where, said(err))
	if refused := err.Error(); strings.Contains(refused, "NOAUTH") || strings.Contains(refused, "WRONGPASS") || strings.Contains(refused, "NOPERM") {
		return c.mend("correct the user and password in --redis-url")
	}
	return c.mend("start the server, or correct --redis-url")
}

// redisHealth judges what the servers, of a cluster each master, say of
// themselves.
func (v *visit) redisHealth(context.Context) []Check {
	var checks []Check
	for _, judge := range []func(state.Health) Check{redisVersion, redisRole, redisPersistence, redisEviction, redisMemory} {
		var worst Check
		for i, h := range v.health {
			c := judge(h)
			if len(v.health) > 1 {
				c.Says = h.Addr + ": " + c.Says
			}
			if i == 0 || severity(c.Found) > severity(worst.Found) {
				worst = c
			}
		}
		checks = append(checks, worst)
	}
	return checks
}
