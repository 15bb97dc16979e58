package consumer_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/producer/event"
)

// The moment of every decision in these tables.
var now = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

// policy has round numbers, so that a boundary is easy to see.
var policy = consumer.Policy{
	MaxAge:         24 * time.Hour,
	PollInterval:   3 * time.Second,
	PollTimeout:    30 * time.Minute,
	PollParked:     30 * time.Second,
	Patience:       time.Minute,
	MaxLive:        3,
	MaxReauthorize: 2,
	MaxFailures:    4,
	RetryBase:      5 * time.Minute,
	RetryCap:       time.Hour,
	OurFault:       3,
}

// work is a job that was begun a minute ago and is in the given phase.
func work(phase event.Phase, change ...func(*consumer.Work)) consumer.Work {
	w := consumer.Work{Job: event.Job{
		Version: 1, LoginID: "login-1", Cycle: "2026-11-22", Lane: event.Nightly, Mode: event.Cached,
		Attempt: 1, Phase: phase, Published: now.Add(-time.Hour), NotAfter: now.Add(3 * time.Hour),
		Spent: event.Spent{Started: now.Add(-time.Minute), Cached: 1},
	}}
	if phase == event.PhaseLive {
		w.Spent.Live = 1
	}
	if phase == event.PhaseDetail || phase == event.PhasePoll || phase == event.PhaseAttributes {
		w.RequestID = "request-1"
	}
	for _, c := range change {
		c(&w)
	}
	return w
}

// with changes a work in place of writing it all out again.
func with(w consumer.Work, change func(*consumer.Work)) consumer.Work {
	change(&w)
	return w
}

func call(phase event.Phase, w consumer.Work) consumer.Move {
	w.Phase = phase
	return consumer.Move{Do: consumer.Call, Work: w}
}

func end(t event.Type, r event.Reason, w consumer.Work) consumer.Move {
	return consumer.Move{Do: consumer.End, Work: w, Type: t, Reason: r}
}

func wait(d time.Duration, w consumer.Work) consumer.Move {
	return consumer.Move{Do: consumer.Wait, Work: w, After: d}
}

// parked is how a job is put down that begins again with the cached call.
func parked(after time.Duration, why event.Reason, w consumer.Work) consumer.Move {
	w.Phase, w.RequestID, w.Spent.PendingSince = event.PhaseCached, "", time.Time{}
	return consumer.Move{Do: consumer.Park, Work: w, After: after, Reason: why}
}

// code is a refusal as the worker reduces it.
func code(c string) consumer.Reply {
	return consumer.Reply{
		Kind:       flinks.KindOf(&flinks.Error{Op: "Authorize", HTTPStatus: 401, FlinksCode: c, Code: flinks.Normalize(c)}),
		FlinksCode: c, InARow: 1, ShortWait: 2 * time.Second,
	}
}

func ok(age time.Duration) consumer.Reply {
	return consumer.Reply{Status: consumer.OK, RequestID: "request-2", LastRefresh: now.Add(-age)}
}

func theSeven() []string {
	return []string{
		"RETRY_LATER", "AGGREGATION_ERROR", "SESSION_EXPIRED", "DISABLED_INSTITUTION", "UNAUTHORIZED",
		"SESSION_NONEXISTENT", "BANK_MAINTENANCE_RETRY_LATER", "BANK MAINTENANCE_RETRY_LATER", "BANK_MAINTENENACE_RETRY_LATER",
	}
}

func spentCode(c string) func(*consumer.Work) {
	return func(w *consumer.Work) { w.Spent.FlinksCode = c }
}

type row struct {
	rule  string
	work  consumer.Work
	reply consumer.Reply
	want  consumer.Move
}

func run(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.rule, func(t *testing.T) {
			got := policy.Step(r.work, r.reply, now)
			if diff := cmp.Diff(r.want, got); diff != "" {
				t.Errorf("move (-want +got):\n%s", diff)
			}
		})
	}
}

// doubted is a job that was refused before in a way that may be our own fault.
func doubted(w consumer.Work) consumer.Work {
	w.Spent.Doubted = 1
	return w
}

