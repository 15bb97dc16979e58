package flinkstest

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// attributeSets are the use cases, each with a few of its attributes. Real ones
// have up to two thousand; none of these values means anything.
var attributeSets = map[string]map[string]any{
	"GetIncomeAttributes":           {"average_monthly_employer_income": 1234.56, "employer_income_frequency": "Monthly"},
	"GetCreditRiskAttributes":       {"count_nsf_30_days": 0, "average_closing_balance_30_days": 321.09},
	"GetLendingAttributes":          {"total_loan_payments_90_days": 111.11, "micro_lender_detected": "NONE_DETECTED"},
	"GetUserAnalysisAttributes":     {"account_age_days": 365, "active_days_30_days": 12},
	"GetAllAttributes":              {"average_monthly_employer_income": 1234.56, "count_nsf_30_days": 0, "account_age_days": 365},
	"GetBusinessAnalysisAttributes": {"average_monthly_revenue": 4321.01},
	"GetAllBusinessAttributes":      {"average_monthly_revenue": 4321.01, "count_nsf_30_days": 0},
}

var attributeName = regexp.MustCompile(`^[A-Za-z0-9_]{1,100}$`)

// attributesRequest is the body of a custom list of attributes.
type attributesRequest struct {
	Attributes       struct{ Card []string }
	Filters          struct{ AccountCategory []string }
	AccountFilter    *[]string
	AttributesDetail json.RawMessage
}

// attributes answers the insight calls: once the session's data is there and
// no other such call runs for the login.
func (s *Server) attributes(c *call) reply {
	c.login, c.request = strings.ToLower(c.loginID), c.arg
	x := s.sessions.find(c.arg)
	if x == nil || !strings.EqualFold(x.card.ID, c.loginID) {
		return c.refuse("SESSION_NONEXISTENT")
	}
	k := x.card
	c.login, c.request = k.ID, x.id
	values, rep, ok := c.wanted(k)
	if !ok {
		return rep
	}
	k.mu.Lock()
	k.settle(c.start)
	k.stats.Attributes++
	a := nth(k.Attributes, k.attribute)
	if rep, stop := x.attributesWait(c, a); stop {
		k.mu.Unlock()
		return rep
	}
	k.attributesRun++
	k.mu.Unlock()
	stayed := s.pause(c, s.opts.Latency.Detail, a.Latency)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.attributesRun--
	if !stayed {
		return reply{}
	}
	return x.attributesEnd(c, a, values)
}

// attributesWait answers a call that cannot be served, or not yet. The caller
// holds the card's mutex.
func (x *session) attributesWait(c *call, a Answer) (reply, bool) {
	k := x.card
	if code := x.open(c.start); code != "" {
		return c.refuse(code).with(0, x), true
	}
	if x.stage == authorized {
		c.mistake = "Attributes before GetAccountsDetail"
	}
	if x.stage != done || k.attributesRun > 0 {
		return x.pending(c, ""), true
	}
	x.used = c.start
	if k.attributePolls < a.Polls {
		k.attributePolls++
		return x.pending(c, ""), true
	}
	return reply{}, false
}

// attributesEnd concludes a call. The caller holds the card's mutex.
func (x *session) attributesEnd(c *call, a Answer, values map[string]any) reply {
	k := x.card
	k.attribute++
	k.attributePolls = 0
	x.used = time.Now()
	if a.Fault != "" {
		return reply{fault: a.Fault}
	}
	if code := a.end(); code != "" {
		x.lose(code)
		return c.refuse(code).with(a.Status, x)
	}
	card := map[string]any{"Id": k.ID}
	maps.Copy(card, values)
	return reply{status: http.StatusOK, body: struct {
		HTTPStatusCode int `json:"HttpStatusCode"`
		Card           map[string]any
		Login          *loginView
		RequestID      string `json:"RequestId"`
	}{http.StatusOK, card, x.view(), x.id}}
}

// wanted reads which attributes a call asks for.
func (c *call) wanted(k *card) (map[string]any, reply, bool) {
	if c.name != "" {
		if set, ok := attributeSets[c.name]; ok {
			return set, reply{}, true
		}
		c.mistake = "unknown attribute set"
		return nil, c.invalid("name", "The attribute set does not exist."), false
	}
	var req attributesRequest
	if rep, ok := c.decode(&req); !ok {
		return nil, rep, false
	}
	values := map[string]any{}
	for i, name := range req.Attributes.Card {
		if !attributeName.MatchString(name) {
			return nil, c.invalid("Attributes", "An attribute does not exist."), false
		}
		values[name] = 10*i + 1
	}
	days := c.r.Header.Get("limitDays")
	n, err := strconv.Atoi(days)
	switch {
	case len(values) == 0:
		return nil, c.missing("Attributes"), false
	case days != "" && (err != nil || n < 1 || n > 365):
		return nil, c.invalid("limitDays", "The value must be between 1 and 365."), false
	case req.AccountFilter != nil && !k.owns(*req.AccountFilter):
		return nil, c.invalid("AccountFilter", "The filter is empty or names an unknown account."), false
	}
	return values, reply{}, true
}
