package flinks_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nightshift/flinks"
)

// TestDress holds the reading of replies whose HTTP status, HttpStatusCode and
// FlinksCode do not agree.
func TestDress(t *testing.T) {
	const open = `"RequestId":"r","Accounts":[]`
	tests := []struct {
		rule   string
		status int
		body   string
		want   string // the data's status, or the error's text
	}{
		{"HTTP 200 alone", 200, `{` + open + `}`, "200"},
		{"201 is 200", 201, `{` + open + `}`, "200"},
		{"the code OK is no refusal", 200, `{"FlinksCode":"OK",` + open + `}`, "200"},
		{"the code CREATED is no refusal", 201, `{"FlinksCode":"CREATED",` + open + `}`, "200"},
		{"the body's 202 wins over HTTP 200", 200, `{"HttpStatusCode":202,` + open + `}`, "202"},
		{"the body's 200 wins over HTTP 202", 202, `{"HttpStatusCode":200,` + open + `}`, "200"},
		{"the body's 203 wins over HTTP 200", 200, `{"HttpStatusCode":203,` + open + `}`, "203"},
		{"the body's 200 wins over a proxy's 203", 203, `{"HttpStatusCode":200,` + open + `}`, "200"},
		{"the body's 401 wins over HTTP 200", 200, `{"HttpStatusCode":401,"FlinksCode":"INVALID_LOGIN"}`, "flinks: Authorize: HTTP 401 INVALID_LOGIN"},
		{"the body's 401 without a code", 200, `{"HttpStatusCode":401}`, "flinks: Authorize: HTTP 401 without a FlinksCode"},
		{"the body's status as a text", 200, `{"HttpStatusCode":"202",` + open + `}`, "202"},
		{"a body's status that is none", 200, `{"HttpStatusCode":7,` + open + `}`, "200"},
		{"a body's status of another type", 200, `{"HttpStatusCode":[1],` + open + `}`, "200"},
		{"the body's 200 does not heal HTTP 500", 500, `{"HttpStatusCode":200,` + open + `}`, "flinks: Authorize: HTTP 500 without a FlinksCode"},
		{"the body's 203 does not heal HTTP 401", 401, `{"HttpStatusCode":203,` + open + `}`, "flinks: Authorize: HTTP 401 without a FlinksCode"},
		{"pending in a 200", 200, `{"FlinksCode":"OPERATION_PENDING"}`, "202"},
		{"dispatched in a 200", 200, `{"HttpStatusCode":200,"FlinksCode":"operation_dispatched"}`, "202"},
		{"pending in a 401", 401, `{"HttpStatusCode":401,"FlinksCode":"OPERATION_PENDING "}`, "202"},
		{"a code in a 200 refuses", 200, `{"FlinksCode":"RETRY_LATER",` + open + `}`, "flinks: Authorize: HTTP 200 RETRY_LATER"},
		{"a code in a 202 refuses", 202, `{"FlinksCode":"SESSION_EXPIRED"}`, "flinks: Authorize: HTTP 202 SESSION_EXPIRED"},
		{"a code in a 203 without questions refuses", 203, `{"FlinksCode":"TOO_MANY_REQUESTS","RequestId":"r"}`, "flinks: Authorize: HTTP 203 TOO_MANY_REQUESTS"},
		{"a code beside questions does not", 203, `{"FlinksCode":"MFA","SecurityChallenges":[{}]}`, "203"},
		{"a 204", 204, ``, "flinks: Authorize: HTTP 204, reply is not JSON (empty)"},
		{"a body's 204", 200, `{"HttpStatusCode":204}`, "flinks: Authorize: HTTP 204, unusable reply"},
		{"a 203 with nothing", 203, `{}`, "flinks: Authorize: HTTP 203, unusable reply"},
		{"a 200 without a RequestId", 200, `{"HttpStatusCode":200}`, "flinks: Authorize: HTTP 200, unusable reply"},
		{"a 200 of null", 200, `null`, "flinks: Authorize: HTTP 200, unusable reply"},
		{"a 200 that is a list", 200, `[]`, "flinks: Authorize: HTTP 200, json: cannot unmarshal array into Go value of type flinks.authorizeReply"},
		{"a 401 that is a text", 401, `"no"`, "flinks: Authorize: HTTP 401 without a FlinksCode"},
		{"a 401 with fields of odd types keeps its code", 401, `{"Login":7,"FlinksCode":"INVALID_LOGIN"}`, "flinks: Authorize: HTTP 401 INVALID_LOGIN"},
		{"a 401 with an odd time keeps its code", 401, `{"Login":{"LastRefresh":"x"},"FlinksCode":"INVALID_LOGIN"}`, "flinks: Authorize: HTTP 401 INVALID_LOGIN"},
		{"a wrong type in a 200", 200, `{"RequestId":{}}`, "flinks: Authorize: HTTP 200, json: cannot unmarshal object into Go struct field authorizeReply.AuthorizeResponse.RequestId of type string"},
		{"a wrong time in a 200", 200, `{"RequestId":"r","Login":{"LastRefresh":"soon"}}`, `flinks: Authorize: HTTP 200, unusable reply: flinks: bad time "soon"`},
		{"HTML with 200", 200, "<html>\n<body>Hello</body>", "flinks: Authorize: HTTP 200, reply is not JSON (text/html, starts \"<html> <body>Hello</body>\")"},
		{"HTML with 502", 502, "<html>" + strings.Repeat("x", 100), "flinks: Authorize: HTTP 502, reply is not JSON (text/html, starts \"<html>" + strings.Repeat("x", 54) + "…\")"},
		{"nothing with 200", 200, ``, "flinks: Authorize: HTTP 200, reply is not JSON (empty)"},
		{"blanks with 500", 500, " \r\n", "flinks: Authorize: HTTP 500, reply is not JSON (empty)"},
		{"JSON that breaks off", 200, `{"RequestId":"r`, "flinks: Authorize: HTTP 200, unexpected end of JSON input"},
		{"two values", 200, `{} {}`, "flinks: Authorize: HTTP 200, invalid character '{' after top-level value"},
		{"a redirect", 302, `moved`, "flinks: Authorize: HTTP 302, redirect refused"},
		{"a redirect in JSON", 307, `{}`, "flinks: Authorize: HTTP 307, redirect refused"},
		{"an echo of our secrets", 500, "token the-token key the-api-key secret the-secret-key", `flinks: Authorize: HTTP 500, reply is not JSON (text/html, starts "token hidden key hidden secret hidden")`},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			client, _ := serve(t, "POST BankingServices/Authorize", answer{
				status: tt.status, body: tt.body,
				header: http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Location": {"/elsewhere"}},
			})
			resp, err := client.Authorize(t.Context(), token, flinks.Cached(loginID))
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = map[int]string{200: "200", 202: "202", 203: "203"}[resp.Status]
			}
			if got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestUnusable holds each call to what its reply must have, and to the kind of
// error when it does not.
func TestUnusable(t *testing.T) {
	tests := []struct {
		rule  string
		route string
		body  string
		call  func(*flinks.Client, *testing.T) error
		want  flinks.Kind
	}{
		{"a token reply needs a token", "POST BankingServices/GenerateAuthorizeToken", `{"HttpStatusCode":200}`,
			func(c *flinks.Client, t *testing.T) error {
				_, err := c.GenerateAuthorizeToken(t.Context())
				return err
			}, flinks.KindTransport},
		{"a detail needs accounts", "GET BankingServices/GetAccountsDetailAsync/r", `{"HttpStatusCode":200}`,
			func(c *flinks.Client, t *testing.T) error {
				_, err := c.GetAccountsDetailAsync(t.Context(), "r")
				return err
			}, flinks.KindTransport},
		{"a detail is no challenge", "GET BankingServices/GetAccountsDetailAsync/r", `{"HttpStatusCode":203,"Accounts":[]}`,
			func(c *flinks.Client, t *testing.T) error {
				_, err := c.GetAccountsDetailAsync(t.Context(), "r")
				return err
			}, flinks.KindTransport},
		{"attributes need a card", "GET insight/login/l/attributes/r/GetLendingAttributes", `{"HttpStatusCode":200,"Card":null}`,
			func(c *flinks.Client, t *testing.T) error {
				_, err := c.GetAttributes(t.Context(), "l", "r", flinks.Lending)
				return err
			}, flinks.KindTransport},
		{"a schedule cannot be pending", "PATCH BankingServices/SetScheduledRefresh", `{"FlinksCode":"OPERATION_PENDING"}`,
			func(c *flinks.Client, t *testing.T) error { return c.SetScheduledRefresh(t.Context(), "l", true) }, flinks.KindTransport},
		{"a schedule's refusal in a 200", "PATCH BankingServices/SetScheduledRefresh", `{"FlinksCode":"INVALID_LOGIN"}`,
			func(c *flinks.Client, t *testing.T) error { return c.SetScheduledRefresh(t.Context(), "l", true) }, flinks.KindCredentials},
		{"a nightly status needs a list or a word", "GET BankingServices/GetNightlyRefreshStatus", `{}`,
			func(c *flinks.Client, t *testing.T) error {
				_, err := c.GetNightlyRefreshStatus(t.Context())
				return err
			}, flinks.KindTransport},
		{"a nightly status with a code and no list is refused", "GET BankingServices/GetNightlyRefreshStatus", `{"HttpStatusCode":200,"FlinksCode":"UNAUTHORIZED"}`,
			func(c *flinks.Client, t *testing.T) error {
				_, err := c.GetNightlyRefreshStatus(t.Context())
				return err
			}, flinks.KindConfig},
		{"DeleteCard calls its status StatusCode", "DELETE BankingServices/DeleteCard/l", `{"StatusCode":400,"FlinksCode":"CARD_IN_USE"}`,
			func(c *flinks.Client, t *testing.T) error { return c.DeleteCard(t.Context(), "l") }, flinks.KindBusy},
		{"questions need a list", "GET BankingServices/GetMFAQuestions/l", `{}`,
			func(c *flinks.Client, t *testing.T) error {
				_, err := c.GetMFAQuestions(t.Context(), "l") //nolint:staticcheck // deprecated by Flinks, and still there
				return err
			}, flinks.KindTransport},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			client, _ := serve(t, tt.route, answer{status: 200, body: tt.body})
			err := tt.call(client, t)
			if got := flinks.KindOf(err); err == nil || got != tt.want {
				t.Errorf("%v is %s, want %s", err, got, tt.want)
			}
		})
	}
}

