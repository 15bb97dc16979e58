package flinkstest

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody bounds a request's body; the largest documented one has a few
// hundred bytes.
const maxBody = 1 << 20

// call is one request on its way through the server, with what the journal
// wants to know about it.
type call struct {
	r       *http.Request
	body    []byte
	seq     uint64
	start   time.Time
	op      operation
	arg     string // The id at the end of a BankingServices path.
	loginID string // The path's login of an insight call.
	name    string // The attribute set of an insight call.

	login, mode, request, mistake string
	gone                          bool
}

// operation is one endpoint.
type operation struct {
	name   string
	method string
	hasArg bool // The path ends with an id.
	key    credential
	place  place
	handle func(*Server, *call) reply
}

// operations are the endpoints under BankingServices.
var operations = byName([]operation{
	{"GenerateAuthorizeToken", http.MethodPost, false, secretKey, atToken, (*Server).generateAuthorizeToken},
	{"Authorize", http.MethodPost, false, authorizeToken, atAuthorize, (*Server).authorize},
	{"GetAccountsDetail", http.MethodPost, false, apiKey, atData, (*Server).accountsDetail},
	{"GetAccountsDetailAsync", http.MethodGet, true, apiKey, atData, (*Server).accountsDetail},
	{"GetAccountsSummary", http.MethodPost, false, apiKey, atData, (*Server).accountsSummary},
	{"GetAccountsSummaryAsync", http.MethodGet, true, apiKey, atData, (*Server).accountsSummary},
	{"GetStatements", http.MethodPost, false, apiKey, atData, (*Server).statements},
	{"GetStatementsAsync", http.MethodGet, true, apiKey, atData, (*Server).statements},
	{"GetMFAQuestions", http.MethodGet, true, noKey, atData, (*Server).mfaQuestions},
	{"AnswerMFAQuestions", http.MethodPatch, false, noKey, atData, (*Server).answerMFAQuestions},
	{"SetScheduledRefresh", http.MethodPatch, false, noKey, atData, (*Server).setScheduledRefresh},
	{"GetNightlyRefreshStatus", http.MethodGet, false, bearer, atData, (*Server).nightlyRefreshStatus},
	{"DeleteCard", http.MethodDelete, true, noKey, atData, (*Server).deleteCard},
})

func byName(list []operation) map[string]operation {
	m := make(map[string]operation, len(list))
	for _, op := range list {
		m[op.name] = op
	}
	return m
}

// begin reads the whole request at once: only then does net/http notice a
// client that leaves.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) *call {
	c := &call{r: r, seq: s.calls.Add(1), start: time.Now()}
	if r.Body != nil {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			c.mistake = "request body could not be read"
		}
		c.body = body
	}
	return c
}

// route finds the call's operation. It splits the path itself, because a
// ServeMux answers an unclean path with a redirect and the wire knows none.
func (s *Server) route(c *call) (reply, bool) {
	part := strings.Split(strings.TrimPrefix(c.r.URL.Path, "/"), "/")
	found := false
	if len(part) >= 4 && part[0] == "v3" {
		switch part[2] {
		case "BankingServices":
			found = c.banking(part[3:])
		case "insight":
			found = c.insight(part[3:])
		}
	}
	switch {
	case !found:
		c.mistake = "unknown path " + c.r.URL.Path
		return plain(http.StatusNotFound, "No such resource"), true
	case c.r.Method != c.op.method:
		c.mistake = c.op.name + " takes " + c.op.method + ", not " + c.r.Method
		return plain(http.StatusMethodNotAllowed, "The method is not allowed for this resource"), true
	case part[1] != s.opts.CustomerID:
		c.mistake = "unknown customerId"
		return c.refuse("CUSTOMER_NOT_FOUND"), true
	}
	return reply{}, false
}

// banking reads /BankingServices/<operation>[/<id>].
func (c *call) banking(part []string) bool {
	op, ok := operations[part[0]]
	if !ok || op.hasArg != (len(part) == 2) || len(part) > 2 {
		return false
	}
	c.op = op
	if op.hasArg {
		c.arg = part[1]
	}
	return c.arg != "" || !op.hasArg
}

// insight reads /insight/login/<loginId>/attributes/<requestId>[/<name>]. The
// form without a name takes a list of attributes in its body.
func (c *call) insight(part []string) bool {
	if len(part) < 4 || len(part) > 5 || part[0] != "login" || part[2] != "attributes" {
		return false
	}
	c.loginID, c.arg = part[1], part[3]
	c.op = operation{"Attributes", http.MethodPost, true, apiKey, atAttributes, (*Server).attributes}
	if len(part) == 5 {
		c.op.name, c.op.method, c.name = part[4], http.MethodGet, part[4]
		if _, known := attributeSets[c.name]; !known {
			c.op.name = "Attributes"
		}
	}
	return c.loginID != "" && c.arg != ""
}
