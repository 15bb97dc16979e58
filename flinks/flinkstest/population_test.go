package flinkstest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"nightshift/flinks/flinkstest"

	"github.com/google/go-cmp/cmp"
)

func TestPopulation(t *testing.T) {
	now := time.Now()
	endings := func(logins []flinkstest.Login) map[string]int {
		n := map[string]int{}
		for _, l := range logins {
			n[l.EndingAt(now)]++
		}
		return n
	}
	t.Run("the same arguments make the same logins", func(t *testing.T) {
		a := flinkstest.Population(500, 7, flinkstest.Mix{}, now)
		if diff := cmp.Diff(a, flinkstest.Population(500, 7, flinkstest.Mix{}, now)); diff != "" {
			t.Error(diff)
		}
		if a[0].ID == flinkstest.Population(500, 8, flinkstest.Mix{}, now)[0].ID {
			t.Error("another seed makes the same ids")
		}
	})
	t.Run("the weights are met exactly", func(t *testing.T) {
		got := endings(flinkstest.Population(1000, 1, flinkstest.Mix{Refreshed: 80, MFA: 10, Reconnect: 6, Failed: 4}, now))
		want := map[string]int{"refreshed": 800, "mfa_required": 100, "reconnect_required": 60, "failed": 40}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("each kind deserves its ending", func(t *testing.T) {
		for name, want := range map[string]string{
			"refreshed": "refreshed", "mfa": "mfa_required", "reconnect": "reconnect_required", "failed": "failed",
			"fresh": "refreshed", "stale": "refreshed", "pending": "refreshed", "retry": "refreshed", "busy": "refreshed",
			"lost": "refreshed", "attributes": "refreshed", "transport": "refreshed", "config": "refreshed", "later": "refreshed",
		} {
			mix, err := flinkstest.ParseMix(name + "=1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]int{want: 50}, endings(flinkstest.Population(50, 1, mix, now))); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
	t.Run("from 300 logins on every code is met", func(t *testing.T) {
		var missing []string
		met := codesOf(flinkstest.Population(300, 1, flinkstest.Mix{}, now))
		for code := range strings.FieldsSeq(`RETRY_LATER AGGREGATION_ERROR SESSION_EXPIRED DISABLED_INSTITUTION UNAUTHORIZED
			SESSION_NONEXISTENT BANK_MAINTENANCE_RETRY_LATER CARD_IN_USE INVALID_LOGIN INVALID_REQUEST INVALID_USERNAME
			INVALID_PASSWORD INVALID_SECURITY_RESPONSE INVALID_SECURITY_RESPONSE_NO_RETRY QUESTION_NOT_FOUND
			UNKNOWN_CHALLENGE_KEY SECURITYRESPONSES_INCOMPLETE DISABLED_LOGIN NEW_ACCOUNT CONCURRENT_SESSION
			ALREADY_AUTHORIZED NO_TRANSACTION TOO_MANY_REQUESTS OPERATION_PENDING OPERATION_DISPATCHED
			METHOD_NOT_FOUND LOCKED UNKNOWN_CHALLENGE_TYPE BANK_MAINTENENACE_RETRY_LATER`) {
			if !met[code] {
				missing = append(missing, code)
			}
		}
		if len(missing) > 0 || !met["BANK MAINTENANCE_RETRY_LATER"] {
			t.Errorf("missing %v of %v", missing, slices.Sorted(maps.Keys(met)))
		}
	})
	t.Run("ids differ, and all are GUIDs of scheduled logins", func(t *testing.T) {
		seen := map[string]bool{}
		for _, l := range flinkstest.Population(20_000, 3, flinkstest.Mix{}, now) {
			if seen[l.ID] || len(l.ID) != 36 || !l.Scheduled || now.Sub(l.LastRefresh) > 6*24*time.Hour {
				t.Fatalf("%+v", l)
			}
			seen[l.ID] = true
		}
	})
	t.Run("no login is no trouble", func(t *testing.T) {
		if n := len(flinkstest.Population(0, 1, flinkstest.Mix{}, now)); n != 0 {
			t.Errorf("%d logins", n)
		}
	})
}

func codesOf(logins []flinkstest.Login) map[string]bool {
	met := map[string]bool{}
	for _, l := range logins {
		for _, a := range slices.Concat(l.Live, l.Detail, l.Attributes, []flinkstest.Answer{l.Last}) {
			met[a.FlinksCode] = true
		}
	}
	return met
}

func TestParseMix(t *testing.T) {
	for _, rule := range []struct {
		name, text string
		want       flinkstest.Mix
		err        string
	}{
		{"weights go by name", "refreshed=85, mfa=5,reconnect=5,Failed=2.5", flinkstest.Mix{Refreshed: 85, MFA: 5, Reconnect: 5, Failed: 2.5}, ""},
		{"nothing is a realistic night", " ", flinkstest.Mix{}, ""},
		{"an unknown name lists the names", "refresh=1", flinkstest.Mix{}, `"refresh" is no part of a mix; the parts are refreshed, mfa, reconnect, failed, fresh`},
		{"a weight is required", "mfa", flinkstest.Mix{}, `"mfa" has no weight`},
		{"a weight is a number", "mfa=x", flinkstest.Mix{}, `the weight of mfa must be a number of at least 0, not "x"`},
		{"a weight is not negative", "mfa=-1", flinkstest.Mix{}, "at least 0"},
		{"a weight is not NaN", "mfa=NaN", flinkstest.Mix{}, "at least 0"},
		{"some weight is above 0", "mfa=0", flinkstest.Mix{}, "all weights"},
	} {
		t.Run(rule.name, func(t *testing.T) {
			got, err := flinkstest.ParseMix(rule.text)
			if got != rule.want || (err != nil) != (rule.err != "") || err != nil && !strings.Contains(err.Error(), rule.err) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestEnding(t *testing.T) {
	now := time.Now()
	young, old := now.Add(-time.Hour), now.Add(-25*time.Hour)
	for _, rule := range []struct {
		name  string
		login flinkstest.Login
		want  string
	}{
		{"fresh data is taken", flinkstest.Login{LastRefresh: young, Live: answers("INVALID_PASSWORD")}, "refreshed"},
		{"old data leads to the bank", flinkstest.Login{LastRefresh: old, Live: answers("INVALID_PASSWORD")}, "reconnect_required"},
		{"no data leads to the bank", flinkstest.Login{Live: asking()}, "mfa_required"},
		{"one of the seven leads to the bank", flinkstest.Login{LastRefresh: young, Last: answers("UNAUTHORIZED")[0], Live: asking()}, "mfa_required"},
		{"unanswered questions lead to the bank", flinkstest.Login{LastRefresh: young, Last: asking()[0]}, "refreshed"},
		{"any other code ends it", flinkstest.Login{LastRefresh: young, Last: answers("NEVER_SEEN")[0]}, "reconnect_required"},
		{"the third try may succeed", flinkstest.Login{Live: answers("RETRY_LATER", "RETRY_LATER", "")}, "refreshed"},
		{"the fourth comes too late", flinkstest.Login{Live: answers("RETRY_LATER", "RETRY_LATER", "RETRY_LATER", "")}, "failed"},
		{"being throttled is no try", flinkstest.Login{Live: answers("TOO_MANY_REQUESTS", "RETRY_LATER", "CARD_IN_USE", "RETRY_LATER", "")}, "refreshed"},
		{"a malformed request is nobody's to reconnect", flinkstest.Login{Live: answers("INVALID_REQUEST")}, "failed"},
		{"a lost session is opened again", flinkstest.Login{LastRefresh: young, Detail: answers("SESSION_EXPIRED", "")}, "refreshed"},
		{"data that never comes fails", flinkstest.Login{LastRefresh: young, Detail: []flinkstest.Answer{{Pending: time.Hour}}}, "failed"},
		{"another code at the data ends it", flinkstest.Login{LastRefresh: young, Detail: answers("INVALID_LOGIN")}, "reconnect_required"},
		{"attributes decide nothing", flinkstest.Login{LastRefresh: young, Attributes: answers("NO_TRANSACTION")}, "refreshed"},
	} {
		t.Run(rule.name, func(t *testing.T) {
			if got := rule.login.EndingAt(now); got != rule.want {
				t.Errorf("got %s, want %s", got, rule.want)
			}
		})
	}
}
