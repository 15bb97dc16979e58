package consumer_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/consumer"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// ending is an outcome without its times and ids.
type ending struct {
	Type         event.Type
	Reason       event.Reason
	FlinksCode   string
	Cached, Live int
	Accounts     int
	Kept         bool // the accounts are in the object store
}

func endingOf(o event.Outcome) ending {
	return ending{o.Type, o.Reason, o.FlinksCode, o.Calls.Cached, o.Calls.Live, o.Counts.Accounts, o.Accounts != nil}
}

// TestEndings runs scripted logins through everything there is and compares
// how each ends.
func TestEndings(t *testing.T) {
	fresh, stale := night.Add(-time.Hour), night.Add(-48*time.Hour)
	question := []flinkstest.Challenge{{Prompt: "What shape do people like most?"}}
	answers := func(codes ...string) (all []flinkstest.Answer) {
		for _, c := range codes {
			all = append(all, flinkstest.Answer{FlinksCode: c})
		}
		return all
	}
	refreshed := func(reason event.Reason, cached, live int) ending {
		return ending{Type: event.Refreshed, Reason: reason, Cached: cached, Live: live, Accounts: 1, Kept: true}
	}
	rows := []struct {
		rule  string
		login flinkstest.Login
		opts  event.Options
		want  ending
	}{
		{"fresh cached data", flinkstest.Login{LastRefresh: fresh}, event.Options{}, refreshed(event.CachedFresh, 1, 0)},
		{"stale cached data", flinkstest.Login{LastRefresh: stale}, event.Options{}, refreshed(event.LiveRefresh, 1, 1)},
		{"pending for 25 minutes", flinkstest.Login{LastRefresh: fresh, Detail: []flinkstest.Answer{{Pending: 25 * time.Minute}}}, event.Options{}, refreshed(event.CachedFresh, 1, 0)},
		{
			"pending for ever", flinkstest.Login{LastRefresh: fresh, Detail: []flinkstest.Answer{{Pending: 100 * time.Hour}}}, event.Options{},
			ending{Type: event.Failed, Reason: event.StillProcessing, Cached: 2},
		},
		{"the bank is down once", flinkstest.Login{LastRefresh: stale, Live: answers("RETRY_LATER", "")}, event.Options{}, refreshed(event.LiveRefresh, 2, 2)},
		{
			"the bank is down all night", flinkstest.Login{LastRefresh: stale, Live: answers("DISABLED_INSTITUTION")}, event.Options{},
			ending{Type: event.Failed, Reason: event.BankUnavailable, FlinksCode: "DISABLED_INSTITUTION", Cached: 3, Live: 3},
		},
		{
			"the password was changed", flinkstest.Login{LastRefresh: stale, Live: answers("INVALID_PASSWORD")}, event.Options{},
			ending{Type: event.ReconnectRequired, Reason: event.CredentialsRefused, FlinksCode: "INVALID_PASSWORD", Cached: 1, Live: 1},
		},
		{
			"the last refresh was refused", flinkstest.Login{Last: flinkstest.Answer{FlinksCode: "QUESTION_NOT_FOUND"}}, event.Options{},
			ending{Type: event.ReconnectRequired, Reason: event.SecurityAnswerRefused, FlinksCode: "QUESTION_NOT_FOUND", Cached: 1},
		},
		{
			"the bank asks a question", flinkstest.Login{LastRefresh: stale, Live: []flinkstest.Answer{{Challenge: question}}}, event.Options{},
			ending{Type: event.MFARequired, Reason: event.SecurityChallenge, Cached: 1, Live: 1},
		},
		{
			"a session is lost at the data", flinkstest.Login{LastRefresh: fresh, Detail: answers("SESSION_EXPIRED", "")}, event.Options{},
			refreshed(event.CachedFresh, 2, 0),
		},
		{"a reply is HTML", flinkstest.Login{LastRefresh: fresh, Last: flinkstest.Answer{Fault: flinkstest.FaultHTML}}, event.Options{}, refreshed(event.CachedFresh, 2, 0)},
		{
			"the reply to a live call is lost: the cached call knows", flinkstest.Login{LastRefresh: stale, Live: []flinkstest.Answer{{Fault: flinkstest.FaultLost}}},
			event.Options{}, refreshed(event.LiveRefresh, 2, 1),
		},
		{
			"attributes", flinkstest.Login{LastRefresh: fresh, Transactions: 30, Attributes: []flinkstest.Answer{{Polls: 3}}},
			event.Options{Attributes: "Income", DaysOfTransactions: 90}, refreshed(event.CachedFresh, 1, 0),
		},
		{
			"attributes without transactions", flinkstest.Login{LastRefresh: fresh, Attributes: answers("NO_TRANSACTION")},
			event.Options{Attributes: "Income"},
			ending{Type: event.Refreshed, Reason: event.NoTransactions, FlinksCode: "NO_TRANSACTION", Cached: 1, Accounts: 1, Kept: true},
		},
		{
			"a request that Flinks calls invalid", flinkstest.Login{LastRefresh: fresh, Detail: answers("INVALID_REQUEST")}, event.Options{},
			ending{Type: event.Failed, Reason: event.InvalidRequest, FlinksCode: "INVALID_REQUEST", Cached: 2},
		},
		{"throttled once", flinkstest.Login{LastRefresh: fresh, Last: flinkstest.Answer{Fault: flinkstest.FaultThrottle}}, event.Options{}, refreshed(event.CachedFresh, 2, 0)},
	}
	for _, row := range rows {
		t.Run(row.rule, func(t *testing.T) {
			bubble(t, func(r *rig) {
				row.login.ID = "login-1"
				r.sim.Add(row.login)
				r.publish(nightly("login-1", func(j *event.Job) { j.Options = row.opts }))
				r.start(r.worker("w", func(w *consumer.Worker) { w.Policy.MaxFailures = 1 })) // idle hours take real time
				took := r.drain(24 * time.Hour)
				if diff := cmp.Diff(row.want, endingOf(r.only())); diff != "" {
					t.Errorf("ending after %v (-want +got):\n%s\n%v", took, diff, r.calls("login-1"))
				}
			})
		})
	}
}
