package flinks

import (
	"errors"
	"net/http"
)

// Kind is what an error of a call means: about thirty codes in a handful of
// words. It says what has happened, never what to do about it.
type Kind string

// The kinds.
const (
	// KindNone is that of no error.
	KindNone Kind = ""
	// KindTransport is anything short of an answer by Flinks: a connection
	// that failed, a time-out, a status without a FlinksCode, a reply that is
	// not JSON, was cut off, or lacks what the call is for. Nothing is known
	// about the login.
	KindTransport Kind = "transport"
	// KindRetryable is trouble at Flinks or at the bank that passes by itself.
	KindRetryable Kind = "retryable"
	// KindSessionLost says that the RequestId is no longer good.
	KindSessionLost Kind = "session_lost"
	// KindUnauthorized is ambiguous: the bank has refused the login, or our
	// authorize token or key is bad, or the session was never opened.
	KindUnauthorized Kind = "unauthorized"
	// KindBusy says that another session for the login is open.
	KindBusy Kind = "busy"
	// KindThrottled says that we call too often.
	KindThrottled Kind = "throttled"
	// KindConfig is a fault of our own settings: a bad secret, a feature that
	// is not enabled. No login is to blame, and every call will fail alike.
	KindConfig Kind = "config"
	// KindInvalidRequest says that Flinks finds the request malformed.
	KindInvalidRequest Kind = "invalid_request"
	// KindAlreadyAuthorized says that the session is open already.
	KindAlreadyAuthorized Kind = "already_authorized"
	// KindNoTransaction says that there are too few transactions to compute
	// attributes from.
	KindNoTransaction Kind = "no_transaction"
	// KindCredentials says that the bank, or Flinks, does not accept the login.
	KindCredentials Kind = "credentials"
	// KindSecurityAnswer says that an answer to the bank's question is wrong
	// or missing.
	KindSecurityAnswer Kind = "security_answer"
	// KindDisabledLogin says that the bank has deactivated the login.
	KindDisabledLogin Kind = "disabled_login"
	// KindHolderAction says that the holder has something to do on the bank's
	// own site first.
	KindHolderAction Kind = "holder_action"
	// KindUnknown is a FlinksCode that is not in the catalogue.
	KindUnknown Kind = "unknown"
)

// String returns the word, "none" for [KindNone].
func (k Kind) String() string {
	if k == KindNone {
		return "none"
	}
	return string(k)
}

// KindOf says what an error of this package's calls means. nil is [KindNone];
// an error of any other origin is [KindTransport].
func KindOf(err error) Kind {
	if err == nil {
		return KindNone
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return KindTransport
	case errors.Is(e.Err, ErrSettings):
		return KindConfig
	case errors.Is(e.Err, ErrBadID):
		return KindInvalidRequest
	case e.HTTPStatus == http.StatusTooManyRequests:
		return KindThrottled
	case e.Code == "":
		return e.kindWithoutCode()
	}
	return e.kindWithCode()
}

// kindWithCode corrects the table for the calls that no bank takes part in:
// there, a refusal is about our secret.
func (e *Error) kindWithCode() Kind {
	kind := kindOfCode(e.Code)
	switch e.Op {
	case OpGenerateAuthorizeToken:
		if kind != KindThrottled && kind != KindRetryable && kind != KindTransport {
			return KindConfig
		}
	case OpGetNightlyRefreshStatus:
		if kind == KindUnauthorized {
			return KindConfig
		}
	}
	return kind
}

// kindWithoutCode is transport trouble, but for a plain 401 or 403 to a call
// that shows nothing but our secret.
func (e *Error) kindWithoutCode() Kind {
	onlySecret := e.Op == OpGenerateAuthorizeToken || e.Op == OpGetNightlyRefreshStatus
	refused := e.HTTPStatus == http.StatusUnauthorized || e.HTTPStatus == http.StatusForbidden
	if onlySecret && refused && e.Err == nil {
		return KindConfig
	}
	return KindTransport
}

// kindOfCode is the table. A code of success or of waiting that comes where it
// has no place is an unusable reply. NO_BROWSER_AVAILABLE is retryable by
// inference: Flinks publishes no text for it.
func kindOfCode(c Code) Kind {
	switch c {
	case "", CodeOK, CodeCreated, CodeOperationPending, CodeOperationDispatched:
		return KindTransport
	case CodeRetryLater, CodeAggregationError, CodeDisabledInstitution, CodeBankMaintenance, CodeNoBrowserAvailable:
		return KindRetryable
	case CodeSessionExpired, CodeSessionNonexistent:
		return KindSessionLost
	case CodeUnauthorized:
		return KindUnauthorized
	case CodeConcurrentSession, CodeCardInUse:
		return KindBusy
	case CodeTooManyRequests:
		return KindThrottled
	case CodeAccessDenied, CodeCustomerNotFound, CodeMethodNotAvailable:
		return KindConfig
	case CodeInvalidRequest:
		return KindInvalidRequest
	case CodeAlreadyAuthorized:
		return KindAlreadyAuthorized
	case CodeNoTransaction:
		return KindNoTransaction
	case CodeInvalidLogin, CodeInvalidUsername, CodeInvalidPassword:
		return KindCredentials
	case CodeInvalidSecurity, CodeInvalidSecurityFinal, CodeQuestionNotFound, CodeUnknownChallengeKey, CodeResponsesIncomplete:
		return KindSecurityAnswer
	case CodeDisabledLogin:
		return KindDisabledLogin
	case CodeNewAccount:
		return KindHolderAction
	}
	return KindUnknown
}
