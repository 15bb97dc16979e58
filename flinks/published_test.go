package flinks_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nightshift/flinks"
)

// TestPublishedRequests holds the bodies to the requests that Flinks' docs and
// public clients publish: every field of theirs is sent, with the same value.
// Flinks matches the names without regard to case.
func TestPublishedRequests(t *testing.T) {
	tests := []struct {
		published string
		route     string
		reply     string
		call      func(context.Context, *flinks.Client) error
	}{
		{"authorize_request_cached.json", "POST BankingServices/Authorize", "authorize_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.Authorize(ctx, token, flinks.Cached("5e115eac-1209-4f19-641c-08d6d484e2fe"))
				return err
			}},
		{"authorize_request_live_loginid.json", "POST BankingServices/Authorize", "authorize_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.Authorize(ctx, token, flinks.Live("{{LoginId}}"))
				return err
			}},
		{"authorize_request_live_credentials.json", "POST BankingServices/Authorize", "authorize_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.Authorize(ctx, token, flinks.AuthorizeRequest{
					Username: "greatday", Password: "everyday", Institution: "FlinksCapital", Language: "en", Save: true,
				})
				return err
			}},
		{"authorize_request_live_credentials_legacy.json", "POST BankingServices/Authorize", "authorize_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.Authorize(ctx, token, flinks.AuthorizeRequest{
					Username: "Greatday", Password: "Everyday", Institution: "FlinksCapital", Save: true,
				})
				return err
			}},
		{"authorize_request_mfa_answer.json", "POST BankingServices/Authorize", "authorize_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.Authorize(ctx, token, flinks.Answer("006fd2f3-055b-4ef6-a9fc-c1261cd76ec6",
					map[string][]flinks.Secret{"What shape do people like most?": {"Triangle"}}))
				return err
			}},
		{"getaccountsdetail_request_minimal.json", "POST BankingServices/GetAccountsDetail", "getaccountsdetail_200_current.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetAccountsDetail(ctx, flinks.AccountsDetailRequest{RequestID: "3fa391bc-bc52-4424-82c5-8662600df9b2"})
				return err
			}},
		{"getaccountssummary_request.json", "POST BankingServices/GetAccountsSummary", "getaccountssummary_200.json",
			func(ctx context.Context, c *flinks.Client) error {
				_, err := c.GetAccountsSummary(ctx, flinks.AccountsSummaryRequest{
					RequestID: "request-123", WithBalance: true, WithAccountIdentity: true,
				})
				return err
			}},
		{"setscheduledrefresh_request_docs.json", "PATCH BankingServices/SetScheduledRefresh", "setscheduledrefresh_200.json",
			func(ctx context.Context, c *flinks.Client) error { return c.SetScheduledRefresh(ctx, loginID, false) }},
		{"setscheduledrefresh_request_clients.json", "PATCH BankingServices/SetScheduledRefresh", "setscheduledrefresh_200.json",
			func(ctx context.Context, c *flinks.Client) error {
				return c.SetScheduledRefresh(ctx, "login-1234", true)
			}},
		{"answermfaquestions_request_clients.json", "PATCH BankingServices/AnswerMFAQuestions", "answermfaquestions_200.json",
			func(ctx context.Context, c *flinks.Client) error {
				//nolint:staticcheck // deprecated by Flinks, and still there
				return c.AnswerMFAQuestions(ctx, "login-1234", []flinks.MFAQuestion{{Question: "Who is the best?", Answer: "ME"}})
			}},
	}
	for _, tt := range tests {
		t.Run(tt.published, func(t *testing.T) {
			client, seen := serve(t, tt.route, answer{status: http.StatusOK, body: payload(t, tt.reply)})
			if err := tt.call(t.Context(), client); err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(*seen, "\n\n")
			sent, want := fields(t, body), fields(t, payload(t, tt.published))
			for name := range sent {
				if _, ok := want[name]; !ok {
					delete(sent, name)
				}
			}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Errorf("(-published +sent):\n%s", diff)
			}
		})
	}
}

func fields(t *testing.T, body string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}
	lower := map[string]any{}
	for name, v := range m {
		lower[strings.ToLower(name)] = v
	}
	return lower
}