func TestCached(t *testing.T) {
	w := work(event.PhaseCached)
	asked := with(w, func(w *consumer.Work) { w.AskedBank, w.Spent.Live = true, 1 })
	learnt := func(age time.Duration) consumer.Work {
		return with(w, func(w *consumer.Work) { w.RequestID, w.LastRefresh = "request-2", now.Add(-age) })
	}
	rows := []row{
		{"fresh data goes on to detail", w, ok(time.Hour), call(event.PhaseDetail, learnt(time.Hour))},
		{"data of exactly the maximum age is fresh", w, ok(24 * time.Hour), call(event.PhaseDetail, learnt(24*time.Hour))},
		{"older data asks for a live refresh", w, ok(24*time.Hour + 1), call(event.PhaseLive, learnt(24*time.Hour+1))},
		{"data from a clock ahead of ours is fresh", w, ok(-time.Minute), call(event.PhaseDetail, learnt(-time.Minute))},
		{
			"a worker that has asked the bank asks it again only after a wait", asked, ok(48 * time.Hour),
			parked(retry1, event.FlinksUnreachable, with(asked, func(w *consumer.Work) { w.LastRefresh = now.Add(-48 * time.Hour) })),
		},
		{
			"data of no known age asks for a live refresh", w,
			consumer.Reply{Status: consumer.OK, RequestID: "request-2"},
			call(event.PhaseLive, with(w, func(w *consumer.Work) { w.RequestID = "request-2" })),
		},
		{
			"a running live session is waited for", w, consumer.Reply{Status: consumer.Pending},
			wait(3*time.Second, with(w, func(w *consumer.Work) { w.Spent.PendingSince = now })),
		},
		{
			"a challenge ends as mfa_required", w, consumer.Reply{Status: consumer.Challenge, RequestID: "request-2"},
			end(event.MFARequired, event.SecurityChallenge, with(w, func(w *consumer.Work) { w.RequestID = "request-2" })),
		},
		{
			"live mode takes data from after the order",
			with(w, func(w *consumer.Work) { w.Mode = event.Live }), ok(time.Hour),
			call(event.PhaseDetail, with(learnt(time.Hour), func(w *consumer.Work) { w.Mode = event.Live })),
		},
		{
			"live mode refuses data from before the order, however fresh",
			with(w, func(w *consumer.Work) { w.Mode = event.Live }), ok(time.Hour + 1),
			call(event.PhaseLive, with(learnt(time.Hour+1), func(w *consumer.Work) { w.Mode = event.Live })),
		},
		{
			"a live call is not made after the window",
			with(w, func(w *consumer.Work) { w.NotAfter = now.Add(-1) }), ok(48 * time.Hour),
			end(event.Failed, event.WindowClosed, with(learnt(48*time.Hour), func(w *consumer.Work) { w.NotAfter = now.Add(-1) })),
		},
		{
			"a live call at the last moment of the window is made",
			with(w, func(w *consumer.Work) { w.NotAfter = now }), ok(48 * time.Hour),
			call(event.PhaseLive, with(learnt(48*time.Hour), func(w *consumer.Work) { w.NotAfter = now })),
		},
		{
			"no live call above the bound",
			with(w, func(w *consumer.Work) { w.Spent.Live = 3 }), ok(48 * time.Hour),
			end(event.Failed, event.BankUnavailable, with(learnt(48*time.Hour), func(w *consumer.Work) { w.Spent.Live = 3 })),
		},
		{
			"no live call for a login that was refused and not reconnected since",
			with(w, func(w *consumer.Work) { w.RefusedAt = now.Add(-48 * time.Hour) }), ok(48 * time.Hour),
			end(event.ReconnectRequired, event.RefusedBefore,
				with(learnt(48*time.Hour), func(w *consumer.Work) { w.RefusedAt = now.Add(-48 * time.Hour) })),
		},
		{
			"a refresh after the refusal shows that the login was reconnected",
			with(w, func(w *consumer.Work) { w.RefusedAt = now.Add(-49 * time.Hour) }), ok(48 * time.Hour),
			call(event.PhaseLive, with(learnt(48*time.Hour), func(w *consumer.Work) { w.RefusedAt = now.Add(-49 * time.Hour) })),
		},
	}
	for _, c := range theSeven() {
		rows = append(rows,
			row{c + " asks for a live refresh", w, code(c), call(event.PhaseLive, with(w, spentCode(c)))},
			row{
				c + " asks for none after a refusal",
				with(w, func(w *consumer.Work) { w.RefusedAt = now.Add(-time.Hour) }), code(c),
				end(event.ReconnectRequired, event.RefusedBefore,
					with(w, func(w *consumer.Work) { w.RefusedAt = now.Add(-time.Hour); w.Spent.FlinksCode = c })),
			})
	}
	run(t, rows)
}

