package flinks_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"nightshift/flinks"
)

// catalogue is every code that Flinks or a client of it names, with the
// statuses that it is documented with. 0 stands for none documented.
var catalogue = []struct {
	code     flinks.Code
	statuses []int
	kind     flinks.Kind
	nightly  bool
}{
	{flinks.CodeSessionNonexistent, []int{400}, flinks.KindSessionLost, true},
	{flinks.CodeSessionExpired, []int{400, 401}, flinks.KindSessionLost, true},
	{flinks.CodeCardInUse, []int{400}, flinks.KindBusy, false},
	{flinks.CodeRetryLater, []int{401, 400}, flinks.KindRetryable, true},
	{flinks.CodeAggregationError, []int{500}, flinks.KindRetryable, true},
	{flinks.CodeDisabledInstitution, []int{405}, flinks.KindRetryable, true},
	{flinks.CodeUnauthorized, []int{401}, flinks.KindUnauthorized, true},
	{flinks.CodeBankMaintenance, []int{0}, flinks.KindRetryable, true},
	{flinks.CodeAccessDenied, []int{401}, flinks.KindConfig, false},
	{flinks.CodeInvalidLogin, []int{400, 401}, flinks.KindCredentials, false},
	{flinks.CodeInvalidRequest, []int{400, 401}, flinks.KindInvalidRequest, false},
	{flinks.CodeInvalidUsername, []int{401}, flinks.KindCredentials, false},
	{flinks.CodeInvalidPassword, []int{401}, flinks.KindCredentials, false},
	{flinks.CodeInvalidSecurity, []int{401}, flinks.KindSecurityAnswer, false},
	{flinks.CodeInvalidSecurityFinal, []int{401}, flinks.KindSecurityAnswer, false},
	{flinks.CodeQuestionNotFound, []int{401}, flinks.KindSecurityAnswer, false},
	{flinks.CodeUnknownChallengeKey, []int{401}, flinks.KindSecurityAnswer, false},
	{flinks.CodeResponsesIncomplete, []int{401}, flinks.KindSecurityAnswer, false},
	{flinks.CodeDisabledLogin, []int{401}, flinks.KindDisabledLogin, false},
	{flinks.CodeNewAccount, []int{401}, flinks.KindHolderAction, false},
	{flinks.CodeConcurrentSession, []int{0, 409}, flinks.KindBusy, false},
	{flinks.CodeAlreadyAuthorized, []int{0}, flinks.KindAlreadyAuthorized, false},
	{flinks.CodeNoTransaction, []int{0}, flinks.KindNoTransaction, false},
	{flinks.CodeTooManyRequests, []int{401, 403, 429, 400, 503}, flinks.KindThrottled, false},
	{flinks.CodeMethodNotAvailable, []int{0}, flinks.KindConfig, false},
	{flinks.CodeCustomerNotFound, []int{0}, flinks.KindConfig, false},
	{flinks.CodeNoBrowserAvailable, []int{0}, flinks.KindRetryable, false},
	{"LOCKED", []int{401}, flinks.KindUnknown, false},
	{"METHOD_NOT_FOUND", []int{404}, flinks.KindUnknown, false},
}

// TestCatalogue sends each code in each of its dresses, and in those that no
// page documents: with HTTP 200 and with a gateway's 500.
func TestCatalogue(t *testing.T) {
	for _, tt := range catalogue {
		for _, status := range append(tt.statuses, 200, 500) {
			if status == 0 {
				status = 401
			}
			t.Run(fmt.Sprintf("%s with HTTP %d", tt.code, status), func(t *testing.T) {
				client, _ := serve(t, "POST BankingServices/Authorize", answer{
					status: status, body: fmt.Sprintf(`{"HttpStatusCode":%d,"FlinksCode":%q,"RequestId":"r"}`, status, tt.code),
				})
				_, err := client.Authorize(t.Context(), token, flinks.Cached(loginID))
				if got := flinks.KindOf(err); got != tt.kind {
					t.Errorf("KindOf(%v) = %s, want %s", err, got, tt.kind)
				}
				if e, ok := errors.AsType[*flinks.Error](err); !ok || e.Code != tt.code || e.HTTPStatus != status || e.RequestID != "r" {
					t.Errorf("error is %#v", err)
				}
			})
		}
		if got := tt.code.NightlySafe(); got != tt.nightly {
			t.Errorf("%s.NightlySafe() = %v", tt.code, got)
		}
		if got, want := tt.code.Known(), tt.kind != flinks.KindUnknown; got != want {
			t.Errorf("%s.Known() = %v", tt.code, got)
		}
	}
}

