package flinks

import "strings"

// Code is a FlinksCode in its normal form: see [Normalize]. Flinks' own name
// for what happened; the HTTP status beside it is not reliable.
type Code string

// The codes that Flinks publishes, or that its public client libraries know.
// Sources: authorize/error-codes, enrich/error-codes, flinks-connect/handled-errors
// and the older reference/error-codes; "(clients)" where only libraries name it.
const (
	CodeOK      Code = "OK"      // 200; in the table, not seen in a body
	CodeCreated Code = "CREATED" // 201; in the table, not seen in a body

	CodeOperationPending    Code = "OPERATION_PENDING"    // 202: still processing
	CodeOperationDispatched Code = "OPERATION_DISPATCHED" // 202: took more than 210 s, goes on in the background

	CodeSessionNonexistent Code = "SESSION_NONEXISTENT" // the RequestId is unknown or has expired
	CodeSessionExpired     Code = "SESSION_EXPIRED"     // 8 minutes idle, or 30 minutes in all

	CodeRetryLater           Code = "RETRY_LATER"                  // the bank could not be reached, or attributes not be computed
	CodeAggregationError     Code = "AGGREGATION_ERROR"            // an unexpected error at Flinks
	CodeDisabledInstitution  Code = "DISABLED_INSTITUTION"         // the institution is not available
	CodeBankMaintenance      Code = "BANK_MAINTENANCE_RETRY_LATER" // the bank is in maintenance; spelt in three ways
	CodeNoBrowserAvailable   Code = "NO_BROWSER_AVAILABLE"         // a name only (clients)
	CodeTooManyRequests      Code = "TOO_MANY_REQUESTS"            // the request rate is too high; with 401, 403 or 429
	CodeConcurrentSession    Code = "CONCURRENT_SESSION"           // another session is open for this LoginId
	CodeCardInUse            Code = "CARD_IN_USE"                  // such as DeleteCard right after Authorize
	CodeUnauthorized         Code = "UNAUTHORIZED"                 // refused by the bank, or a bad secret or token
	CodeAccessDenied         Code = "ACCESS_DENIED"                // no valid credentials on the call
	CodeCustomerNotFound     Code = "CUSTOMER_NOT_FOUND"           // a name only (clients)
	CodeMethodNotAvailable   Code = "METHOD_NOT_AVAILABLE"         // not enabled on this instance
	CodeInvalidRequest       Code = "INVALID_REQUEST"              // malformed or missing input
	CodeAlreadyAuthorized    Code = "ALREADY_AUTHORIZED"           // Authorize was called again after its success
	CodeNoTransaction        Code = "NO_TRANSACTION"               // none, or fewer than 25, so no attributes
	CodeInvalidLogin         Code = "INVALID_LOGIN"                // the LoginId is unknown, or the bank refused the login
	CodeInvalidUsername      Code = "INVALID_USERNAME"             // refused by the bank
	CodeInvalidPassword      Code = "INVALID_PASSWORD"             // refused by the bank
	CodeDisabledLogin        Code = "DISABLED_LOGIN"               // the bank has deactivated the account
	CodeNewAccount           Code = "NEW_ACCOUNT"                  // the holder must act on the bank's site first
	CodeQuestionNotFound     Code = "QUESTION_NOT_FOUND"           // no stored answer for the bank's question
	CodeUnknownChallengeKey  Code = "UNKNOWN_CHALLENGE_KEY"        // an answer to a question that was not asked
	CodeResponsesIncomplete  Code = "SECURITYRESPONSES_INCOMPLETE" // not all questions were answered (clients)
	CodeInvalidSecurity      Code = "INVALID_SECURITY_RESPONSE"    // a wrong answer
	CodeInvalidSecurityFinal Code = "INVALID_SECURITY_RESPONSE_NO_RETRY"
)

// Normalize gives a FlinksCode, as it came, its normal form: trimmed, blanks
// as underscores, upper case, and one spelling for the maintenance code, which
// Flinks' pages write in three ways.
func Normalize(s string) Code {
	c := Code(strings.ToUpper(strings.Join(strings.Fields(s), "_")))
	if c == "BANK_MAINTENENACE_RETRY_LATER" {
		return CodeBankMaintenance
	}
	return c
}

// NightlySafe reports whether a login that met the code stays in Flinks'
// nightly refresh. These seven are the guide's list: nightly-refresh.
func (c Code) NightlySafe() bool {
	switch c {
	case CodeRetryLater, CodeAggregationError, CodeSessionExpired, CodeDisabledInstitution,
		CodeUnauthorized, CodeSessionNonexistent, CodeBankMaintenance:
		return true
	}
	return false
}

// Known reports whether the code is in the catalogue. The number of known
// codes is small and fixed, which is what a metric's label needs.
func (c Code) Known() bool { return c != "" && kindOfCode(c) != KindUnknown }

// pending reports that Flinks is still at work.
func (c Code) pending() bool { return c == CodeOperationPending || c == CodeOperationDispatched }

// refuses reports that a code beside a good status makes it a refusal.
func (c Code) refuses() bool {
	return c != "" && c != CodeOK && c != CodeCreated && !c.pending()
}
