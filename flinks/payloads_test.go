package flinks_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nightshift/flinks"
)

// The payloads in testdata are as published by Flinks' docs and by public
// client libraries; the structs here are what they must become.

func utc(year int, month time.Month, day, hour, minute, sec, nsec int) flinks.Time {
	return flinks.Time{Time: time.Date(year, month, day, hour, minute, sec, nsec, time.UTC)}
}

func TestAuthorizePayloads(t *testing.T) {
	tests := []struct {
		payload string
		status  int
		want    *flinks.AuthorizeResponse
	}{
		{"authorize_200_current.json", 200, &flinks.AuthorizeResponse{
			Status: 200, RequestID: "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
			Institution: "FlinksCapital", InstitutionID: 14, InstitutionName: "FlinksCapital",
			Login: &flinks.Login{
				ID: "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", Username: "Greatday", Type: "Personal",
				LastRefresh: utc(2026, 1, 21, 20, 47, 47, 145999000),
			},
			Links: []flinks.Link{
				{Rel: "AccountsDetail", Href: "/GetAccountsDetail"},
				{Rel: "AccountsSummary", Href: "/GetAccountsSummary"},
				{Rel: "Statements", Href: "/GetStatements"},
			},
		}},
		{"authorize_200_first_call_2019.json", 200, &flinks.AuthorizeResponse{
			Status: 200, RequestID: requestID, Institution: "FlinksCapital",
			Login: &flinks.Login{
				ID: loginID, Username: "Greatday", Type: "Personal",
				LastRefresh: utc(2019, 5, 9, 13, 47, 46, 522790100),
			},
			Links: []flinks.Link{},
		}},
		{"authorize_203_question_and_answer.json", 203, &flinks.AuthorizeResponse{
			Status: 203, RequestID: "9022abc2-8a2e-4b06-a06e-c3e5449c4d10", Institution: "FlinksCapital",
			Challenges: flinks.Challenges{{
				Type: "QuestionAndAnswer", Prompt: "What shape do people like most?",
				Raw: json.RawMessage("{\n      \"Type\": \"QuestionAndAnswer\",\n      \"Prompt\": \"What shape do people like most?\"\n    }"),
			}},
			Links: []flinks.Link{{Rel: "Authorization", Href: "/Authorize"}},
		}},
		{"getaccountsdetail_202_operation_pending_docs.json", 202, &flinks.AuthorizeResponse{
			Status: 202, RequestID: requestID, Links: []flinks.Link{},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.payload, func(t *testing.T) {
			client, _ := serve(t, "POST BankingServices/Authorize", answer{status: tt.status, body: payload(t, tt.payload)})
			got, err := client.Authorize(t.Context(), token, flinks.Cached(loginID))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(flinks.AccountsDetailResponse{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			is := [3]bool{got.OK(), got.Pending(), got.Challenge()}
			if want := [3]bool{tt.status == 200, tt.status == 202, tt.status == 203}; is != want {
				t.Errorf("OK, Pending, Challenge = %v, want %v", is, want)
			}
		})
	}
}

func webhookBody(t testing.TB) string {
	t.Helper()
	var w struct {
		Body string `json:"body_compact_json"`
	}
	if err := json.Unmarshal([]byte(payload(t, "webhook_getaccountsdetail_200_signed.json")), &w); err != nil {
		t.Fatal(err)
	}
	return w.Body
}

func TestAccountsPayloads(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   *flinks.AccountsDetailResponse
	}{
		{"detail", 200, payload(t, "getaccountsdetail_200_current.json"), &flinks.AccountsDetailResponse{
			Status: 200, RequestID: "22178382-31ee-485c-a750-c20929b6a344",
			Institution: "FlinksCapital", InstitutionID: 14, InstitutionName: "FlinksCapital",
			Login: &flinks.Login{
				ID: "5602459c-f6d0-4ca0-6750-08dccdcadcc0", Username: "chat_gpt", Type: "Personal",
				LastRefresh: utc(2025, 1, 31, 17, 40, 54, 569261000),
			},
			Accounts: []flinks.Account{{
				ID: "27a9ffa0-c6b9-4cc6-9eaa-aa9efa07a889", Title: "Chequing Account",
				Category: "Operations", Type: "Chequing", Currency: "CAD",
				TransitNumber: "12347", InstitutionNumber: "777", AccountNumber: "7641238", OverdraftLimit: "100.5",
				Balance: flinks.Balance{Available: "5405.5", Current: "5105.5", Limit: "5105.5"},
				Holder: flinks.Holder{
					Name: "Testing", Email: "test_user1@nomail.com", PhoneNumber: "9051234567",
					Address: flinks.Address{CivicAddress: "25 york street", City: "TOR", Province: "ON", PostalCode: "M5J 2V5", Country: "CA"},
				},
				Transactions: []flinks.Transaction{{
					ID: "94584aed-7c98-42a4-9836-9f8557db63f5", Date: "2025-01-31", Description: "PAYROLL - Stripe Paycheck",
					Debit: "1000.4", Credit: "1500.25", Balance: "5105.6",
				}},
			}},
		}},
		{"detail pending, as in the docs", 202, payload(t, "getaccountsdetail_202_operation_pending_docs.json"), &flinks.AccountsDetailResponse{
			Status: 202, RequestID: requestID, Links: []flinks.Link{},
		}},
		{"detail pending, as in the template", 202, payload(t, "getaccountsdetail_202_operation_pending_template.json"), &flinks.AccountsDetailResponse{
			Status: 202, RequestID: "077785a3-fd0f-42f7-9251-ee2ff7f3b4ff",
			Links: []flinks.Link{{Rel: "{Endpoint}Async", Href: "/{Endpoint}Async", Example: "/{Endpoint}Async/{requestId}"}},
		}},
		{"detail async pending", 202, payload(t, "getaccountsdetailasync_202_operation_pending.json"), &flinks.AccountsDetailResponse{
			Status: 202, RequestID: "077785a3-fd0f-42f7-9251-ee2ff7f3b4ff",
			Links: []flinks.Link{{
				Rel: "GetAccountsDetailAsync", Href: "/GetAccountsDetailAsync",
				Example: "/GetAccountsDetailAsync/077785a3-fd0f-42f7-9251-ee2ff7f3b4ff",
			}},
		}},
		{"summary", 200, payload(t, "getaccountssummary_200.json"), &flinks.AccountsDetailResponse{
			Status: 200, RequestID: "xxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxx", Tag: "userId=xxxxxxxxxxxx",
			Institution: "BMO", InstitutionID: 1, InstitutionName: "BMO",
			Login: &flinks.Login{
				ID: "xxxx-xxxx-xxxxxx-xxxxxx", Username: "1234567890", Type: "Business",
				LastRefresh: utc(2024, 10, 10, 12, 0, 0, 0),
			},
			Links: []flinks.Link{{Rel: "AccountsDetail", Href: "/GetAccountsDetail"}},
			Accounts: []flinks.Account{{
				ID: "xxxx-xxxx-xxxxxxx-xxxxxx", Title: "Primary Chequing Account",
				Category: "Operations", Type: "Chequing", AccountType: "Personal", Currency: "CAD", AccountNumber: "1234567",
				Balance: flinks.Balance{Available: "1234.45", Current: "4321.45"}, Holder: flinks.Holder{Name: "John Doe"},
				EftEligibleRatio: "0", ETransferEligibleRatio: "0",
			}},
		}},
		{"webhook, which is a detail as well", 200, webhookBody(t), &flinks.AccountsDetailResponse{
			Status: 200, RequestID: requestID, Institution: "FlinksCapital",
			Login: &flinks.Login{
				ID: loginID, Username: "Greatday", Type: "Personal",
				LastRefresh: utc(2019, 5, 9, 13, 47, 46, 522790100),
			},
			Accounts: []flinks.Account{{
				ID: "ae1dac72-70da-4626-fed8-08d682e1ff4a", Title: "Chequing CAD",
				Category: "Operations", Type: "Chequing", Currency: "CAD",
				TransitNumber: "77777", InstitutionNumber: "777", AccountNumber: "1111000", OverdraftLimit: "0",
			}},
		}},
		{
			"every leaf null, holder a name, bools as strings, names in lower case", 200,
			`{"httpstatuscode":"200","accounts":[
			  {"Transactions":[{"Date":null,"Code":7,"Description":null,"Debit":null,"Credit":0,"Balance":null,"Id":null}],
			   "TransitNumber":null,"InstitutionNumber":null,"OverdraftLimit":null,"Title":null,"AccountNumber":null,
			   "LastFourDigits":null,"Balance":{"Available":null,"Current":-12345678901234567.89,"Limit":null},"Category":null,
			   "Type":null,"Currency":null,"Holder":"John Doe","AccountType":null,"Id":null},
			  {"Transactions":null,"Balance":null,"Holder":null},
			  null],
			 "LOGIN":{"isscheduledrefresh":"true","username":null,"LastRefresh":null},"institutionid":null,"requestid":null}`,
			&flinks.AccountsDetailResponse{
				Status: 200,
				Login:  &flinks.Login{IsScheduledRefresh: true},
				Accounts: []flinks.Account{
					{
						Transactions: []flinks.Transaction{{Credit: "0"}},
						Balance:      flinks.Balance{Current: "-12345678901234567.89"},
						Holder:       flinks.Holder{Name: "John Doe"},
					}, {}, {},
				},
			},
		},
		{"partial result of a pending call", 202, `{"FlinksCode":"OPERATION_PENDING","Accounts":[{"Id":"a"}]}`, &flinks.AccountsDetailResponse{
			Status: 202, Accounts: []flinks.Account{{ID: "a"}},
		}},
		{"no accounts", 200, `{"Accounts":[]}`, &flinks.AccountsDetailResponse{Status: 200, Accounts: []flinks.Account{}}},
		{"byte order mark", 200, "\ufeff{\"Accounts\":[]}\r\n", &flinks.AccountsDetailResponse{Status: 200, Accounts: []flinks.Account{}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, _ := serve(t, "POST BankingServices/GetAccountsDetail", answer{status: tt.status, body: tt.body})
			got, err := client.GetAccountsDetail(t.Context(), flinks.AccountsDetailRequest{RequestID: requestID})
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Raw = []byte(tt.body)
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(flinks.AccountsDetailResponse{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.OK() != (tt.status == 200) || got.Pending() != (tt.status == 202) {
				t.Errorf("OK %v, Pending %v with status %d", got.OK(), got.Pending(), tt.status)
			}
		})
	}
}

func TestChallengesOfUnknownForm(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	tests := []struct {
		name string
		json string
		want flinks.Challenges
	}{
		{"a choice", `[{"Type":"T","Prompt":"P","Iterables":["a","b"]}]`,
			flinks.Challenges{{Type: "T", Prompt: "P", Iterables: []string{"a", "b"}, Raw: raw(`{"Type":"T","Prompt":"P","Iterables":["a","b"]}`)}}},
		{"iterables that are no texts", `[{"Type":"Image","Prompt":"P","Iterables":[{"src":"x"}]}]`,
			flinks.Challenges{{Type: "Image", Prompt: "P", Raw: raw(`{"Type":"Image","Prompt":"P","Iterables":[{"src":"x"}]}`)}}},
		{"a type that is a number", `[{"Type":3,"Prompt":"P"}]`, flinks.Challenges{{Prompt: "P", Raw: raw(`{"Type":3,"Prompt":"P"}`)}}},
		{"a bare text", `["push"]`, flinks.Challenges{{Raw: raw(`"push"`)}}},
		{"no list", `{"Type":"Push"}`, flinks.Challenges{{Raw: raw(`{"Type":"Push"}`)}}},
		{"null", `null`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, _ := serve(t, "POST BankingServices/Authorize", answer{
				status: http.StatusNonAuthoritativeInfo, body: `{"SecurityChallenges":` + tt.json + `,"RequestId":"r"}`,
			})
			got, err := client.Authorize(t.Context(), token, flinks.Live(loginID))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&flinks.AuthorizeResponse{Status: 203, RequestID: "r", Challenges: tt.want}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOtherPayloads(t *testing.T) {
	t.Run("authorize token", func(t *testing.T) {
		client, _ := serve(t, "POST BankingServices/GenerateAuthorizeToken", answer{status: 200, body: payload(t, "generateauthorizetoken_200.json")})
		got, err := client.GenerateAuthorizeToken(t.Context())
		if err != nil || got.Reveal() != "d65f1adb-8ebc-48dc-be8b-20c773ba1565" {
			t.Errorf("got %q, %v", got.Reveal(), err)
		}
	})
	t.Run("nightly refresh status ignores the code beside its list", func(t *testing.T) {
		client, _ := serve(t, "GET BankingServices/GetNightlyRefreshStatus", answer{status: 200, body: payload(t, "getnightlyrefreshstatus_200.json")})
		got, err := client.GetNightlyRefreshStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := &flinks.NightlyRefreshStatus{IneligibleCards: []flinks.IneligibleCard{{
			LoginID: "d12c531b-9622-4477-38c5-08d779b6f27e", LastRefreshDate: utc(2020, 6, 18, 3, 26, 34, 685436400),
			LastRefreshState: "AnsweringSecurityChallenge",
		}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if c := got.IneligibleCards[0]; !c.Challenged() || c.Code() != "" {
			t.Errorf("Challenged %v, Code %q", c.Challenged(), c.Code())
		}
	})
	t.Run("nightly refresh status of nobody", func(t *testing.T) {
		for _, body := range []string{`{"HttpStatusCode":200,"IneligibleCards":[]}`, `{"HttpStatusCode":200,"IneligibleCards":null}`} {
			client, _ := serve(t, "GET BankingServices/GetNightlyRefreshStatus", answer{status: 200, body: body})
			got, err := client.GetNightlyRefreshStatus(t.Context())
			if err != nil || len(got.IneligibleCards) != 0 {
				t.Errorf("%s: got %v, %v", body, got, err)
			}
		}
	})
	t.Run("attributes", func(t *testing.T) {
		body := `{"HttpStatusCode":200,"Card":{"Id":"c","average_income":12.50,"nsf":"NONE_DETECTED"},"Login":{"Id":"l"},"RequestId":"r"}`
		client, _ := serve(t, "GET insight/login/l/attributes/r/GetCreditRiskAttributes", answer{status: 200, body: body})
		got, err := client.GetAttributes(t.Context(), "l", "r", flinks.CreditRisk)
		if err != nil {
			t.Fatal(err)
		}
		want := &flinks.AttributesResponse{
			Status: 200, RequestID: "r", Login: &flinks.Login{ID: "l"},
			Card: json.RawMessage(`{"Id":"c","average_income":12.50,"nsf":"NONE_DETECTED"}`), Raw: []byte(body),
		}
		if diff := cmp.Diff(want, got); diff != "" || !got.OK() || got.Pending() {
			t.Errorf("OK %v, Pending %v, (-want +got):\n%s", got.OK(), got.Pending(), diff)
		}
	})
	t.Run("attributes pending", func(t *testing.T) {
		body := payload(t, "getaccountsdetail_202_operation_pending_docs.json")
		client, _ := serve(t, "POST insight/login/l/attributes/r", answer{status: 202, body: body})
		got, err := client.GetCustomAttributes(t.Context(), "l", "r", flinks.CustomAttributesRequest{Attributes: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		want := &flinks.AttributesResponse{Status: 202, RequestID: requestID, Raw: []byte(body)}
		if diff := cmp.Diff(want, got); diff != "" || got.OK() || !got.Pending() {
			t.Errorf("OK %v, Pending %v, (-want +got):\n%s", got.OK(), got.Pending(), diff)
		}
	})
	t.Run("mfa questions", func(t *testing.T) {
		client, _ := serve(t, "GET BankingServices/GetMFAQuestions/l", answer{status: 200, body: payload(t, "getmfaquestions_200.json")})
		got, err := client.GetMFAQuestions(t.Context(), "l") //nolint:staticcheck // deprecated by Flinks, and still there
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"What shape do people like most?", "What is the best country on earth?"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
