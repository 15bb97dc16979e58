package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// KeyPattern matches every key that the store writes, for SCAN.
const KeyPattern = prefix + "*"

// Health is what a Redis server says of itself. Texts that it does not tell
// are empty, numbers nil: not every server of the protocol knows all of them,
// and some tell nobody.
type Health struct {
	Addr    string
	Version string
	Mode    string // standalone, cluster or sentinel
	Role    string // master or slave

	ClusterMisused bool   // a node of a cluster that was addressed as a server of its own
	ClusterState   string // ok or fail, of a cluster

	AppendOnly  string // "1": every change is written to a file
	AppendError string // "err": that file cannot be written, so changes are refused
	SaveError   string // "err": the last snapshot failed, for which changes may be refused

	Policy    string // what is done when the memory is full; noeviction is the only one that forgets nothing
	Used, Max *int64 // bytes; a Max of 0: no limit
	Evicted   *int64 // keys forgotten for want of memory since the server's start

	// Ahead is how far the server's clock is ahead of this machine's, give or
	// take half of Took, the time that the question took.
	Ahead, Took time.Duration
}

// Health asks the server, or every master of a cluster, how it is. A server
// that does not answer is missing from the list and told by the error.
func (s *Store) Health(ctx context.Context) ([]Health, error) {
	cluster, ok := s.rdb.(*redis.ClusterClient)
	if !ok {
		h, err := health(ctx, s.rdb, addr(s.rdb))
		if err != nil {
			return nil, fmt.Errorf("state: health: %w", err)
		}
		h.ClusterMisused = h.Mode == "cluster"
		return []Health{h}, nil
	}
	var mu sync.Mutex
	var all []Health
	var errs []error
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		h, err := health(ctx, node, node.Options().Addr)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", node.Options().Addr, err))
			return nil
		}
		all = append(all, h)
		return nil
	})
	slices.SortFunc(all, func(a, b Health) int { return cmp.Compare(a.Addr, b.Addr) })
	if err = errors.Join(append(errs, err)...); err != nil {
		return all, fmt.Errorf("state: health: %w", err)
	}
	return all, nil
}

// addr is where a single server is.
func addr(rdb redis.UniversalClient) string {
	if one, ok := rdb.(*redis.Client); ok {
		return one.Options().Addr
	}
	return ""
}

// health asks one server. It has to tell the time; what else it does not tell
// stays unknown.
func health(ctx context.Context, rdb redis.UniversalClient, addr string) (Health, error) {
	h := Health{Addr: addr}
	asked := time.Now()
	told, err := rdb.Time(ctx).Result()
	if err != nil {
		return h, err
	}
	h.Took = time.Since(asked)
	h.Ahead = told.Sub(asked.Add(h.Took / 2))
	text, err := rdb.Info(ctx).Result()
	if err != nil {
		return h, ctx.Err() // a refusal leaves everything unknown
	}
	h.read(infoFields(text))
	if h.Mode == "cluster" {
		if text, err := rdb.ClusterInfo(ctx).Result(); err == nil {
			h.ClusterState = infoFields(text)["cluster_state"]
		}
	}
	return h, nil
}

func (h *Health) read(info map[string]string) {
	h.Version, h.Mode, h.Role = info["redis_version"], info["redis_mode"], info["role"]
	h.AppendOnly, h.AppendError = info["aof_enabled"], info["aof_last_write_status"]
	h.SaveError = info["rdb_last_bgsave_status"]
	h.Policy = info["maxmemory_policy"]
	number := func(field string) *int64 {
		n, err := strconv.ParseInt(info[field], 10, 64)
		if err != nil {
			return nil
		}
		return &n
	}
	h.Used, h.Max, h.Evicted = number("used_memory"), number("maxmemory"), number("evicted_keys")
}

// infoFields reads the lines "name:value" of an INFO.
func infoFields(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// Since is since when Redis remembers; the zero time when it has nothing to
// remember yet. It does not begin a new memory, as a claim does.
func (s *Store) Since(ctx context.Context) (time.Time, error) {
	ms, err := s.rdb.Get(ctx, epochKey).Int64()
	if errors.Is(err, redis.Nil) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("state: read epoch: %w", err)
	}
	return fromMillis(ms), nil
}
