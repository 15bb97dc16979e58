package producer_test

import (
	"testing"
	"time"

	"nightshift/flinks"
	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

// midnight is when the logins of these tables are judged.
var midnight = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

// daysAgo counts back from it.
func daysAgo(d float64) time.Time { return midnight.Add(-time.Duration(d * float64(24*time.Hour))) }

// TestEligible is the guide's list of conditions (nightly-refresh,
// eligibility), one row for each side of each of its lines.
func TestEligible(t *testing.T) {
	// A login in good order: refreshed last night.
	good := state.Login{
		LoginID: "login-1", Since: daysAgo(100), Scheduled: true,
		Type: "refreshed", Reason: "cached_fresh", Ended: daysAgo(1), Success: daysAgo(1), Cached: daysAgo(1),
	}
	// One whose bank was tried last night, in vain.
	failing := good
	failing.Type, failing.Reason, failing.Code = "failed", "bank_unavailable", "RETRY_LATER"

	with := func(l state.Login, change func(*state.Login)) state.Login { change(&l); return l }
	for _, test := range []struct {
		rule     string
		login    state.Login
		webhooks bool
		want     producer.Verdict
	}{
		// 1. The login is scheduled.
		{"in good order: due", good, false, producer.Verdict{Eligible: true, Why: producer.Due}},
		{"not scheduled: not due", with(good, func(l *state.Login) { l.Scheduled = false }), false, producer.Verdict{Why: producer.NotScheduled}},

		// 2. A success in the last seven days.
		{"last success seven days ago: due", with(failing, func(l *state.Login) { l.Success = daysAgo(7) }), false, producer.Verdict{Eligible: true, Why: producer.Due}},
		{
			"last success a moment more than seven days ago: not due",
			with(failing, func(l *state.Login) { l.Success = daysAgo(7).Add(-time.Millisecond) }), false,
			producer.Verdict{Why: producer.NoSuccess},
		},
		{
			"never a success, and imported less than seven days ago: due",
			with(failing, func(l *state.Login) { l.Success, l.Since = time.Time{}, daysAgo(6.9) }), false,
			producer.Verdict{Eligible: true, Why: producer.Due},
		},
		{
			"never a success, and imported more than seven days ago: not due",
			with(failing, func(l *state.Login) { l.Success = time.Time{} }), false,
			producer.Verdict{Why: producer.NoSuccess},
		},
		{
			"reconnected since the last success: the days count from there",
			with(failing, func(l *state.Login) { l.Success, l.Since = daysAgo(30), daysAgo(2) }), false,
			producer.Verdict{Eligible: true, Why: producer.Due},
		},

		// 3. A cached call in the last seven days, but not with webhooks.
		{
			"last cached call seven days ago: due",
			with(failing, func(l *state.Login) { l.Cached = daysAgo(7) }), false,
			producer.Verdict{Eligible: true, Why: producer.Due},
		},
		{
			"last cached call a moment more than seven days ago: not due",
			with(failing, func(l *state.Login) { l.Cached = daysAgo(7).Add(-time.Millisecond) }), false,
			producer.Verdict{Why: producer.NoCachedCall},
		},
		{
			"with webhooks nobody needs to read the data: due",
			with(failing, func(l *state.Login) { l.Cached = daysAgo(30) }), true,
			producer.Verdict{Eligible: true, Why: producer.Due},
		},
		{
			"with webhooks a success is needed all the same",
			with(failing, func(l *state.Login) { l.Success = daysAgo(8) }), true,
			producer.Verdict{Why: producer.NoSuccess},
		},

		// 4. No error but the seven: TestSevenCodes.
		{
			"refused: its holder was told, and is not told again",
			with(good, func(l *state.Login) {
				l.Type, l.Reason, l.Code, l.Waiting = "reconnect_required", "credentials_refused", "INVALID_PASSWORD", daysAgo(1)
			}), false,
			producer.Verdict{Why: producer.WaitingForHolder},
		},
		{
			"asked a question by its bank: its holder was told, and is not told again",
			with(good, func(l *state.Login) { l.Type, l.Reason, l.Waiting = "mfa_required", "security_challenge", daysAgo(3) }), false,
			producer.Verdict{Why: producer.WaitingForHolder},
		},
		{
			"refused, then reconnected: due",
			with(good, func(l *state.Login) {
				l.Type, l.Reason, l.Since = "reconnect_required", "credentials_refused", daysAgo(0.5)
			}), false,
			producer.Verdict{Eligible: true, Why: producer.Due},
		},

		// A login that was never seen before is eligible, however long ago it was imported.
		{"never seen before: due", state.Login{LoginID: "login-1", Since: daysAgo(0), Scheduled: true}, false, producer.Verdict{Eligible: true, Why: producer.New}},
		{"never tried since its import: due", state.Login{LoginID: "login-1", Since: daysAgo(90), Scheduled: true}, false, producer.Verdict{Eligible: true, Why: producer.New}},

		// What was no fault of the login's does not count against it.
		{
			"no night was run for weeks: due",
			with(good, func(l *state.Login) { l.Ended, l.Success, l.Cached = daysAgo(20), daysAgo(20), daysAgo(20) }), false,
			producer.Verdict{Eligible: true, Why: producer.Due},
		},
		{
			"it failed, and then no night was run for weeks: due",
			with(failing, func(l *state.Login) { l.Ended, l.Success, l.Cached = daysAgo(8), daysAgo(20), daysAgo(20) }), false,
			producer.Verdict{Eligible: true, Why: producer.Due},
		},
		{
			"our secret was refused for eight nights, and each window closed: due",
			with(failing, func(l *state.Login) {
				l.Reason, l.Code, l.Success, l.Cached = "window_closed", "", daysAgo(9), daysAgo(9)
			}), false,
			producer.Verdict{Eligible: true, Why: producer.Due},
		},
		{
			"there was no place among its bank's sessions, which we limit: due",
			with(failing, func(l *state.Login) { l.Reason, l.Code, l.Success, l.Cached = "busy", "", daysAgo(9), daysAgo(9) }), false,
			producer.Verdict{Eligible: true, Why: producer.Due},
		},
		{
			"Flinks calls our request invalid: due",
			with(failing, func(l *state.Login) {
				l.Reason, l.Code, l.Success, l.Cached = "invalid_request", "INVALID_REQUEST", daysAgo(9), daysAgo(9)
			}), false,
			producer.Verdict{Eligible: true, Why: producer.Due},
		},
	} {
		t.Run(test.rule, func(t *testing.T) {
			if got := producer.Eligible(test.login, midnight, test.webhooks); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestSevenCodes: the codes that keep a login in the nightly refresh, in every
// spelling that was seen, and all the others, which do not.
func TestSevenCodes(t *testing.T) {
	verdict := func(code string) producer.Verdict {
		return producer.Eligible(state.Login{
			Scheduled: true, Since: daysAgo(100), Type: "reconnect_required", Reason: "refused", Code: code,
			Ended: daysAgo(1), Success: daysAgo(2), Cached: daysAgo(1),
		}, midnight, false)
	}
	for _, code := range []string{
		"RETRY_LATER", "AGGREGATION_ERROR", "SESSION_EXPIRED", "DISABLED_INSTITUTION", "UNAUTHORIZED", "SESSION_NONEXISTENT",
		"BANK_MAINTENANCE_RETRY_LATER", "BANK MAINTENANCE_RETRY_LATER", "BANK_MAINTENENACE_RETRY_LATER",
		" retry_later ", "Disabled_Institution", "bank maintenance retry later",
	} {
		if got := verdict(code); !got.Eligible {
			t.Errorf("%s: %+v, want it to stay in the nightly refresh", code, got)
		}
	}
	for _, code := range []string{
		"INVALID_LOGIN", "INVALID_USERNAME", "INVALID_PASSWORD", "INVALID_SECURITY_RESPONSE", "INVALID_SECURITY_RESPONSE_FINAL",
		"QUESTION_NOT_FOUND", "DISABLED_LOGIN", "NEW_ACCOUNT", "UNKNOWN_CHALLENGE_KEY", "SOMETHING_NEW",
	} {
		if got := verdict(code); got != (producer.Verdict{Why: producer.LastError}) {
			t.Errorf("%s: %+v, want it to fall out", code, got)
		}
	}
}

// TestFellOut: which verdicts a holder is told of. The others are no news.
func TestFellOut(t *testing.T) {
	for why, want := range map[producer.Why]event.Reason{
		producer.Due: "", producer.New: "", producer.NotScheduled: "", producer.WaitingForHolder: "",
		producer.LastError: event.RefusedBefore, producer.NoSuccess: event.NoSuccessLately, producer.NoCachedCall: event.NoCachedCallLately,
	} {
		if got, told := (producer.Verdict{Why: why}).FellOut(); got != want || told != (want != "") {
			t.Errorf("%s: %q, %v; want %q", why, got, told, want)
		}
	}
}

// TestListed is the first step of the guide's daily routine: the logins that
// GetNightlyRefreshStatus lists.
func TestListed(t *testing.T) {
	scheduled := state.Login{LoginID: "login-1", Since: daysAgo(100), Scheduled: true}
	card := func(state, code string) flinks.IneligibleCard {
		return flinks.IneligibleCard{
			LoginID: "login-1", LastRefreshDate: flinks.Time{Time: daysAgo(3)}, LastRefreshState: state, LastRefreshErrorCode: code,
		}
	}
	for _, test := range []struct {
		rule  string
		card  flinks.IneligibleCard
		login state.Login
		want  event.Type
	}{
		{"stopped at a challenge: the holder is asked to answer it", card("AnsweringSecurityChallenge", ""), scheduled, event.MFARequired},
		{"stopped at an error: the holder is asked to reconnect", card("Failed", "INVALID_PASSWORD"), scheduled, event.ReconnectRequired},
		{"too old, and no error: our own refresh will show", card("Completed", ""), scheduled, ""},
		{"stopped at a code that nobody knows: the same", card("", "SOMETHING_NEW"), scheduled, event.ReconnectRequired},
		{"stopped at one of the seven: time mends it, nobody is told", card("", "BANK MAINTENANCE_RETRY_LATER"), scheduled, ""},
		{"not scheduled: nobody is told", card("", "INVALID_PASSWORD"), state.Login{LoginID: "login-1", Since: daysAgo(100)}, ""},
		{"told before: not told again", card("", "INVALID_PASSWORD"), state.Login{LoginID: "login-1", Scheduled: true, Waiting: daysAgo(2)}, ""},
		{"refreshed by us since then: nobody is told", card("", "INVALID_PASSWORD"), state.Login{LoginID: "login-1", Scheduled: true, Success: daysAgo(1)}, ""},
		{"refreshed by us before then: the list is news", card("", "INVALID_PASSWORD"), state.Login{LoginID: "login-1", Scheduled: true, Success: daysAgo(4)}, event.ReconnectRequired},
	} {
		t.Run(test.rule, func(t *testing.T) {
			reasons := map[event.Type]event.Reason{event.MFARequired: event.ChallengeListed, event.ReconnectRequired: event.IneligibleAtFlinks}
			told, reason, ok := producer.Listed(test.card, test.login)
			if told != test.want || ok != (test.want != "") || reason != reasons[test.want] {
				t.Errorf("told %q, reason %q, %v; want %q", told, reason, ok, test.want)
			}
		})
	}
}
