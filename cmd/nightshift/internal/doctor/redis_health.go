package doctor

import (
	"fmt"
	"net"

	"nightshift/state"
)

// untold is what is said of what a server does not tell.
const untold = "unknown: this server does not tell"

// redisVersion: Nightshift's scripts need little, but nothing older than 6.2
// gets mends any more, and none was ever tried.
func redisVersion(h state.Health) Check {
	const name = "redis version"
	switch {
	case !known(h.Version):
		return skipped(name, untold)
	case older(h.Version, 6, 2):
		return warning(name, "%s is older than what Nightshift is made for", h.Version).mend("install Redis 6.2 or newer, better 7")
	}
	return ok(name, "%s", h.Version)
}

// redisRole: claims have to be written, and every login has to have a home.
func redisRole(h state.Health) Check {
	const name = "redis role"
	switch {
	case h.Mode == "sentinel":
		return broken(name, "it is a Sentinel, which keeps no data").mend("set --redis-url to the server that it watches")
	case h.ClusterMisused:
		return broken(name, "it is a node of a Redis Cluster, but --redis-url names it as a server of its own").
			mend(fmt.Sprintf("--redis-url 'redis://%s?addr=%s'", h.Addr, h.Addr))
	case h.Role == "slave":
		return broken(name, "it is a replica, which refuses every claim").
			mend("set --redis-url to the master: "+cliOf(h)+" info replication", "or, if the master is lost: "+cliOf(h)+" replicaof no one")
	case h.ClusterState == "fail":
		return broken(name, "the cluster does not serve all logins").mend(cliOf(h) + " cluster nodes")
	case h.Role == "":
		return skipped(name, untold)
	case h.ClusterState != "":
		return ok(name, "a master of a cluster that is complete")
	}
	return ok(name, "master")
}

// redisPersistence: without a file, a restart forgets who works on what and
// how often each bank was asked.
func redisPersistence(h state.Health) Check {
	const name = "redis persistence"
	switch {
	case h.AppendError == "err":
		return broken(name, "its append-only file cannot be written, so it refuses changes").mend("free space on its disk, and look in its log")
	case h.SaveError == "err":
		return warning(name, "its last snapshot failed, for which it may refuse changes").mend("free space on its disk, and look in its log")
	case h.AppendOnly == "":
		return skipped(name, untold)
	case h.AppendOnly == "0":
		return warning(name, "no append-only file: a restart forgets claims and counts of live calls; "+
			"no job and no outcome is lost, but a bank may be asked live more often than --max-live").
			mend(cliOf(h)+" config set appendonly yes", "and in its configuration file: appendonly yes")
	}
	return ok(name, "every change goes to an append-only file")
}

// redisEviction: a claim that is evicted is a login that two workers may have.
func redisEviction(h state.Health) Check {
	const name = "redis eviction"
	if h.Policy == "" {
		return skipped(name, untold)
	}
	if h.Policy == "noeviction" {
		return ok(name, "it forgets nothing when its memory is full")
	}
	mends := []string{cliOf(h) + " config set maxmemory-policy noeviction", "and in its configuration file: maxmemory-policy noeviction"}
	if h.Max != nil && *h.Max == 0 {
		return warning(name, "maxmemory-policy is %s: if it is ever given a limit, it forgets claims when its memory is full", h.Policy).mend(mends...)
	}
	says := ""
	if h.Evicted != nil && *h.Evicted > 0 {
		says = fmt.Sprintf(", and has forgotten %d keys since its start", *h.Evicted)
	}
	return broken(name, "maxmemory-policy is %s: it forgets claims when its memory is full%s", h.Policy, says).mend(mends...)
}

func redisMemory(h state.Health) Check {
	const name = "redis memory"
	if h.Used == nil || h.Max == nil {
		return skipped(name, untold)
	}
	used, limit := uint64(max(0, *h.Used)), uint64(max(0, *h.Max))
	if limit == 0 {
		return ok(name, "%s used, it has no limit", bytesOf(used))
	}
	return fullness(name, used, limit, bytesOf(limit), "when it is full, no job can be claimed",
		fmt.Sprintf("%s config set maxmemory %d", cliOf(h), 2*limit))
}

// cliOf is how the server is reached with Redis' own tool. What else it asks
// for, such as a password, only its operator knows.
func cliOf(h state.Health) string {
	host, port, err := net.SplitHostPort(h.Addr)
	switch {
	case h.Addr == "":
		return "redis-cli"
	case err != nil:
		return "redis-cli -s " + h.Addr
	}
	return "redis-cli -h " + host + " -p " + port
}
