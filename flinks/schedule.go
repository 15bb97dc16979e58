package flinks

import (
	"context"
	"encoding/json"
	"net/http"
)

// scheduleReply is a bare JSON string when all is well, and an object when not.
type scheduleReply struct{ head }

func (r *scheduleReply) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return nil
	}
	return json.Unmarshal(data, &r.head)
}

// SetScheduledRefresh puts a login on Flinks' nightly refresh or takes it off.
// Logins that are on are billed. Source: set-scheduled-refresh.
func (c *Client) SetScheduledRefresh(ctx context.Context, loginID string, on bool) error {
	_, err := c.do(ctx, &request{
		op:     OpSetScheduledRefresh,
		method: http.MethodPatch,
		cred:   apiKey(c.APIKey),
		body: struct {
			LoginID     string `json:"loginId"`
			IsActivated bool   `json:"isActivated"`
		}{loginID, on},
		data: []int{http.StatusOK},
	}, &scheduleReply{})
	return err
}

// NightlyRefreshStatus lists the scheduled logins that Flinks will not refresh.
type NightlyRefreshStatus struct {
	IneligibleCards []IneligibleCard
}

// IneligibleCard is a login that has fallen out of the nightly refresh.
type IneligibleCard struct {
	LoginID         string `json:"LoginId"`
	LastRefreshDate Time
	// LastRefreshState is where the last refresh stopped. Only
	// "AnsweringSecurityChallenge" is published.
	LastRefreshState string
	// LastRefreshErrorCode is verbatim, and empty when it was null: so it is
	// for a login that stopped at a challenge.
	LastRefreshErrorCode string
}

// Code is the normal form of LastRefreshErrorCode.
func (c IneligibleCard) Code() Code { return Normalize(c.LastRefreshErrorCode) }

// Challenged reports that the bank asks the holder something.
func (c IneligibleCard) Challenged() bool {
	return c.LastRefreshState == "AnsweringSecurityChallenge"
}

type nightlyReply struct {
	head
	NightlyRefreshStatus
}

// usable: a list, or at least the word that all is well, for a list of null.
func (r *nightlyReply) usable(int) bool {
	return r.IneligibleCards != nil || r.HTTPStatusCode == http.StatusOK
}

// ignoresCode: the published sample has an INVALID_REQUEST beside its list.
func (r *nightlyReply) ignoresCode(status int) bool {
	return status == http.StatusOK && r.IneligibleCards != nil
}

// GetNightlyRefreshStatus asks which scheduled logins are not eligible. It is
// the one call that takes the secret key as a bearer token. Whether the list
// comes in pages is not published. Source: get-nightly-refresh-status.
func (c *Client) GetNightlyRefreshStatus(ctx context.Context) (*NightlyRefreshStatus, error) {
	var w nightlyReply
	_, err := c.do(ctx, &request{
		op:     OpGetNightlyRefreshStatus,
		method: http.MethodGet,
		cred:   bearer(c.SecretKey),
		data:   []int{http.StatusOK},
	}, &w)
	if err != nil {
		return nil, err
	}
	return &w.NightlyRefreshStatus, nil
}
