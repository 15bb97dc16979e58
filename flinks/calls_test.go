package flinks_test

import (
	"context"
	"net/http"
	"testing"

	"nightshift/flinks"
)

// TestCalls holds each call to its method, path, headers and body, which the
// goldens show whole: a credential that does not belong there would stand out.
func TestCalls(t *testing.T) {
	tests := []struct {
		name  string
		route string
		reply string
		call  func(context.Context, *flinks.Client) error
	}{
		{"generate authorize token", "POST BankingServices/GenerateAuthorizeToken", "generateauthorizetoken_200.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GenerateAuthorizeToken(ctx)
				return err
			}},
		{"authorize cached", "POST BankingServices/Authorize", "authorize_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.Authorize(ctx, token, flinks.Cached(loginID))
				return err
			}},
		{"authorize live", "POST BankingServices/Authorize", "authorize_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.Authorize(ctx, token, flinks.Live(loginID))
				return err
			}},
		{"authorize mfa answer", "POST BankingServices/Authorize", "authorize_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.Authorize(ctx, token, flinks.Answer("006fd2f3-055b-4ef6-a9fc-c1261cd76ec6",
					map[string][]flinks.Secret{"What shape do people like most?": {"Triangle"}}))
				return err
			}},
		{"authorize with credentials", "POST BankingServices/Authorize", "authorize_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.Authorize(ctx, token, flinks.AuthorizeRequest{
					Username: "greatday", Password: "everyday", Institution: "FlinksCapital",
					Language: "en", Save: true, Tag: "a tag",
				})
				return err
			}},
		{"authorize without a token", "POST BankingServices/Authorize", "authorize_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.Authorize(ctx, "", flinks.Cached(loginID))
				return err
			}},
		{"accounts detail", "POST BankingServices/GetAccountsDetail", "getaccountsdetail_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetAccountsDetail(ctx, flinks.AccountsDetailRequest{
					RequestID: requestID, WithAccountIdentity: true, WithKYC: true, WithTransactions: true,
					DaysOfTransactions: flinks.Days90, AccountsFilter: []string{"27a9ffa0-c6b9-4cc6-9eaa-aa9efa07a889"},
					WithDetailsAndBankingStatements: true, NumberOfBankingStatements: "MostRecent",
				})
				return err
			}},
		{"accounts detail, least", "POST BankingServices/GetAccountsDetail", "getaccountsdetail_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetAccountsDetail(ctx, flinks.AccountsDetailRequest{RequestID: requestID})
				return err
			}},
		{"accounts detail without an api key", "POST BankingServices/GetAccountsDetail", "getaccountsdetail_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				c.APIKey = ""
				_, err := c.GetAccountsDetail(ctx, flinks.AccountsDetailRequest{RequestID: requestID})
				return err
			}},
		{"accounts detail async", "GET BankingServices/GetAccountsDetailAsync/" + requestID, "getaccountsdetail_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetAccountsDetailAsync(ctx, requestID)
				return err
			}},
		{"accounts summary", "POST BankingServices/GetAccountsSummary", "getaccountssummary_200.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetAccountsSummary(ctx, flinks.AccountsSummaryRequest{
					RequestID: "request-123", WithBalance: true, WithAccountIdentity: true,
				})
				return err
			}},
		{"accounts summary async", "GET BankingServices/GetAccountsSummaryAsync/" + requestID, "getaccountssummary_200.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetAccountsSummaryAsync(ctx, requestID)
				return err
			}},
		{"attributes", "GET insight/login/" + loginID + "/attributes/" + requestID + "/GetIncomeAttributes", "getincomeattributes_200_shape.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetAttributes(ctx, loginID, requestID, flinks.Income)
				return err
			}},
		{"attributes all", "GET insight/login/" + loginID + "/attributes/" + requestID + "/GetAllAttributes", "getincomeattributes_200_shape.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetAttributes(ctx, loginID, requestID, flinks.All)
				return err
			}},
		{"custom attributes", "POST insight/login/" + loginID + "/attributes/" + requestID, "getincomeattributes_200_shape.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetCustomAttributes(ctx, loginID, requestID, flinks.CustomAttributesRequest{
					Attributes: []string{"count_nsf_fees", "average_monthly_income"}, AccountCategories: []string{"Operations"},
					AccountFilter: []string{"27a9ffa0-c6b9-4cc6-9eaa-aa9efa07a889"}, AttributesDetail: true, LimitDays: 90,
				})
				return err
			}},
		{"custom attributes, least", "POST insight/login/" + loginID + "/attributes/" + requestID, "getincomeattributes_200_shape.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetCustomAttributes(ctx, loginID, requestID, flinks.CustomAttributesRequest{Attributes: []string{"count_nsf_fees"}})
				return err
			}},
		{"set scheduled refresh", "PATCH BankingServices/SetScheduledRefresh", "setscheduledrefresh_200.json",
			func(ctx context.Context, c *flinks.Client) error { return c.SetScheduledRefresh(ctx, loginID, true) }},
		{"set scheduled refresh off", "PATCH BankingServices/SetScheduledRefresh", "setscheduledrefresh_200.json",
			func(ctx context.Context, c *flinks.Client) error { return c.SetScheduledRefresh(ctx, loginID, false) }},
		{"nightly refresh status", "GET BankingServices/GetNightlyRefreshStatus", "getnightlyrefreshstatus_200.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetNightlyRefreshStatus(ctx)
				return err
			}},
		{"mfa questions", "GET BankingServices/GetMFAQuestions/" + loginID, "getmfaquestions_200.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetMFAQuestions(ctx, loginID) //nolint:staticcheck // deprecated by Flinks, and still there
				return err
			}},
		{"answer mfa questions", "PATCH BankingServices/AnswerMFAQuestions", "answermfaquestions_200.json",
			func(ctx context.Context, c *flinks.Client) error {
				//nolint:staticcheck // deprecated by Flinks, and still there
				return c.AnswerMFAQuestions(ctx, "login-1234", []flinks.MFAQuestion{{Question: "Who is the best?", Answer: "ME"}})
			}},
		{"delete card", "DELETE BankingServices/DeleteCard/" + loginID, "answermfaquestions_200.json",
			func(ctx context.Context, c *flinks.Client) error { return c.DeleteCard(ctx, loginID) }},
		{"ids are escaped", "GET BankingServices/GetAccountsDetailAsync/a%2Fb%3Fc=d%20%23..", "getaccountsdetail_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetAccountsDetailAsync(ctx, "a/b?c=d #..")
				return err
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, seen := serve(t, tt.route, answer{status: http.StatusOK, body: payload(t, tt.reply)})
			if err := tt.call(t.Context(), client); err != nil {
				t.Fatal(err)
			}
			golden(t, "requests/"+fileName(tt.name), *seen)
		})
	}
}

func fileName(name string) string {
	b := []byte(name)
	for i, c := range b {
		if c == ' ' || c == ',' {
			b[i] = '_'
		}
	}
	return string(b) + ".golden"
}
