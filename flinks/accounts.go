package flinks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// The values of [AccountsDetailRequest.DaysOfTransactions].
const (
	Days90  = "Days90"
	Days365 = "Days365"
)

// AccountsDetailRequest says what to fetch. The three first choices are always
// sent, so that false means no and not "Flinks' default". Source: get-accounts-detail.
type AccountsDetailRequest struct {
	RequestID string `json:"RequestId"`
	// WithAccountIdentity adds transit, institution and account numbers.
	WithAccountIdentity bool
	// WithKYC adds the holder.
	WithKYC bool
	// WithTransactions adds the transactions of the last DaysOfTransactions.
	WithTransactions bool
	// DaysOfTransactions is Days90 or Days365; empty: Flinks' default.
	DaysOfTransactions string `json:",omitempty"`
	// AccountsFilter is a list of account ids; empty: all.
	AccountsFilter []string `json:",omitempty"`
	// WithDetailsAndBankingStatements adds statements, as many as
	// NumberOfBankingStatements says, such as "MostRecent".
	WithDetailsAndBankingStatements bool   `json:",omitempty"`
	NumberOfBankingStatements       string `json:",omitempty"`
}

// AccountsSummaryRequest says what to fetch. Source: get-accounts-summary.
type AccountsSummaryRequest struct {
	RequestID           string `json:"RequestId"`
	WithBalance         bool
	WithAccountIdentity bool
}

// AccountsDetailResponse is the answer of the four calls for accounts. A
// summary is a detail without transactions.
type AccountsDetailResponse struct {
	Status          int       `json:"-"` // 200, or 202: go on with the Async call
	Accounts        []Account // in a 202, whatever is there so far; empty with [Client.Lean]
	Login           *Login
	RequestID       string `json:"RequestId"`
	Institution     string
	InstitutionID   int64 `json:"InstitutionId"`
	InstitutionName string
	Tag             string // as given to Authorize; in a summary
	Links           []Link
	// Raw is the body exactly as it came, for storing: it has what this
	// package does not know.
	Raw []byte `json:"-"`

	accounts, transactions int // that were counted and not decoded
}

// Counts are the numbers of accounts and of their transactions.
func (r *AccountsDetailResponse) Counts() (accounts, transactions int) {
	accounts, transactions = r.accounts+len(r.Accounts), r.transactions
	for _, a := range r.Accounts {
		transactions += len(a.Transactions)
	}
	return accounts, transactions
}

// OK reports that the accounts are complete.
func (r *AccountsDetailResponse) OK() bool { return r.Status == http.StatusOK }

// Pending reports that Flinks is still at work.
func (r *AccountsDetailResponse) Pending() bool { return r.Status == http.StatusAccepted }

// LogValue shows sizes, and nothing of what is in the accounts.
func (r AccountsDetailResponse) LogValue() slog.Value {
	accounts, _ := r.Counts()
	return slog.GroupValue(
		slog.Int("status", r.Status),
		slog.String("request_id", r.RequestID),
		slog.Int("accounts", accounts),
		slog.Int("bytes", len(r.Raw)),
	)
}

// Format writes the same.
func (r AccountsDetailResponse) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, r.LogValue().String())
}

type accountsReply struct {
	head
	AccountsDetailResponse
	lean bool
}

func (r *accountsReply) decode(body []byte) error {
	if r.lean {
		if c, ok := readPlain(body, r); ok {
			r.accounts, r.transactions = c.accounts, c.transactions
			return nil
		}
		*r = accountsReply{}
	}
	return json.Unmarshal(body, r)
}

// take leaves the accounts where they are; that they are there is noted.
func (r *accountsReply) take(name, value []byte) bool {
	switch string(name) {
	case "Accounts":
		r.Accounts = nil
		if value[0] == '[' {
			r.Accounts = []Account{}
		}
		return true
	case "Login":
		return takeLogin(value, &r.Login)
	case "RequestId":
		return takeText(value, &r.RequestID)
	case "Institution":
		return takeText(value, &r.Institution)
	case "InstitutionId":
		return takeInt(value, &r.InstitutionID)
	case "InstitutionName":
		return takeText(value, &r.InstitutionName)
	case "Tag":
		return takeText(value, &r.Tag)
	case "Links":
		return true
	}
	return r.head.take(name, value, "Accounts", "Login", "RequestId", "Institution", "InstitutionId", "InstitutionName", "Tag", "Links")
}

// usable: a 200 without a list of accounts is none, though the list may be empty.
func (r *accountsReply) usable(status int) bool {
	return status != http.StatusOK || r.Accounts != nil
}

// GetAccountsDetail fetches accounts and transactions. It may take 210 s; what
// takes longer goes on in the background (202), as does, as a rule, the first
// call after a live Authorize. Source: get-accounts-detail.
func (c *Client) GetAccountsDetail(ctx context.Context, req AccountsDetailRequest) (*AccountsDetailResponse, error) {
	return c.accounts(ctx, &request{op: OpGetAccountsDetail, method: http.MethodPost, body: req})
}

// GetAccountsDetailAsync asks for the result of a GetAccountsDetail that was
// pending, under the same RequestId. Flinks gives up after 30 minutes.
// Source: get-accounts-detail-async.
func (c *Client) GetAccountsDetailAsync(ctx context.Context, requestID string) (*AccountsDetailResponse, error) {
	return c.accounts(ctx, &request{op: OpGetAccountsDetailAsync, method: http.MethodGet, path: banking(OpGetAccountsDetailAsync, requestID)})
}

// GetAccountsSummary fetches the accounts without their transactions.
// Source: get-accounts-summary.
func (c *Client) GetAccountsSummary(ctx context.Context, req AccountsSummaryRequest) (*AccountsDetailResponse, error) {
	return c.accounts(ctx, &request{op: OpGetAccountsSummary, method: http.MethodPost, body: req})
}

// GetAccountsSummaryAsync asks for the result of a GetAccountsSummary that was
// pending. Source: get-accounts-summary-async.
func (c *Client) GetAccountsSummaryAsync(ctx context.Context, requestID string) (*AccountsDetailResponse, error) {
	return c.accounts(ctx, &request{op: OpGetAccountsSummaryAsync, method: http.MethodGet, path: banking(OpGetAccountsSummaryAsync, requestID)})
}

func (c *Client) accounts(ctx context.Context, r *request) (*AccountsDetailResponse, error) {
	r.cred = apiKey(c.APIKey)
	r.data, r.raw = []int{http.StatusOK, http.StatusAccepted}, true
	w := accountsReply{lean: c.Lean}
	got, err := c.do(ctx, r, &w)
	if err != nil {
		return nil, err
	}
	w.Status, w.Raw = got.status, got.body
	return &w.AccountsDetailResponse, nil
}
