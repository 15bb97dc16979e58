package flinkstest

import "net/http"

// place is where in the API a code is met; a few have another status there.
type place int

const (
	atToken place = iota
	atAuthorize
	atData
	atAttributes
)

// seven are the codes after which a login stays eligible for the nightly
// refresh; the guide answers them with a live Authorize. The maintenance code
// is published in three spellings.
var seven = map[string]bool{
	"RETRY_LATER": true, "AGGREGATION_ERROR": true, "SESSION_EXPIRED": true,
	"DISABLED_INSTITUTION": true, "UNAUTHORIZED": true, "SESSION_NONEXISTENT": true,
	"BANK_MAINTENANCE_RETRY_LATER":  true,
	"BANK MAINTENANCE_RETRY_LATER":  true,
	"BANK_MAINTENENACE_RETRY_LATER": true,
}

// apart are the codes that are no outcome of a bank session: Flinks answers
// them before it drives a bank, and so cached mode never repeats them.
var apart = map[string]bool{
	"CONCURRENT_SESSION": true, "CARD_IN_USE": true, "TOO_MANY_REQUESTS": true,
	"INVALID_REQUEST": true, "ACCESS_DENIED": true, "CUSTOMER_NOT_FOUND": true,
	"METHOD_NOT_AVAILABLE": true,
}

// statuses are the HTTP statuses of the codes that do not have 401. The
// documented ones are Flinks'; the others are choices, since a caller has to
// go by the code and not by the status.
var statuses = map[string]int{
	"OPERATION_PENDING":    http.StatusAccepted,
	"OPERATION_DISPATCHED": http.StatusAccepted,
	"SESSION_NONEXISTENT":  http.StatusBadRequest,
	"CARD_IN_USE":          http.StatusBadRequest,
	"AGGREGATION_ERROR":    http.StatusInternalServerError,
	"DISABLED_INSTITUTION": http.StatusMethodNotAllowed,

	// No page names a status for these.
	"CONCURRENT_SESSION":   http.StatusConflict,
	"ALREADY_AUTHORIZED":   http.StatusBadRequest,
	"NO_TRANSACTION":       http.StatusBadRequest,
	"METHOD_NOT_AVAILABLE": http.StatusBadRequest,
	"NO_BROWSER_AVAILABLE": http.StatusInternalServerError,
}

// statusOf is the HTTP status of a code at a place. Codes that are met nowhere
// in the documentation get 401, like most that are: the maintenance codes (as
// RETRY_LATER), CUSTOMER_NOT_FOUND and any unknown one.
func statusOf(at place, code string) int {
	switch {
	case code == "INVALID_REQUEST" && at != atAuthorize,
		code == "SESSION_EXPIRED" && at != atAuthorize,
		code == "RETRY_LATER" && at == atAttributes:
		// The current table has 401 at Authorize, the attributes' own has 400.
		// The data endpoints between them follow the latter by choice.
		return http.StatusBadRequest
	}
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusUnauthorized
}

// messageOf is a text for people; nothing may be decided by it.
func messageOf(code string) string {
	switch code {
	case "OPERATION_PENDING", "OPERATION_DISPATCHED":
		return "Your operation is still processing"
	case "SESSION_NONEXISTENT":
		return "The RequestId is invalid or session has ended"
	case "SESSION_EXPIRED":
		return "The session has expired, authorize again"
	case "TOO_MANY_REQUESTS":
		return "Too many requests"
	case "INVALID_REQUEST":
		return "The request is invalid"
	}
	return "The request ended with " + code
}
