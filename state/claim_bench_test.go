package state_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"nightshift/state"
)

// BenchmarkClaim claims a login and finishes the job, as 256 workers at once do.
func BenchmarkClaim(b *testing.B) {
	s, err := state.Open("redis://" + redisServer(b))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var n atomic.Int64
	b.SetParallelism(128)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			l := lease("a", 7)
			l.LoginID = "login-" + strconv.FormatInt(n.Add(1), 10)
			held, err := s.Claim(b.Context(), l, ttl)
			if err != nil || held.Verdict != state.Claimed {
				b.Errorf("claim of %s: %v, %v", l.LoginID, held, err)
				return
			}
			end := state.Ending{Type: "refreshed", Reason: "live_refresh", Ended: time.Now(), Cached: true, Refreshed: true}
			if err := s.Finish(b.Context(), l, end); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
