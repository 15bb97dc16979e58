package consumer_test

import (
	"fmt"
	"testing"
	"time"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer"
	"nightshift/producer/event"
)

// TestGuide walks the boxes of the guide's two flowcharts (nightly-refresh):
// each row is one arrow, shown by the calls that a login's bank and Flinks see
// and by what its holder is told. The conditions of eligibility and the daily
// routine are TestEligible, TestSevenCodes, TestListed and TestDailyRoutine in
// package producer.
func TestGuide(t *testing.T) {
	fresh, stale := night.Add(-time.Hour), night.Add(-48*time.Hour)
	const cached, live, detail, poll = "Authorize cached", "Authorize live", "GetAccountsDetail", "GetAccountsDetailAsync"
	type row struct {
		arrow string
		login flinkstest.Login
		opts  event.Options
		calls []string
		told  string
	}
	asked := flinkstest.Answer{Challenge: []flinkstest.Challenge{{Prompt: "Best country?"}}}
	rows := []row{
		// The first chart: Authorize.
		{
			"Authorize with MostRecentCached comes first; 200 and a recent LastRefresh: get the data",
			flinkstest.Login{LastRefresh: fresh}, event.Options{}, []string{cached, detail}, "refreshed cached_fresh",
		},
		{
			"200 and an old LastRefresh: perform a manual refresh",
			flinkstest.Login{LastRefresh: stale}, event.Options{}, []string{cached, live, detail}, "refreshed live_refresh",
		},
		{
			"any other error: the holder must reconnect, and the bank is not asked",
			flinkstest.Login{LastRefresh: stale, Last: flinkstest.Answer{FlinksCode: "INVALID_PASSWORD"}}, event.Options{},
			[]string{cached}, "reconnect_required credentials_refused INVALID_PASSWORD",
		},
		{
			"an error that nobody knows is any other error, and is told as it is",
			flinkstest.Login{LastRefresh: stale, Last: flinkstest.Answer{FlinksCode: "NEVER_HEARD_OF", Status: 401}}, event.Options{},
			[]string{cached}, "reconnect_required refused NEVER_HEARD_OF",
		},
		{
			"manual refresh, 203: the holder answers in Flinks Connect",
			flinkstest.Login{LastRefresh: stale, Live: []flinkstest.Answer{asked}}, event.Options{},
			[]string{cached, live}, "mfa_required security_challenge",
		},
		{
			"manual refresh, one of the seven: again later",
			flinkstest.Login{LastRefresh: stale, Live: []flinkstest.Answer{{FlinksCode: "RETRY_LATER"}, {}}}, event.Options{},
			[]string{cached, live, cached, live, detail}, "refreshed live_refresh",
		},
		{
			"manual refresh, any other error: the holder must reconnect",
			flinkstest.Login{LastRefresh: stale, Live: []flinkstest.Answer{{FlinksCode: "DISABLED_LOGIN"}}}, event.Options{},
			[]string{cached, live}, "reconnect_required login_disabled DISABLED_LOGIN",
		},
		// The second chart: the data.
		{
			"GetAccountsDetail, 202: GetAccountsDetailAsync until it is there",
			flinkstest.Login{LastRefresh: fresh, Detail: []flinkstest.Answer{{Polls: 3}}}, event.Options{},
			[]string{cached, detail, poll, poll, poll}, "refreshed cached_fresh",
		},
		{
			"the data is there, attributes are wanted: Attributes in the same session",
			flinkstest.Login{LastRefresh: fresh, Transactions: 30}, event.Options{Attributes: "Income", DaysOfTransactions: 90},
			[]string{cached, detail, "GetIncomeAttributes"}, "refreshed cached_fresh",
		},
		{
			"Attributes, 202: the same call again",
			flinkstest.Login{LastRefresh: fresh, Transactions: 30, Attributes: []flinkstest.Answer{{Polls: 2}}},
			event.Options{Attributes: "Income", DaysOfTransactions: 90},
			[]string{cached, detail, "GetIncomeAttributes", "GetIncomeAttributes", "GetIncomeAttributes"}, "refreshed cached_fresh",
		},
		{
			"the session is lost: Authorize with MostRecentCached again",
			flinkstest.Login{LastRefresh: fresh, Detail: []flinkstest.Answer{{FlinksCode: "SESSION_NONEXISTENT"}, {}}}, event.Options{},
			[]string{cached, detail, cached, detail}, "refreshed cached_fresh",
		},
	}
	for _, code := range []string{
		"RETRY_LATER", "AGGREGATION_ERROR", "SESSION_EXPIRED", "DISABLED_INSTITUTION", "UNAUTHORIZED", "SESSION_NONEXISTENT",
		"BANK_MAINTENANCE_RETRY_LATER", "BANK MAINTENANCE_RETRY_LATER", "BANK_MAINTENENACE_RETRY_LATER",
	} {
		rows = append(rows, row{
			"one of the seven, " + code + ": perform a manual refresh",
			flinkstest.Login{LastRefresh: stale, Last: flinkstest.Answer{FlinksCode: code, Status: 401}}, event.Options{},
			[]string{cached, live, detail}, "refreshed live_refresh",
		})
	}
	for _, row := range rows {
		t.Run(row.arrow, func(t *testing.T) {
			bubble(t, func(r *rig) {
				row.login.ID = "login-1"
				r.sim.Add(row.login)
				r.publish(nightly("login-1", func(j *event.Job) { j.Options = row.opts }))
				r.run(time.Hour)
				o := r.only()
				told := fmt.Sprintf("%s %s", o.Type, o.Reason)
				if o.FlinksCode != "" {
					told += " " + o.FlinksCode
				}
				diff(t, "told", row.told, told)
				diff(t, "calls", row.calls, r.calls("login-1"))
				if o.Type == event.MFARequired && (o.RequestID == "" || !o.RequestIDExpires.After(o.Timings.Ended)) {
					t.Error("the session to resume is not told")
				}
			})
		})
	}
}

