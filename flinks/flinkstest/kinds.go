package flinkstest

import (
	"maps"
	"slices"
	"time"
)

// kind is a part of a population. Its logins take its variants in turn, after
// those that come once only.
type kind struct {
	name     string
	once     []variant
	variants []variant
}

// variant is the script of a login.
type variant struct {
	stale                    bool
	last                     Answer
	live, detail, attributes []Answer
}

// refusals are the codes that only the user can mend. The last three are names
// that clients know and no page explains: a caller meets codes it never saw.
var refusals = []string{
	"INVALID_PASSWORD", "INVALID_USERNAME", "INVALID_LOGIN", "QUESTION_NOT_FOUND",
	"INVALID_SECURITY_RESPONSE", "INVALID_SECURITY_RESPONSE_NO_RETRY", "UNKNOWN_CHALLENGE_KEY",
	"SECURITYRESPONSES_INCOMPLETE", "DISABLED_LOGIN", "NEW_ACCOUNT",
	"LOCKED", "UNKNOWN_CHALLENGE_TYPE", "METHOD_NOT_FOUND",
}

var fine = Answer{}

func refusal(code string) Answer { return Answer{FlinksCode: code} }

func fault(word string) Answer { return Answer{Fault: word} }

// kinds are all parts of a population, in the order of the mix.
var kinds = []kind{
	{name: "mfa", variants: []variant{
		{stale: true, live: []Answer{{Challenge: []Challenge{shape}}}},
		{stale: true, live: []Answer{{Challenge: []Challenge{country, city}}}},
		{stale: true, last: refusal("RETRY_LATER"), live: []Answer{{Challenge: []Challenge{city}}}},
		{stale: true, last: Answer{Challenge: []Challenge{shape}}, live: []Answer{{Challenge: []Challenge{shape}}}},
	}},
	{name: "reconnect", variants: reconnects()},
	{
		name:     "failed",
		once:     []variant{{stale: true, live: []Answer{refusal("INVALID_REQUEST")}}},
		variants: each(slices.Sorted(maps.Keys(seven)), func(c string) variant { return variant{stale: true, live: []Answer{refusal(c)}} }),
	},
	{name: "fresh", variants: []variant{{}}},
	{name: "stale", variants: []variant{{stale: true}}},
	{name: "pending", variants: []variant{
		{detail: []Answer{{Polls: 1}}},
		{detail: []Answer{{Polls: 2}}},
		{detail: []Answer{{FlinksCode: "OPERATION_DISPATCHED", Polls: 2}}},
		{stale: true, detail: []Answer{{Polls: 3}}},
		{stale: true, detail: []Answer{{FlinksCode: "OPERATION_PENDING", Pending: 10 * time.Second}}},
	}},
	{name: "retry", variants: slices.Concat(
		each(slices.Sorted(maps.Keys(seven)), func(c string) variant { return variant{last: refusal(c)} }),
		each(slices.Sorted(maps.Keys(seven)), func(c string) variant { return variant{stale: true, live: []Answer{refusal(c), fine}} }),
	)},
	{name: "busy", variants: []variant{
		{stale: true, live: []Answer{refusal("CONCURRENT_SESSION"), fine}},
		{stale: true, live: []Answer{refusal("CARD_IN_USE"), fine}},
		{stale: true, live: []Answer{refusal("TOO_MANY_REQUESTS"), fine}},
		{stale: true, live: []Answer{refusal("ALREADY_AUTHORIZED"), fine}},
		{last: Answer{Polls: 2}},
	}},
	{name: "lost", variants: []variant{
		{detail: []Answer{refusal("SESSION_EXPIRED"), fine}},
		{stale: true, detail: []Answer{refusal("SESSION_NONEXISTENT"), fine}},
		{detail: []Answer{{FlinksCode: "SESSION_EXPIRED", Polls: 2}, fine}},
	}},
	{name: "attributes", variants: []variant{
		{attributes: []Answer{refusal("RETRY_LATER"), fine}},
		{attributes: []Answer{refusal("NO_TRANSACTION")}},
		{attributes: []Answer{{Polls: 2}}},
		{attributes: []Answer{refusal("SESSION_EXPIRED"), fine}},
	}},
	{name: "transport", variants: []variant{
		{last: fault(FaultDrop)},
		{last: fault(FaultHTML)},
		{detail: []Answer{fault(FaultServerError)}},
		{stale: true, detail: []Answer{fault(FaultLost)}},
		{stale: true, live: []Answer{fault(FaultServerError), fine}},
		{stale: true, live: []Answer{fault(FaultLost), fine}},
	}},
	{name: "config", variants: each(
		[]string{"ACCESS_DENIED", "CUSTOMER_NOT_FOUND", "METHOD_NOT_AVAILABLE"},
		func(c string) variant { return variant{stale: true, live: []Answer{refusal(c), fine}} },
	)},
	{name: "later", variants: []variant{{stale: true, live: []Answer{refusal("RETRY_LATER"), fine}}}},
}

// reconnects are the refusals, every other one known since the last refresh.
func reconnects() []variant {
	var out []variant
	for i, c := range refusals {
		v := variant{stale: true, live: []Answer{refusal(c)}}
		if i%2 == 1 {
			v = variant{last: refusal(c)}
		}
		out = append(out, v)
	}
	return out
}

func each(codes []string, script func(string) variant) []variant {
	out := make([]variant, 0, len(codes))
	for _, c := range codes {
		out = append(out, script(c))
	}
	return out
}
