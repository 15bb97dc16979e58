package state_test

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"nightshift/state"
)

// BenchmarkEnrol tells how fast a roster is imported and what a login costs in
// Redis. The figures of a million logins: go test -run='^$' -bench=Enrol
// -benchtime=1000000x.
func BenchmarkEnrol(b *testing.B) {
	s, err := state.Open("redis://" + redisServer(b))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	rdb := state.Client(s)
	before, id := usedMemory(b, rdb), ""
	list := make([]state.Enrolment, 0, 4000)
	b.ResetTimer()
	for i := range b.N {
		id = madeUpID(i)
		list = append(list, state.Enrolment{LoginID: id, Institution: "FlinksCapital"})
		if len(list) == cap(list) || i == b.N-1 {
			if _, err := s.Enrol(b.Context(), list, imported); err != nil {
				b.Fatal(err)
			}
			list = list[:0]
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
	b.ReportMetric(float64(usedMemory(b, rdb)-before)/float64(b.N), "B/login")

	key := "nightshift:{" + id + "}:login"
	fresh := rdb.MemoryUsage(b.Context(), key).Val()
	end := state.Ending{Type: "refreshed", Reason: "live", Institution: "FlinksCapital", Ended: imported, Cached: true, Refreshed: true}
	l := lease("a", 7)
	l.LoginID = id
	if err := s.Finish(b.Context(), l, end); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(fresh), "B/record")
	b.ReportMetric(float64(rdb.MemoryUsage(b.Context(), key).Val()), "B/record-refreshed")
}

// madeUpID looks like a loginId of Flinks.
func madeUpID(i int) string {
	h := sha256.Sum256([]byte(strconv.Itoa(i)))
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

func usedMemory(b *testing.B, rdb redis.UniversalClient) (n int) {
	b.Helper()
	info, err := rdb.Info(b.Context(), "memory").Result()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if text, ok := strings.CutPrefix(line, "used_memory:"); ok {
			n, err = strconv.Atoi(strings.TrimSpace(text))
		}
	}
	if err != nil || n == 0 {
		b.Fatalf("no used_memory: %v", err)
	}
	return n
}