func TestLive(t *testing.T) {
	w := with(work(event.PhaseLive), func(w *consumer.Work) { w.AskedBank = true })
	rows := []row{
		{
			"success goes on to detail, whatever the date on it", w, ok(48 * time.Hour),
			call(event.PhaseDetail, with(w, func(w *consumer.Work) { w.RequestID, w.LastRefresh = "request-2", now.Add(-48*time.Hour) })),
		},
		{
			"a challenge ends as mfa_required, with the session to answer it in", w,
			consumer.Reply{Status: consumer.Challenge, RequestID: "request-2"},
			end(event.MFARequired, event.SecurityChallenge, with(w, func(w *consumer.Work) { w.RequestID = "request-2" })),
		},
		{
			"still running: the cached call will know, no second live call", w,
			consumer.Reply{Status: consumer.Pending, RequestID: "request-2"},
			wait(3*time.Second, with(w, func(w *consumer.Work) {
				w.Phase, w.RequestID, w.Spent.PendingSince = event.PhaseCached, "request-2", now
			})),
		},
	}
	for _, c := range theSeven() {
		third := with(w, func(w *consumer.Work) { w.Spent.Live = 3 })
		narrow := with(w, func(w *consumer.Work) { w.NotAfter = now.Add(4 * time.Minute) })
		rows = append(rows,
			row{
				c + " is parked, and begins with the cached call", w, code(c),
				parked(retry1, event.BankUnavailable, with(w, spentCode(c))),
			},
			row{
				c + " at the last live call allowed ends as failed", third, code(c),
				end(event.Failed, event.BankUnavailable, with(third, spentCode(c))),
			},
			row{
				c + " is not parked beyond the window", narrow, code(c),
				end(event.Failed, event.BankUnavailable, with(narrow, spentCode(c))),
			})
	}
	run(t, rows)
}

// The jitter of login-1 in cycle 2026-11-22, first and fifth wait. It is part
// of the decision, so it is the same on every machine.
var retry1 = jitter(5*time.Minute, 1)

// TestRefusals: any FlinksCode that is not listed elsewhere is the account
// holder's matter, in every phase in which it can come.
func TestRefusals(t *testing.T) {
	reasons := map[string]event.Reason{
		"INVALID_LOGIN":                      event.CredentialsRefused,
		"INVALID_USERNAME":                   event.CredentialsRefused,
		"INVALID_PASSWORD":                   event.CredentialsRefused,
		"INVALID_SECURITY_RESPONSE":          event.SecurityAnswerRefused,
		"INVALID_SECURITY_RESPONSE ":         event.SecurityAnswerRefused,
		"INVALID_SECURITY_RESPONSE_NO_RETRY": event.SecurityAnswerRefused,
		"QUESTION_NOT_FOUND":                 event.SecurityAnswerRefused,
		"UNKNOWN_CHALLENGE_KEY":              event.SecurityAnswerRefused,
		"SECURITYRESPONSES_INCOMPLETE":       event.SecurityAnswerRefused,
		"DISABLED_LOGIN":                     event.LoginDisabled,
		"NEW_ACCOUNT":                        event.HolderAction,
		"A_CODE_OF_TOMORROW":                 event.Refused,
	}
	var rows []row
	for _, phase := range []event.Phase{event.PhaseCached, event.PhaseLive, event.PhaseDetail, event.PhasePoll} {
		for c, reason := range reasons {
			w := work(phase)
			rows = append(rows, row{
				string(phase) + " " + c, w, code(c),
				end(event.ReconnectRequired, reason, with(w, spentCode(c))),
			})
		}
	}
	run(t, rows)
}

