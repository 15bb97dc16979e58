package state_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"nightshift/state"
)

var imported = time.UnixMilli(1_800_000_000_000).UTC()

func used(t *testing.T, s *state.Store) []int {
	t.Helper()
	buckets, err := s.Buckets(t.Context())
	must(t, err)
	return buckets
}

func TestRoster(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, _ redis.UniversalClient) {
		ctx := t.Context()
		list := []state.Enrolment{{LoginID: "login-1", Institution: "Some Bank"}, {LoginID: "login-2", Scheduled: new(false)}}
		enrol := func(want int, list []state.Enrolment, now time.Time) {
			t.Helper()
			if added, err := s.Enrol(ctx, list, now); err != nil || added != want {
				t.Errorf("%d added, want %d; %v", added, want, err)
			}
		}
		wantRoster := func(want map[string]state.Login) {
			t.Helper()
			got := map[string]state.Login{}
			all, err := s.Roster(ctx, used(t, s))
			must(t, err)
			for _, l := range all {
				got[l.LoginID] = l
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("roster (-want +got):\n%s", diff)
			}
			if n, err := s.RosterSize(ctx); err != nil || n != len(want) {
				t.Errorf("size %d, want %d; %v", n, len(want), err)
			}
		}
		one := state.Login{LoginID: "login-1", Since: imported, Scheduled: true, Institution: "Some Bank"}
		two := state.Login{LoginID: "login-2", Since: imported}
		enrol(2, list, imported)
		wantRoster(map[string]state.Login{"login-1": one, "login-2": two})

		t.Run("imported again, a login keeps what its record says", func(t *testing.T) {
			must(t, s.Schedule(ctx, "login-1", false))
			enrol(0, []state.Enrolment{{LoginID: "login-1"}, {LoginID: "login-2", Scheduled: new(true)}}, imported.Add(time.Hour))
			one.Scheduled, two.Scheduled = false, true
			wantRoster(map[string]state.Login{"login-1": one, "login-2": two})
		})
		t.Run("reconnected, nothing stands in its way", func(t *testing.T) {
			refused := state.Ending{Type: "reconnect_required", Reason: "refused", Code: "X", Ended: imported, Waiting: true, Refused: true}
			must(t, s.Finish(ctx, lease("a", 7), refused))
			must(t, s.Reconnected(ctx, "login-1", imported.Add(time.Minute)))
			one.Since = imported.Add(time.Minute)
			one.Type, one.Reason, one.Cycle, one.Ended = "reconnect_required", "refused", "2026-11-22", imported
			wantRoster(map[string]state.Login{"login-1": one, "login-2": two})
		})
		t.Run("removed, it is gone", func(t *testing.T) {
			must(t, s.Remove(ctx, "login-1"))
			wantRoster(map[string]state.Login{"login-2": two})
		})
		t.Run("of a login that is not on the roster nothing can be changed", func(t *testing.T) {
			must(t, s.Finish(ctx, lease("a", 8), state.Ending{Type: "failed", Reason: "busy", Ended: imported}))
			for name, err := range map[string]error{
				"schedule":    s.Schedule(ctx, "login-1", true),
				"reconnected": s.Reconnected(ctx, "login-1", imported),
				"remove":      s.Remove(ctx, "stranger"),
			} {
				if !errors.Is(err, state.ErrNotListed) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	})
}

func TestRosterInParts(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, _ redis.UniversalClient) {
		const n = 700 // more than one pipeline; miniredis sorts all its keys at every command
		list := make([]state.Enrolment, n)
		for i := range list {
			list[i].LoginID = fmt.Sprintf("login-%d", i)
		}
		if added, err := s.Enrol(t.Context(), list, imported); err != nil || added != n {
			t.Fatalf("%d added, %v", added, err)
		}
		seen := map[string]bool{}
		for some := range slices.Chunk(used(t, s), 50) {
			part, err := s.Roster(t.Context(), some)
			must(t, err)
			for _, l := range part {
				if seen[l.LoginID] {
					t.Fatalf("%s came twice", l.LoginID)
				}
				seen[l.LoginID] = true
			}
		}
		if len(seen) != n {
			t.Errorf("%d logins came, want %d", len(seen), n)
		}
	})
}
