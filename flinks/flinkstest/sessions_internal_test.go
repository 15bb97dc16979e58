package flinkstest

import (
	"strconv"
	"testing"
	"time"
)

func TestOldSessionsAndTokensAreForgotten(t *testing.T) {
	var ss sessions
	var ts tokens
	at := time.Now()
	for i := range 20_000 {
		at = at.Add(time.Second)
		ss.add(&session{id: strconv.Itoa(i), born: at}, at)
		ts.add(strconv.Itoa(i), at)
	}
	// An hour of sessions and half an hour of tokens are in force.
	if n := len(ss.byID); n < 3600 || n > 2*3700+4096 {
		t.Errorf("%d sessions kept", n)
	}
	if n := len(ts.born); n < 1800 || n > 2*1900+1024 {
		t.Errorf("%d tokens kept", n)
	}
}

func TestTheSevenAreTheGuidesSeven(t *testing.T) {
	if len(seven) != 7+2 {
		t.Errorf("%d codes, want seven and two more spellings of one", len(seven))
	}
	for code := range seven {
		if apart[code] {
			t.Errorf("%s never reaches the bank, yet it is one of the seven", code)
		}
	}
}

func TestEveryCodeHasADocumentedOrChosenStatus(t *testing.T) {
	for code, want := range map[string][3]int{ // At Authorize, data, attributes.
		"SESSION_NONEXISTENT":  {400, 400, 400},
		"SESSION_EXPIRED":      {401, 400, 400},
		"RETRY_LATER":          {401, 401, 400},
		"INVALID_REQUEST":      {401, 400, 400},
		"AGGREGATION_ERROR":    {500, 500, 500},
		"DISABLED_INSTITUTION": {405, 405, 405},
		"CARD_IN_USE":          {400, 400, 400},
		"OPERATION_PENDING":    {202, 202, 202},
		"OPERATION_DISPATCHED": {202, 202, 202},
		"UNAUTHORIZED":         {401, 401, 401},
		"INVALID_LOGIN":        {401, 401, 401},
		"TOO_MANY_REQUESTS":    {401, 401, 401},
		"NEVER_HEARD_OF":       {401, 401, 401},
	} {
		got := [3]int{statusOf(atAuthorize, code), statusOf(atData, code), statusOf(atAttributes, code)}
		if got != want {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
	}
}