func TestDetail(t *testing.T) {
	for _, phase := range []event.Phase{event.PhaseDetail, event.PhasePoll} {
		w := work(phase)
		attributes := with(w, func(w *consumer.Work) { w.Options.Attributes = "Income" })
		since := func(d time.Duration) consumer.Work {
			return with(w, func(w *consumer.Work) { w.Spent.PendingSince = now.Add(-d) })
		}
		poll := func(w consumer.Work) consumer.Work {
			w.Phase = event.PhasePoll
			return w
		}
		lost := func(n int) consumer.Work {
			return with(w, func(w *consumer.Work) { w.Spent.Reauthorized = n })
		}
		again := func(w consumer.Work, c string) consumer.Move {
			w.Spent.Reauthorized++
			w.Spent.FlinksCode, w.RequestID = c, ""
			return call(event.PhaseCached, w)
		}
		done := func(w consumer.Work, age time.Duration) consumer.Work {
			w.RequestID, w.LastRefresh = "request-2", now.Add(-age)
			return w
		}
		rows := []row{
			{"the accounts end the job as refreshed", w, ok(time.Hour), end(event.Refreshed, event.CachedFresh, done(w, time.Hour))},
			{
				"after a live call the reason says so", with(w, func(w *consumer.Work) { w.Spent.Live = 1 }), ok(0),
				end(event.Refreshed, event.LiveRefresh, done(with(w, func(w *consumer.Work) { w.Spent.Live = 1 }), 0)),
			},
			{
				"a live call that did not bring this data is not the reason", with(w, func(w *consumer.Work) { w.Spent.Live = 1 }), ok(time.Hour),
				end(event.Refreshed, event.CachedFresh, done(with(w, func(w *consumer.Work) { w.Spent.Live = 1 }), time.Hour)),
			},
			{"attributes, if asked for, come next", attributes, ok(time.Hour), call(event.PhaseAttributes, done(attributes, time.Hour))},
			{
				"pending begins to be counted and is polled", w, consumer.Reply{Status: consumer.Pending, RequestID: "request-1"},
				wait(3*time.Second, poll(with(w, func(w *consumer.Work) { w.Spent.PendingSince = now }))),
			},
			{
				"pending is polled in the process for a while", since(time.Minute - 1), consumer.Reply{Status: consumer.Pending},
				wait(3*time.Second, poll(since(time.Minute-1))),
			},
			{
				"then parked, with the session to go on with", since(time.Minute), consumer.Reply{Status: consumer.Pending},
				consumer.Move{Do: consumer.Park, Work: poll(since(time.Minute)), After: 30 * time.Second, Reason: event.StillProcessing},
			},
			{
				"just under 30 minutes it is still polled", since(30*time.Minute - 1), consumer.Reply{Status: consumer.Pending},
				consumer.Move{Do: consumer.Park, Work: poll(since(30*time.Minute - 1)), After: 30 * time.Second, Reason: event.StillProcessing},
			},
			{
				"after 30 minutes it is trouble", since(30 * time.Minute), consumer.Reply{Status: consumer.Pending},
				parked(retry1, event.StillProcessing, with(w, func(w *consumer.Work) { w.Spent.Failures = 1 })),
			},
			{"a lost session is opened anew", w, code("SESSION_EXPIRED"), again(w, "SESSION_EXPIRED")},
			{"an unknown session is opened anew", lost(1), code("SESSION_NONEXISTENT"), again(lost(1), "SESSION_NONEXISTENT")},
			{
				"not for ever", lost(2), code("SESSION_EXPIRED"),
				end(event.Failed, event.SessionLost, with(lost(2), spentCode("SESSION_EXPIRED"))),
			},
			{"UNAUTHORIZED for one login opens the session anew", w, code("UNAUTHORIZED"), again(w, "UNAUTHORIZED")},
			{
				"UNAUTHORIZED for one login, again and again, waits for what others are told", lost(2), code("UNAUTHORIZED"),
				parked(retry1, event.Unauthorized, with(doubted(lost(2)), spentCode("UNAUTHORIZED"))),
			},
			{
				"UNAUTHORIZED for one login after that is failed and no reconnect", doubted(lost(2)), code("UNAUTHORIZED"),
				end(event.Failed, event.Unauthorized, with(doubted(lost(2)), spentCode("UNAUTHORIZED"))),
			},
			{
				"UNAUTHORIZED for several logins is our fault", w, inARow(code("UNAUTHORIZED"), 3),
				consumer.Move{Do: consumer.Yield, Work: with(w, spentCode("UNAUTHORIZED")), Reason: event.Unauthorized},
			},
			{
				"what time mends is parked and no reconnect", w, code("RETRY_LATER"),
				parked(retry1, event.BankUnavailable, with(w, func(w *consumer.Work) { w.Spent.Failures, w.Spent.FlinksCode = 1, "RETRY_LATER" })),
			},
			{
				"no transactions is no fault", w, code("NO_TRANSACTION"),
				end(event.Refreshed, event.NoTransactions, with(w, spentCode("NO_TRANSACTION"))),
			},
			{
				"a challenge ends as mfa_required", w, consumer.Reply{Status: consumer.Challenge},
				end(event.MFARequired, event.SecurityChallenge, w),
			},
		}
		t.Run(string(phase), func(t *testing.T) { run(t, rows) })
	}
}

