package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// replicas looks whether every stream has a leader, and copies that are up to
// date. A stream that cannot be asked has its own check.
func (v *visit) replicas(ctx context.Context) []Check {
	const name = "replicas"
	var groups []group
	for _, stream := range append(slices.Clone(event.Streams), "OBJ_"+event.BucketAccounts) {
		one, cancel := context.WithTimeout(ctx, patience/2)
		s, err := v.JS.Stream(one, stream)
		cancel()
		if err == nil {
			groups = append(groups, group{stream, s.CachedInfo().Config.Replicas, s.CachedInfo().Cluster})
		}
	}
	if len(groups) == 0 {
		return []Check{skipped(name, "no stream could be asked")}
	}
	return []Check{judgeReplicas(name, groups)}
}

// group is the servers that keep one stream.
type group struct {
	stream string
	copies int
	peers  *jetstream.ClusterInfo // Nil: the server is alone.
}

// startServers is what mends a group that has lost too many of its servers.
const startServers = "start the NATS servers that are down: nats server list"

// trouble is what the group's servers say of each other. A group that has lost
// its majority may still have a leader for a moment, which can store nothing.
func (g group) trouble() (stuck bool, behind []string) {
	if g.peers == nil {
		return false, nil
	}
	offline := 0
	for _, p := range g.peers.Replicas {
		switch {
		case p.Offline:
			offline++
			behind = append(behind, p.Name+" is offline")
		case !p.Current:
			behind = append(behind, fmt.Sprintf("%s is %d operations behind with %s", p.Name, p.Lag, g.stream))
		}
	}
	return g.peers.Leader == "" || 2*offline >= g.copies && offline > 0, behind
}

func judgeReplicas(name string, groups []group) Check {
	var stuck, behind []string
	copies := groups[0].copies // Of the stream that has the fewest.
	for _, g := range groups {
		copies = min(copies, g.copies)
		s, b := g.trouble()
		if s {
			stuck = append(stuck, g.stream)
		}
		behind = append(behind, b...)
	}
	slices.Sort(behind)
	behind = slices.Compact(behind)
	switch {
	case len(stuck) > 0:
		return broken(name, "no leader, or too few servers to store anything: %s", strings.Join(stuck, ", ")).mend(startServers)
	case len(behind) > 0:
		return warning(name, "%s: one more server down may stop everything", strings.Join(behind, ", ")).
			mend("start the NATS servers that are down, and let the others catch up: nats server report jetstream")
	case copies == 1:
		return ok(name, "every stream has its leader, and one copy")
	}
	return ok(name, "every stream has its leader, and %d copies, all up to date", copies)
}