// TestRefusal holds the whole error to the body and headers that it is from.
func TestRefusal(t *testing.T) {
	date := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		answer answer
		want   *flinks.Error
	}{
		{"cached 401 with a usable RequestId", answer{status: 401, body: payload(t, "authorize_401_cached_question_not_found_PARTIAL.json")}, &flinks.Error{
			HTTPStatus: 401, FlinksCode: "QUESTION_NOT_FOUND", Code: flinks.CodeQuestionNotFound,
			RequestID: "<present; usable for GetAccountsSummary/GetAccountsDetail>",
		}},
		{"bad secret", answer{status: 401, body: payload(t, "generateauthorizetoken_401_bad_secret.json")}, &flinks.Error{
			HTTPStatus: 401, FlinksCode: "UNAUTHORIZED", Code: flinks.CodeUnauthorized, Message: "You must provide a valid auth key",
		}},
		{"everything", answer{
			status: 400, header: http.Header{"Retry-After": {"90"}},
			body: `{"FlinksCode":" bank maintenance_retry_later","Message":"m","RequestId":"r","Institution":"BMO","ValidationDetails":{"LoginId":["is missing"]}}`,
		}, &flinks.Error{
			HTTPStatus: 400, FlinksCode: " bank maintenance_retry_later", Code: flinks.CodeBankMaintenance, Message: "m",
			RequestID: "r", Institution: "BMO", Validation: map[string][]string{"LoginId": {"is missing"}}, RetryAfter: 90 * time.Second,
		}},
		{"validation of another form, and all null", answer{
			status: 400, body: `{"FlinksCode":"INVALID_REQUEST","Message":null,"RequestId":null,"ValidationDetails":["x"]}`,
		}, &flinks.Error{HTTPStatus: 400, FlinksCode: "INVALID_REQUEST", Code: flinks.CodeInvalidRequest}},
		{"a code that is no text", answer{status: 400, body: `{"FlinksCode":5,"Message":"m"}`}, &flinks.Error{HTTPStatus: 400, Message: "m"}},
		{"retry after a date, by the server's clock", answer{
			status: 429, body: `{}`, header: http.Header{
				"Date": {date.Format(http.TimeFormat)}, "Retry-After": {date.Add(2 * time.Minute).Format(http.TimeFormat)},
			},
		}, &flinks.Error{HTTPStatus: 429, RetryAfter: 2 * time.Minute}},
		{"retry after a page", answer{status: 503, body: ``, header: http.Header{"Retry-After": {"5"}}}, &flinks.Error{
			HTTPStatus: 503, RetryAfter: 5 * time.Second, Err: flinks.ErrNotJSON,
		}},
		{"retry after years is a day", answer{status: 429, body: `{}`, header: http.Header{"Retry-After": {"9223372036854775807"}}}, &flinks.Error{
			HTTPStatus: 429, RetryAfter: 24 * time.Hour,
		}},
		{"retry before now is none", answer{status: 429, body: `{}`, header: http.Header{"Retry-After": {"-5"}}}, &flinks.Error{HTTPStatus: 429}},
		{"retry after words is none", answer{status: 429, body: `{}`, header: http.Header{"Retry-After": {"soon"}}}, &flinks.Error{HTTPStatus: 429}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, _ := serve(t, "POST BankingServices/Authorize", tt.answer)
			_, err := client.Authorize(t.Context(), token, flinks.Cached(loginID))
			got, ok := errors.AsType[*flinks.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			tt.want.Op = "Authorize"
			if diff := cmp.Diff(*tt.want, *got, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorsKeepTheirCause(t *testing.T) {
	read := func(body string) error {
		client, _ := serve(t, "GET BankingServices/GetAccountsDetailAsync/r", answer{status: 200, body: body})
		_, err := client.GetAccountsDetailAsync(t.Context(), "r")
		return err
	}
	if _, ok := errors.AsType[*json.SyntaxError](read(`{"Accounts":[}`)); !ok {
		t.Error("no *json.SyntaxError")
	}
	err := read(`{"Accounts":[{"Title":12345}]}`)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok || !strings.HasSuffix(e.Field, "Accounts.Title") {
		t.Errorf("no *json.UnmarshalTypeError at Accounts.Title: %v", err)
	}
	for _, body := range []string{`{"InstitutionId":98765432109876543210}`, `{"Accounts":[{"OverdraftLimit":"98765"}]}x`, `{"Accounts":[{"OverdraftLimit":"9876543x"}]}`} {
		if err := read(body); err == nil || strings.Contains(err.Error(), "9876") || flinks.KindOf(err) != flinks.KindTransport {
			t.Errorf("%s: %v", body, err)
		}
	}
}
