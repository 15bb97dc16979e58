package state_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"nightshift/state"
)

// A push says that the bank was read at a time: what the record holds against
// the login from before that is over, what came later stands.
func TestPushed(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, s *state.Store, rdb redis.UniversalClient) {
		ended := imported.Add(time.Hour)
		for i, tc := range []struct {
			rule string
			read time.Time
			want func(*state.Login)
		}{
			{"read before the refusal, it proves nothing", ended.Add(-time.Millisecond), func(l *state.Login) { l.Success = ended.Add(-time.Millisecond) }},
			{"read at the same moment, it proves nothing", ended, func(l *state.Login) { l.Success = ended }},
			{"read since, nothing stands in its way", ended.Add(time.Millisecond), func(l *state.Login) {
				l.Success = ended.Add(time.Millisecond)
				l.Code, l.RefusedAt, l.Waiting = "", time.Time{}, time.Time{}
			}},
		} {
			t.Run(tc.rule, func(t *testing.T) {
				l := lease("a", 7)
				l.LoginID = string(rune('p' + i))
				must(t, s.Finish(t.Context(), l, state.Ending{Type: "reconnect_required", Reason: "refused", Code: "X", Ended: ended, Waiting: true, Refused: true}))
				want := state.Login{
					LoginID: l.LoginID, Type: "reconnect_required", Reason: "refused", Cycle: l.Cycle, Code: "X",
					Ended: ended, RefusedAt: ended, Waiting: ended,
				}
				tc.want(&want)
				for range 2 { // repeated, it changes nothing
					must(t, s.Pushed(t.Context(), l.LoginID, tc.read))
					got, err := s.Login(t.Context(), l.LoginID)
					must(t, err)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Error(diff)
					}
				}
			})
		}
		t.Run("a success that is later stands", func(t *testing.T) {
			must(t, s.Finish(t.Context(), lease("a", 7), state.Ending{Type: "refreshed", Reason: "live_refresh", Ended: ended, Refreshed: true, LastRefresh: ended}))
			must(t, s.Pushed(t.Context(), "login-1", ended.Add(-time.Minute)))
			got, err := s.Login(t.Context(), "login-1")
			must(t, err)
			if !got.Success.Equal(ended) {
				t.Errorf("success at %v", got.Success)
			}
		})
		t.Run("a login that is on the roster only has its first success", func(t *testing.T) {
			_, err := s.Enrol(t.Context(), []state.Enrolment{{LoginID: "new"}}, imported)
			must(t, err)
			must(t, s.Pushed(t.Context(), "new", ended))
			got, err := s.Login(t.Context(), "new")
			must(t, err)
			if diff := cmp.Diff(state.Login{LoginID: "new", Since: imported, Scheduled: true, Success: ended}, got); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("of a login that nobody knows nothing is written", func(t *testing.T) {
			must(t, s.Pushed(t.Context(), "stranger", ended))
			if n := rdb.Exists(t.Context(), "nightshift:{stranger}:login").Val(); n != 0 {
				t.Error("a record has appeared")
			}
		})
	})
}
