package flinkstest

import (
	"net/http"
	"slices"
	"time"
)

// dataRequest is the body of GetAccountsDetail, GetAccountsSummary and
// GetStatements; each has some of the fields.
type dataRequest struct {
	RequestID                       string `json:"RequestId"`
	WithAccountIdentity             *flag
	WithKYC                         *flag
	WithTransactions                *flag
	WithBalance                     *flag
	WithDetailsAndBankingStatements *flag
	DaysOfTransactions              string
	NumberOfBankingStatements       string
	NumberOfStatements              string
	AccountsFilter                  []string
}

// dataReply is the body of the data endpoints; each has some of the fields.
type dataReply struct {
	HTTPStatusCode      int    `json:"HttpStatusCode"`
	Accounts            any    `json:",omitempty"`
	StatementsByAccount any    `json:",omitempty"`
	Links               any    `json:",omitempty"`
	Tag                 any    `json:",omitempty"`
	InstitutionName     string `json:",omitempty"`
	Login               *loginView
	InstitutionID       int `json:"InstitutionId,omitempty"`
	Institution         string
	RequestID           string `json:"RequestId"`
}

func (s *Server) accountsDetail(c *call) reply {
	return s.data(c, "GetAccountsDetail", func(x *session, req dataRequest) dataReply {
		out := x.reply()
		out.Accounts = x.card.accounts(x.lastRefresh, req)
		return out
	})
}

func (s *Server) accountsSummary(c *call) reply {
	return s.data(c, "GetAccountsSummary", func(x *session, _ dataRequest) dataReply {
		out := x.reply()
		out.Accounts = x.card.summaries()
		out.Links = links("AccountsDetail")
		if x.tag != "" {
			out.Tag = x.tag
		}
		return out
	})
}

func (s *Server) statements(c *call) reply {
	return s.data(c, "GetStatements", func(x *session, req dataRequest) dataReply {
		out := x.reply()
		out.StatementsByAccount = x.card.statements(x.lastRefresh, req)
		// The published reply has neither of these.
		out.InstitutionName, out.InstitutionID = "", 0
		return out
	})
}

// reply is what all data endpoints say. The caller holds the card's mutex.
func (x *session) reply() dataReply {
	return dataReply{
		HTTPStatusCode: http.StatusOK, InstitutionName: x.card.Institution, Login: x.view(),
		InstitutionID: x.card.InstitutionID, Institution: x.card.Institution, RequestID: x.id,
	}
}

// data is one data call, whichever its endpoint and whether it starts the
// operation or polls it.
func (s *Server) data(c *call, base string, show func(*session, dataRequest) dataReply) reply {
	req := dataRequest{RequestID: c.arg}
	if c.op.method == http.MethodPost {
		if rep, ok := c.decode(&req); !ok {
			return rep
		}
		if rep, ok := req.check(c); !ok {
			return rep
		}
	}
	x := s.sessions.find(req.RequestID)
	c.request = req.RequestID
	if x == nil {
		return c.refuse("SESSION_NONEXISTENT")
	}
	k := x.card
	c.login, c.request = k.ID, x.id
	if !s.pause(c, s.opts.Latency.Detail, x.detailLatency()) {
		return reply{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	k.settle(now)
	k.countData(c.op)
	if code := x.open(c.start); code != "" {
		return c.refuse(code).with(0, x)
	}
	if rep, stop := x.work(c, base, now); stop {
		return rep
	}
	return reply{status: http.StatusOK, body: show(x, req)}
}

// check validates a data request's fields.
func (req dataRequest) check(c *call) (reply, bool) {
	if req.RequestID == "" {
		c.mistake = c.op.name + " without RequestId"
		return c.missing("RequestId"), false
	}
	days, periods := []string{"", "Days90", "Days365"}, []string{"", "MostRecent", "Months3", "Months12"}
	for _, f := range []struct {
		name, value string
		allowed     []string
	}{
		{"DaysOfTransactions", req.DaysOfTransactions, days},
		{"NumberOfStatements", req.NumberOfStatements, periods},
		{"NumberOfBankingStatements", req.NumberOfBankingStatements, periods},
	} {
		if !slices.Contains(f.allowed, f.value) {
			c.mistake = f.name + " has an unknown value"
			return c.invalid(f.name, "The value '"+f.value+"' is not valid."), false
		}
	}
	return reply{}, true
}
