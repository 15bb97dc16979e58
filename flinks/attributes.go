package flinks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// AttributeSet is a set of figures that Flinks Enrich computes from the
// transactions of a session. The value is the word in the endpoint's name.
type AttributeSet string

// The sets for consumers. Sources: get-income-attributes and its siblings.
const (
	Income       AttributeSet = "Income"
	CreditRisk   AttributeSet = "CreditRisk"
	Lending      AttributeSet = "Lending"
	UserAnalysis AttributeSet = "UserAnalysis"
	All          AttributeSet = "All" // some 2,200 figures; not with a subscription to one use case
)

// AttributesResponse is the answer of the calls for attributes.
type AttributesResponse struct {
	Status    int    `json:"-"`         // 200, or 202: make the same call again
	RequestID string `json:"RequestId"` // the session
	Login     *Login
	// Card is the object of the figures, as it came: name to value, where a
	// value is a number or a word such as "NONE_DETECTED".
	Card json.RawMessage
	// Raw is the body exactly as it came.
	Raw []byte `json:"-"`
}

// OK reports that the attributes are there.
func (r *AttributesResponse) OK() bool { return r.Status == http.StatusOK }

// Pending reports that Flinks is still at work.
func (r *AttributesResponse) Pending() bool { return r.Status == http.StatusAccepted }

// LogValue shows sizes, and no figure.
func (r AttributesResponse) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("status", r.Status),
		slog.String("request_id", r.RequestID),
		slog.Int("bytes", len(r.Raw)),
	)
}

// Format writes the same.
func (r AttributesResponse) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, r.LogValue().String())
}

type attributesReply struct {
	head
	AttributesResponse
}

func (r *attributesReply) usable(status int) bool {
	return status != http.StatusOK || bytes.HasPrefix(r.Card, []byte("{"))
}

// GetAttributes computes a set of attributes for a session whose accounts
// detail is complete, within 8 minutes of it. While the detail, or another
// such call for the login, is unfinished it is pending.
// Sources: get-income-attributes, enrich/error-codes.
func (c *Client) GetAttributes(ctx context.Context, loginID, requestID string, set AttributeSet) (*AttributesResponse, error) {
	r := &request{op: OpGetAttributes, method: http.MethodGet, path: insight(loginID, requestID)}
	// An empty set must not become the endpoint "GetAttributes".
	name := ""
	if set != "" {
		name = "Get" + string(set) + "Attributes"
	}
	r.path = append(r.path, name)
	return c.attributes(ctx, r)
}

// CustomAttributesRequest names single attributes. Source: consumer-attributes/attributes.
type CustomAttributesRequest struct {
	// Attributes are the names. At least one.
	Attributes []string
	// AccountCategories limits the accounts to these, such as "Operations";
	// empty: all.
	AccountCategories []string
	// AccountFilter limits the accounts to these ids; empty: all.
	AccountFilter []string
	// AttributesDetail asks for what each figure was computed from.
	AttributesDetail bool
	// LimitDays looks that many days back, 1 to 365; 0: Flinks' default. It
	// is sent as a header, as the page describes it.
	LimitDays int
}

type customBody struct {
	Attributes struct {
		Card []string `json:"card"`
	}
	Filters          *customFilters `json:",omitempty"`
	AccountFilter    []string       `json:",omitempty"`
	AttributesDetail bool           `json:",omitempty"`
}

type customFilters struct {
	AccountCategory []string `json:"accountCategory"`
}

// GetCustomAttributes computes single attributes, as [Client.GetAttributes]
// does a set. Source: consumer-attributes/attributes.
func (c *Client) GetCustomAttributes(ctx context.Context, loginID, requestID string, req CustomAttributesRequest) (*AttributesResponse, error) {
	body := customBody{AccountFilter: req.AccountFilter, AttributesDetail: req.AttributesDetail}
	body.Attributes.Card = req.Attributes
	if len(req.AccountCategories) > 0 {
		body.Filters = &customFilters{AccountCategory: req.AccountCategories}
	}
	return c.attributes(ctx, &request{
		op: OpGetCustomAttributes, method: http.MethodPost, path: insight(loginID, requestID),
		body: body, days: req.LimitDays,
	})
}

func insight(loginID, requestID string) []string {
	return []string{"insight", "login", loginID, "attributes", requestID}
}

func (c *Client) attributes(ctx context.Context, r *request) (*AttributesResponse, error) {
	r.cred = apiKey(c.APIKey)
	r.data, r.raw = []int{http.StatusOK, http.StatusAccepted}, true
	var w attributesReply
	got, err := c.do(ctx, r, &w)
	if err != nil {
		return nil, err
	}
	w.Status, w.Raw = got.status, got.body
	return &w.AttributesResponse, nil
}