func TestKindOf(t *testing.T) {
	const mint, status = "GenerateAuthorizeToken", "GetNightlyRefreshStatus"
	refused := func(op string, status int, code flinks.Code) error {
		return &flinks.Error{Op: op, HTTPStatus: status, Code: code}
	}
	tests := []struct {
		rule string
		err  error
		want flinks.Kind
	}{
		{"no error", nil, flinks.KindNone},
		{"an error of another origin", errors.New("x"), flinks.KindTransport},
		{"a context that ended", context.DeadlineExceeded, flinks.KindTransport},
		{"through a wrapping", fmt.Errorf("w: %w", refused("Authorize", 401, flinks.CodeInvalidLogin)), flinks.KindCredentials},
		{"no reply", &flinks.Error{Op: "Authorize", Err: context.Canceled}, flinks.KindTransport},
		{"500 without a code", refused("Authorize", 500, ""), flinks.KindTransport},
		{"401 without a code", refused("Authorize", 401, ""), flinks.KindTransport},
		{"429 without a code", refused("Authorize", 429, ""), flinks.KindThrottled},
		{"429 as a page", &flinks.Error{HTTPStatus: 429, Err: flinks.ErrNotJSON}, flinks.KindThrottled},
		{"429 with another code", refused("Authorize", 429, flinks.CodeUnauthorized), flinks.KindThrottled},
		{"an unusable 200", &flinks.Error{HTTPStatus: 200, Err: flinks.ErrUnusable}, flinks.KindTransport},
		{"pending where it has no place", refused("SetScheduledRefresh", 202, flinks.CodeOperationPending), flinks.KindTransport},

		{"token: unauthorized is our secret", refused(mint, 401, flinks.CodeUnauthorized), flinks.KindConfig},
		{"token: invalid request is our settings", refused(mint, 400, flinks.CodeInvalidRequest), flinks.KindConfig},
		{"token: access denied is our settings", refused(mint, 401, flinks.CodeAccessDenied), flinks.KindConfig},
		{"token: a login's code is our settings", refused(mint, 401, flinks.CodeInvalidLogin), flinks.KindConfig},
		{"token: an unknown code is our settings", refused(mint, 401, "LOCKED"), flinks.KindConfig},
		{"token: throttled stays", refused(mint, 401, flinks.CodeTooManyRequests), flinks.KindThrottled},
		{"token: retryable stays", refused(mint, 500, flinks.CodeAggregationError), flinks.KindRetryable},
		{"token: pending is unusable", refused(mint, 202, flinks.CodeOperationPending), flinks.KindTransport},
		{"token: plain 401", refused(mint, 401, ""), flinks.KindConfig},
		{"token: plain 403", refused(mint, 403, ""), flinks.KindConfig},
		{"token: plain 500", refused(mint, 500, ""), flinks.KindTransport},
		{"token: a page with 403", &flinks.Error{Op: mint, HTTPStatus: 403, Err: flinks.ErrNotJSON}, flinks.KindTransport},

		{"nightly status: unauthorized is our secret", refused(status, 401, flinks.CodeUnauthorized), flinks.KindConfig},
		{"nightly status: plain 401", refused(status, 401, ""), flinks.KindConfig},
		{"nightly status: invalid request", refused(status, 400, flinks.CodeInvalidRequest), flinks.KindInvalidRequest},

		{"bad settings", &flinks.Error{Err: fmt.Errorf("%w: x", flinks.ErrSettings)}, flinks.KindConfig},
		{"bad id", &flinks.Error{Err: fmt.Errorf("%w: x", flinks.ErrBadID)}, flinks.KindInvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			if got := flinks.KindOf(tt.err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNormalize(t *testing.T) {
	tests := []struct {
		rule, in string
		want     flinks.Code
	}{
		{"as it is", "RETRY_LATER", flinks.CodeRetryLater},
		{"nothing", "", ""},
		{"only blanks", " \t", ""},
		{"blanks around, as one client has it", "INVALID_SECURITY_RESPONSE ", flinks.CodeInvalidSecurity},
		{"lower case", "retry_later", flinks.CodeRetryLater},
		{"maintenance with a blank", "BANK MAINTENANCE_RETRY_LATER", flinks.CodeBankMaintenance},
		{"maintenance with underscores", "BANK_MAINTENANCE_RETRY_LATER", flinks.CodeBankMaintenance},
		{"maintenance misspelt", "BANK_MAINTENENACE_RETRY_LATER", flinks.CodeBankMaintenance},
		{"maintenance misspelt, with blanks", "bank maintenenace  retry later", flinks.CodeBankMaintenance},
		{"unknown", "something new", "SOMETHING_NEW"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			if got := flinks.Normalize(tt.in); got != tt.want {
				t.Errorf("Normalize(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestNightlySafeAreSeven(t *testing.T) {
	var safe []string
	for _, c := range catalogue {
		if c.code.NightlySafe() {
			safe = append(safe, string(c.code))
		}
	}
	if len(safe) != 7 {
		t.Errorf("%d codes: %s", len(safe), strings.Join(safe, ", "))
	}
}

func TestKindNone(t *testing.T) {
	if got := flinks.KindNone.String() + " " + flinks.KindBusy.String(); got != "none busy" {
		t.Error(got)
	}
	if flinks.Code("").Known() {
		t.Error("no code is known")
	}
}
