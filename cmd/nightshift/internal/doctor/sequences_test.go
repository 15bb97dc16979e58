package doctor

import (
	"testing"
	"time"

	"nightshift/producer/event"
	"nightshift/state"
)

func TestSequences(t *testing.T) {
	t.Parallel()
	p := onlyNATS(t)
	addr, rdb := redisServer(t)
	p.open(t, addr)
	look := func() Check {
		t.Helper()
		v := &visit{Patient: p}
		v.redis(t.Context())
		return v.sequences(t.Context())[0]
	}
	fits := ok("sequences", "Redis' memory fits the stream of the jobs")
	t.Run("before the first job", func(t *testing.T) { equal(t, fits, look()) })
	if _, err := p.State.Claim(t.Context(), state.Lease{LoginID: "a", Cycle: "2026-11-22", Owner: "me", Fence: 7}, time.Minute); err != nil {
		t.Fatal(err)
	}
	t.Run("a Redis that is younger than the stream", func(t *testing.T) { equal(t, fits, look()) })
	if err := p.JS.DeleteStream(t.Context(), event.StreamJobs); err != nil {
		t.Fatal(err)
	}
	t.Run("without the stream", func(t *testing.T) {
		equal(t, skipped("sequences", "the stream of the jobs cannot be asked"), look())
	})
	setUp(t, p.JS)
	t.Run("a stream that was made anew", func(t *testing.T) {
		if got := look(); got.Found != Warning || len(got.Mend) != 2 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("and a Redis whose memory was cleared", func(t *testing.T) {
		keys, err := rdb.Keys(t.Context(), state.KeyPattern).Result()
		if err != nil || len(keys) == 0 {
			t.Fatal(keys, err)
		}
		if err := rdb.Unlink(t.Context(), keys...).Err(); err != nil {
			t.Fatal(err)
		}
		equal(t, fits, look())
	})
}

func TestJudgeSequences(t *testing.T) {
	created := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	before, after := created.Add(-time.Hour), created.Add(time.Hour)
	fits := ok("s", "Redis' memory fits the stream of the jobs")
	for _, tc := range []struct {
		rule       string
		since, now time.Time
		want       Check
	}{
		{"the stream is younger", before, after, Check{Name: "s", Found: Warning,
			Says: "REFRESH_JOBS was made anew at 2026-11-22 04:00 UTC, under a Redis that remembers more: " +
				"until 2026-11-25 04:00 UTC, jobs of a cycle that had begun before are taken for done",
			Mend: []string{"stop the workers, and then", "cli --scan --pattern 'nightshift:*' | xargs -r cli unlink"}}},
		{"when Redis has forgotten the old cycles it is over", before, created.Add(73 * time.Hour), fits},
		{"Redis is younger", after, after, fits},
		{"Redis remembers nothing", time.Time{}, after, fits},
	} {
		t.Run(tc.rule, func(t *testing.T) { equal(t, tc.want, judgeSequences("s", "cli", tc.since, created, tc.now)) })
	}
}