// TestPollInterval: the guide polls every three seconds.
func TestPollInterval(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour), Detail: []flinkstest.Answer{{Polls: 4}}})
		r.publish(nightly("login-1"))
		r.run(time.Minute)
		var last time.Time
		for _, c := range r.sim.Journal() {
			if c.LoginID != "login-1" || c.Op == "Authorize" {
				continue
			}
			if gap := c.Start.Sub(last); !last.IsZero() && (gap < 3*time.Second || gap > 3100*time.Millisecond) {
				t.Errorf("%s comes %v after the call before it", c.Op, gap)
			}
			last = c.End
		}
	})
}

// TestUsefulEndpoints: those that the guide lists, each called once.
func TestUsefulEndpoints(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour), Transactions: 30})
		ctx := r.Context()
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(r.client.SetScheduledRefresh(ctx, "login-1", true))
		_, err := r.client.GetNightlyRefreshStatus(ctx)
		must(err)
		token, err := r.client.GenerateAuthorizeToken(ctx)
		must(err)
		session, err := r.client.Authorize(ctx, token, flinks.Cached("login-1"))
		must(err)
		_, err = r.client.GetAccountsDetail(ctx, flinks.AccountsDetailRequest{RequestID: session.RequestID, WithTransactions: true, DaysOfTransactions: flinks.Days90})
		must(err)
		_, err = r.client.GetAccountsDetailAsync(ctx, session.RequestID)
		must(err)
		_, err = r.client.GetAttributes(ctx, "login-1", session.RequestID, "Income")
		must(err)
		var got []string
		for _, c := range r.sim.Journal() {
			got = append(got, fmt.Sprint(c.Op, " ", c.Status))
		}
		diff(t, "calls", []string{
			"SetScheduledRefresh 200", "GetNightlyRefreshStatus 200", "GenerateAuthorizeToken 200", "Authorize 200",
			"GetAccountsDetail 200", "GetAccountsDetailAsync 200", "GetIncomeAttributes 200",
		}, got)
	})
}

// TestRefreshedOnDemand: the nightly job of a login that was just refreshed
// sees the fresh data and asks the bank for nothing.
func TestRefreshedOnDemand(t *testing.T) {
	bubble(t, func(r *rig) {
		r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-48 * time.Hour)})
		r.start(r.worker("w", func(w *consumer.Worker) { w.Accounts = nil }))
		p := producer.Publisher{JS: r.js}
		job, _, err := p.Refresh(r.Context(), "login-1", event.Live, event.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if o, err := p.Await(r.Context(), job); err != nil || o.Reason != event.LiveRefresh {
			t.Fatalf("on demand: %s, %v", o.Reason, err)
		}
		r.publish(nightly("login-1"))
		r.drain(time.Minute)
		all := r.outcomes()
		if o := all[len(all)-1]; o.Reason != event.CachedFresh || o.Calls.Live != 0 {
			t.Errorf("the nightly job ended as %s with %d live calls", o.Reason, o.Calls.Live)
		}
		r.liveWithin(1)
	})
}