func TestAttributes(t *testing.T) {
	w := work(event.PhaseAttributes, func(w *consumer.Work) { w.Options.Attributes, w.LastRefresh = "Income", now.Add(-time.Hour) })
	since := func(d time.Duration) consumer.Work {
		return with(w, func(w *consumer.Work) { w.Spent.PendingSince = now.Add(-d) })
	}
	unavailable := func(w consumer.Work) consumer.Move { return end(event.Refreshed, event.AttributesUnavailable, w) }
	used := with(w, func(w *consumer.Work) { w.Spent.Failures = 4 })
	rows := []row{
		{"they end the job as refreshed", w, consumer.Reply{Status: consumer.OK}, end(event.Refreshed, event.CachedFresh, w)},
		{"pending is asked again", w, consumer.Reply{Status: consumer.Pending}, wait(3*time.Second, since(0))},
		{
			"pending for long is parked, and the accounts are fetched again", since(time.Minute), consumer.Reply{Status: consumer.Pending},
			parked(retry1, event.StillProcessing, with(w, func(w *consumer.Work) { w.Spent.Failures = 1 })),
		},
		{
			"RETRY_LATER waits a little", w, code("RETRY_LATER"), wait(2*time.Second, with(w, spentCode("RETRY_LATER"))),
		},
		{
			"then is parked", w, patienceUsed(code("RETRY_LATER")),
			parked(retry1, event.BankUnavailable, with(w, func(w *consumer.Work) { w.Spent.Failures, w.Spent.FlinksCode = 1, "RETRY_LATER" })),
		},
		{
			"used up, the login is refreshed without them", used, patienceUsed(code("RETRY_LATER")),
			unavailable(with(used, func(w *consumer.Work) { w.Spent.Failures, w.Spent.FlinksCode = 5, "RETRY_LATER" })),
		},
		{
			"transport trouble used up, the login is refreshed without them", used, patienceUsed(transport()),
			unavailable(with(used, func(w *consumer.Work) { w.Spent.Failures = 5 })),
		},
		{
			"a lost session is opened anew", w, code("SESSION_EXPIRED"),
			call(event.PhaseCached, with(w, func(w *consumer.Work) {
				w.Spent.Reauthorized, w.Spent.FlinksCode, w.RequestID = 1, "SESSION_EXPIRED", ""
			})),
		},
		{
			"sessions lost again and again leave them out", with(w, func(w *consumer.Work) { w.Spent.Reauthorized = 2 }), code("SESSION_EXPIRED"),
			unavailable(with(w, func(w *consumer.Work) { w.Spent.Reauthorized, w.Spent.FlinksCode = 2, "SESSION_EXPIRED" })),
		},
		{
			"no transactions, no attributes", w, code("NO_TRANSACTION"),
			end(event.Refreshed, event.NoTransactions, with(w, spentCode("NO_TRANSACTION"))),
		},
	}
	for _, c := range []string{"INVALID_REQUEST", "ACCESS_DENIED", "METHOD_NOT_AVAILABLE", "UNAUTHORIZED", "INVALID_PASSWORD", "A_CODE_OF_TOMORROW"} {
		rows = append(rows, row{
			c + " leaves them out, whoever is to blame", w, inARow(code(c), 9),
			end(event.Refreshed, event.AttributesRefused, with(w, spentCode(c))),
		})
	}
	run(t, rows)
}

// TestAnyPhase: trouble that is neither the bank's nor the account holder's.
func TestAnyPhase(t *testing.T) {
	for _, phase := range []event.Phase{event.PhaseCached, event.PhaseLive, event.PhaseDetail, event.PhasePoll} {
		w := work(phase)
		spared := with(w, func(w *consumer.Work) { w.Spent.Live = 0 })
		used := with(w, func(w *consumer.Work) { w.Spent.Failures = 4 })
		afterHiccup := phase
		if phase == event.PhaseLive {
			afterHiccup = event.PhaseCached
		}
		failed := func(w consumer.Work, n int, c string) consumer.Work {
			w.Spent.Failures, w.Spent.FlinksCode = n, c
			return w
		}
		rows := []row{
			{
				"a hiccup waits a little; a live call is not simply repeated", w, transport(),
				wait(2*time.Second, with(w, func(w *consumer.Work) { w.Phase = afterHiccup })),
			},
			{"many hiccups are parked", w, patienceUsed(transport()), parked(retry1, event.FlinksUnreachable, failed(w, 1, ""))},
			{
				"parked too often is failed", used, patienceUsed(transport()),
				end(event.Failed, event.FlinksUnreachable, failed(used, 5, "")),
			},
			{
				"a call that was never sent is repeated and does not count", w, unsent(transport()),
				wait(2*time.Second, spared),
			},
			{
				"never sent for several logins: Flinks is away, the job stays untouched", w, inARow(unsent(transport()), 3),
				consumer.Move{Do: consumer.Yield, Work: spared, Reason: event.FlinksUnreachable},
			},
			{
				"throttled waits, and does not count", w, code("TOO_MANY_REQUESTS"),
				consumer.Move{Do: consumer.Wait, Work: with(spared, spentCode("TOO_MANY_REQUESTS")), After: 2 * time.Second},
			},
			{
				"throttled waits at least as long as Flinks says", w, retryAfter(code("TOO_MANY_REQUESTS"), time.Minute),
				consumer.Move{Do: consumer.Wait, Work: with(spared, spentCode("TOO_MANY_REQUESTS")), After: time.Minute},
			},
			{
				"throttled for long is parked for as long", w, retryAfter(code("TOO_MANY_REQUESTS"), 20*time.Minute),
				parked(20*time.Minute, event.Throttled, failed(spared, 1, "TOO_MANY_REQUESTS")),
			},
			{
				"throttled beyond the window is failed", w, retryAfter(code("TOO_MANY_REQUESTS"), 4*time.Hour),
				end(event.Failed, event.Throttled, with(spared, spentCode("TOO_MANY_REQUESTS"))),
			},
			{
				"throttled to the end is failed", used, patienceUsed(code("TOO_MANY_REQUESTS")),
				end(event.Failed, event.Throttled, failed(with(used, func(w *consumer.Work) { w.Spent.Live = 0 }), 5, "TOO_MANY_REQUESTS")),
			},
			{
				"CONCURRENT_SESSION waits and does not count", w, code("CONCURRENT_SESSION"),
				wait(2*time.Second, with(spared, spentCode("CONCURRENT_SESSION"))),
			},
			{
				"CARD_IN_USE for long is parked", w, patienceUsed(code("CARD_IN_USE")),
				parked(retry1, event.Busy, failed(spared, 1, "CARD_IN_USE")),
			},
			{
				"no authorize token is our fault at once", w, unsent(code("ACCESS_DENIED")),
				consumer.Move{Do: consumer.Yield, Work: with(spared, spentCode("ACCESS_DENIED")), Reason: event.Unauthorized},
			},
			{
				"ACCESS_DENIED for one login waits for what others are told", w, inARow(code("ACCESS_DENIED"), 2),
				parked(retry1, event.Unauthorized, with(doubted(spared), spentCode("ACCESS_DENIED"))),
			},
			{
				"ACCESS_DENIED for one login again is the operator's matter", doubted(w), inARow(code("ACCESS_DENIED"), 2),
				end(event.Failed, event.Unauthorized, with(doubted(spared), spentCode("ACCESS_DENIED"))),
			},
			{
				"ACCESS_DENIED for several logins in a row is our fault, however often it was doubted", doubted(w), inARow(code("ACCESS_DENIED"), 3),
				consumer.Move{Do: consumer.Yield, Work: with(doubted(spared), spentCode("ACCESS_DENIED")), Reason: event.Unauthorized},
			},
			{
				"INVALID_REQUEST for one login waits for what others are told", w, inARow(code("INVALID_REQUEST"), 2),
				parked(retry1, event.InvalidRequest, with(doubted(spared), spentCode("INVALID_REQUEST"))),
			},
			{
				"INVALID_REQUEST for one login again is the operator's matter", doubted(w), inARow(code("INVALID_REQUEST"), 2),
				end(event.Failed, event.InvalidRequest, with(doubted(spared), spentCode("INVALID_REQUEST"))),
			},
			{
				"INVALID_REQUEST for several logins in a row is our fault", w, inARow(code("INVALID_REQUEST"), 3),
				consumer.Move{Do: consumer.Yield, Work: with(spared, spentCode("INVALID_REQUEST")), Reason: event.InvalidRequest},
			},
		}
		t.Run(string(phase), func(t *testing.T) { run(t, rows) })
	}
}

func TestAlreadyAuthorized(t *testing.T) {
	for _, phase := range []event.Phase{event.PhaseCached, event.PhaseLive} {
		w := work(phase)
		withSession := code("ALREADY_AUTHORIZED")
		withSession.RequestID = "request-2"
		run(t, []row{
			{
				string(phase) + " goes on with the session", w, withSession,
				call(event.PhaseDetail, with(w, func(w *consumer.Work) { w.RequestID, w.Spent.FlinksCode = "request-2", "ALREADY_AUTHORIZED" })),
			},
			{
				string(phase) + " without a session opens one", w, code("ALREADY_AUTHORIZED"),
				call(event.PhaseCached, with(w, func(w *consumer.Work) { w.Spent.Reauthorized, w.Spent.FlinksCode = 1, "ALREADY_AUTHORIZED" })),
			},
		})
	}
}

func TestBegin(t *testing.T) {
	fresh := func(change ...func(*consumer.Work)) consumer.Work {
		w := work("", change...)
		w.Spent = event.Spent{}
		return w
	}
	begun := func(w consumer.Work) consumer.Work {
		w.Spent.Started = now
		return w
	}
	live := func(w *consumer.Work) { w.Mode = event.Live }
	late := func(w *consumer.Work) { w.NotAfter = now.Add(-1) }
	rows := []struct {
		rule string
		work consumer.Work
		want consumer.Move
	}{
		{"a new job begins with the cached call", fresh(), call(event.PhaseCached, begun(fresh()))},
		{"live mode begins with the live call", fresh(live), call(event.PhaseLive, begun(fresh(live)))},
		{
			"live mode does not repeat a live call that was recorded", with(fresh(live), func(w *consumer.Work) { w.Spent.Live = 1 }),
			call(event.PhaseCached, begun(with(fresh(live), func(w *consumer.Work) { w.Spent.Live = 1 }))),
		},
		{
			"live mode respects a refusal", with(fresh(live), func(w *consumer.Work) { w.RefusedAt = now.Add(-time.Hour) }),
			end(event.ReconnectRequired, event.RefusedBefore, begun(with(fresh(live), func(w *consumer.Work) { w.RefusedAt = now.Add(-time.Hour) }))),
		},
		{"a job that has not begun by the end of the window fails", fresh(late), end(event.Failed, event.WindowClosed, fresh(late))},
		{
			"a job at the last moment of the window begins", fresh(func(w *consumer.Work) { w.NotAfter = now }),
			call(event.PhaseCached, begun(fresh(func(w *consumer.Work) { w.NotAfter = now }))),
		},
		{"no window, no end", fresh(func(w *consumer.Work) { w.NotAfter = time.Time{} }), call(event.PhaseCached, begun(fresh(func(w *consumer.Work) { w.NotAfter = time.Time{} })))},
		{"a job that has begun may still use the cached call after the window", work(event.PhaseCached, late), call(event.PhaseCached, work(event.PhaseCached, late))},
		{"a parked poll goes on polling", work(event.PhasePoll, late), call(event.PhasePoll, work(event.PhasePoll, late))},
		{"a parked detail goes on", work(event.PhaseDetail), call(event.PhaseDetail, work(event.PhaseDetail))},
		{"attributes begin anew: the accounts are gone", work(event.PhaseAttributes), call(event.PhaseCached, work(event.PhaseAttributes))},
		{"a live phase that was cut off begins with the cached call", work(event.PhaseLive), call(event.PhaseCached, work(event.PhaseLive))},
	}
	for _, r := range rows {
		t.Run(r.rule, func(t *testing.T) {
			if diff := cmp.Diff(r.want, policy.Begin(r.work, now)); diff != "" {
				t.Errorf("move (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBarred(t *testing.T) {
	waits := work(event.PhaseLive, func(w *consumer.Work) { w.Spent.Live = 0 })
	asked := with(waits, func(w *consumer.Work) { w.Lane = event.OnDemand })
	queued := func(n int) func(*consumer.Work) { return func(w *consumer.Work) { w.Spent.Queued = n } }
	paused := consumer.Bar{Paused: true, After: 2 * time.Minute}
	for _, r := range []struct {
		rule string
		work consumer.Work
		bar  consumer.Bar
		want consumer.Move
	}{
		{"in maintenance, it comes back after the next probe, not all at once", waits, paused, parked(2*time.Minute+90750*time.Millisecond, event.BankUnavailable, with(waits, queued(1)))},
		{"nobody waits on demand for a bank in maintenance", asked, paused, end(event.Failed, event.BankUnavailable, asked)},
		{"without a place, it comes back soon", waits, consumer.Bar{}, parked(5210*time.Millisecond, event.Busy, with(waits, queued(1)))},
		{"and later each time", with(waits, queued(3)), consumer.Bar{}, parked(44896*time.Millisecond, event.Busy, with(waits, queued(4)))},
		{"up to the first wait after a failure", with(waits, queued(20)), consumer.Bar{}, parked(316680*time.Millisecond, event.Busy, with(waits, queued(21)))},
		{"on demand as well", asked, consumer.Bar{}, parked(5210*time.Millisecond, event.Busy, with(asked, queued(1)))},
		{"not past the window", with(waits, func(w *consumer.Work) { w.NotAfter = now.Add(time.Second) }), consumer.Bar{},
			end(event.Failed, event.Busy, with(waits, func(w *consumer.Work) { w.NotAfter = now.Add(time.Second); w.Spent.Queued = 1 }))},
	} {
		t.Run(r.rule, func(t *testing.T) {
			if diff := cmp.Diff(r.want, policy.Barred(r.work, r.bar, now)); diff != "" {
				t.Errorf("move (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("once its live call is made, the row of waits is over", func(t *testing.T) {
		got := policy.Step(work(event.PhaseLive, queued(7)), code("RETRY_LATER"), now)
		if got.Do != consumer.Park || got.Work.Spent.Queued != 0 {
			t.Errorf("move %+v", got)
		}
	})
}

// TestRetryDelay: each long wait is twice the one before, up to the cap, and a
// fifth either way.
func TestRetryDelay(t *testing.T) {
	base := []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour, time.Hour}
	seen := map[time.Duration]bool{}
	for n, want := range base {
		got := jitter(want, n+1)
		if got < want*4/5 || got > want*6/5 {
			t.Errorf("wait %d is %v, want %v give or take a fifth", n+1, got, want)
		}
		seen[got] = true
	}
	if len(seen) != len(base) {
		t.Errorf("waits repeat: %v", seen)
	}
}

// jitter reads the n-th wait of login-1 off a decision, and checks nothing.
func jitter(_ time.Duration, n int) time.Duration {
	p := policy
	p.MaxFailures = 100
	w := work(event.PhaseDetail, func(w *consumer.Work) { w.Spent.Failures, w.NotAfter = n-1, time.Time{} })
	return p.Step(w, code("RETRY_LATER"), now).After
}

func transport() consumer.Reply {
	return consumer.Reply{Kind: flinks.KindTransport, InARow: 1, ShortWait: 2 * time.Second}
}

func unsent(r consumer.Reply) consumer.Reply                      { r.Unsent = true; return r }
func patienceUsed(r consumer.Reply) consumer.Reply                { r.ShortWait = -1; return r }
func inARow(r consumer.Reply, n int) consumer.Reply               { r.InARow = n; return r }
func retryAfter(r consumer.Reply, d time.Duration) consumer.Reply { r.RetryAfter = d; return r }

// TestPushed: where Flinks tells by webhook that accounts are there, nobody
// polls for them, but once in a while.
func TestPushed(t *testing.T) {
	pushed := policy
	pushed.Pushed, pushed.PollPushed = true, 5*time.Minute
	since := func(phase event.Phase, d time.Duration) consumer.Work {
		return work(phase, func(w *consumer.Work) { w.Spent.PendingSince = now.Add(-d) })
	}
	pending := consumer.Reply{Status: consumer.Pending}
	asleep := func(after, waited time.Duration) consumer.Move {
		return consumer.Move{Do: consumer.Park, Work: since(event.PhasePoll, waited), After: after, Reason: event.StillProcessing}
	}
	attributes := func(d time.Duration) consumer.Work {
		return with(since(event.PhaseAttributes, d), func(w *consumer.Work) { w.Options.Attributes = "Income" })
	}
	for _, r := range []row{
		{"pending accounts are parked at once, with the session to go on with", work(event.PhaseDetail), pending, asleep(5*time.Minute, 0)},
		{"so they are when the job was woken too early", since(event.PhasePoll, 10*time.Minute), pending, asleep(5*time.Minute, 10*time.Minute)},
		{"the last time ends with the time for polling", since(event.PhasePoll, 28*time.Minute), pending, asleep(2*time.Minute, 28*time.Minute)},
		{"and is no shorter than between two polls", since(event.PhasePoll, 30*time.Minute-1), pending, asleep(3*time.Second, 30*time.Minute-1)},
		{
			"after 30 minutes it is trouble, as without pushes", since(event.PhasePoll, 30*time.Minute), pending,
			parked(retry1, event.StillProcessing, with(work(event.PhasePoll), func(w *consumer.Work) { w.Spent.Failures = 1 })),
		},
		{"a running live session is waited for, as without pushes", work(event.PhaseCached), pending, wait(3*time.Second, since(event.PhaseCached, 0))},
		{"and parked after a while, as without pushes", since(event.PhaseCached, time.Minute), pending, consumer.Move{
			Do: consumer.Park, Work: since(event.PhaseCached, time.Minute), After: 30 * time.Second, Reason: event.StillProcessing,
		}},
		{"attributes are asked again, as without pushes", attributes(0), pending, wait(3*time.Second, attributes(0))},
		{"accounts that are there end the job", work(event.PhasePoll), ok(time.Hour), end(event.Refreshed, event.CachedFresh, with(work(event.PhasePoll), func(w *consumer.Work) {
			w.RequestID, w.LastRefresh = "request-2", now.Add(-time.Hour)
		}))},
	} {
		t.Run(r.rule, func(t *testing.T) {
			if diff := cmp.Diff(r.want, pushed.Step(r.work, r.reply, now)); diff != "" {
				t.Errorf("move (-want +got):\n%s", diff)
			}
		})
	}
}
