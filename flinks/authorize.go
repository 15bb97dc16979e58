package flinks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// AuthorizeRequest opens a session. [Cached], [Live] and [Answer] make the
// three that a refresh needs.
type AuthorizeRequest struct {
	LoginID string
	// MostRecentCached asks for what the last refresh brought, its error
	// included. False asks the bank. It is not sent beside a RequestID.
	MostRecentCached bool
	// Save keeps the result of a live session; without it, Flinks may not.
	Save bool
	// Language is "en" or "fr"; empty: Flinks' default.
	Language string
	// Tag comes back in the summary and in webhooks.
	Tag string

	// RequestID and SecurityResponses answer a 203. The responses are keyed
	// by the exact text of the prompt.
	RequestID         string
	SecurityResponses map[string][]Secret

	// Username, Password and Institution connect a new login directly, which
	// Flinks calls legacy: Flinks Connect does it nowadays.
	Username    Secret
	Password    Secret
	Institution string
}

// Cached asks for the data that Flinks holds.
func Cached(loginID string) AuthorizeRequest {
	return AuthorizeRequest{LoginID: loginID, MostRecentCached: true}
}

// Live asks the bank for new data, and keeps it.
func Live(loginID string) AuthorizeRequest {
	return AuthorizeRequest{LoginID: loginID, Save: true}
}

// Answer goes on with a session that was challenged.
func Answer(requestID string, responses map[string][]Secret) AuthorizeRequest {
	return AuthorizeRequest{RequestID: requestID, SecurityResponses: responses}
}

// authorizeBody is the request as it is sent. It alone holds revealed secrets.
type authorizeBody struct {
	LoginID           string              `json:"LoginId,omitempty"`
	RequestID         string              `json:"RequestId,omitempty"`
	SecurityResponses map[string][]string `json:",omitempty"`
	Username          string              `json:",omitempty"`
	Password          string              `json:",omitempty"`
	Institution       string              `json:",omitempty"`
	Language          string              `json:",omitempty"`
	Tag               string              `json:",omitempty"`
	MostRecentCached  *bool               `json:",omitempty"`
	Save              bool                `json:",omitempty"`
}

func (r *AuthorizeRequest) wire() *authorizeBody {
	b := &authorizeBody{
		LoginID: r.LoginID, RequestID: r.RequestID, Institution: r.Institution,
		Username: r.Username.Reveal(), Password: r.Password.Reveal(),
		Language: r.Language, Tag: r.Tag, Save: r.Save,
	}
	if r.RequestID == "" {
		b.MostRecentCached = &r.MostRecentCached
	}
	for prompt, answers := range r.SecurityResponses {
		if b.SecurityResponses == nil {
			b.SecurityResponses = make(map[string][]string, len(r.SecurityResponses))
		}
		for _, a := range answers {
			b.SecurityResponses[prompt] = append(b.SecurityResponses[prompt], a.Reveal())
		}
	}
	return b
}

// AuthorizeResponse is the answer to Authorize: a session that is open, one
// that is being opened, or a challenge.
type AuthorizeResponse struct {
	Status          int    `json:"-"`         // 200, 202 or 203
	RequestID       string `json:"RequestId"` // the session; to be used within 8 minutes
	Institution     string
	InstitutionID   int64 `json:"InstitutionId"` // 0 before September 2022
	InstitutionName string
	Login           *Login     // nil in a 203
	Challenges      Challenges `json:"SecurityChallenges"` // in a 203 only
	Links           []Link
}

// OK reports that the session is open.
func (r *AuthorizeResponse) OK() bool { return r.Status == http.StatusOK }

// Pending reports that a live session for the login is running.
func (r *AuthorizeResponse) Pending() bool { return r.Status == http.StatusAccepted }

// Challenge reports that the bank asks the holder something.
func (r *AuthorizeResponse) Challenge() bool { return r.Status == http.StatusNonAuthoritativeInfo }

// LogValue shows how the call went, and nothing of the holder.
func (r AuthorizeResponse) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("status", r.Status),
		slog.String("request_id", r.RequestID),
		slog.String("institution", r.Institution),
		slog.Int("challenges", len(r.Challenges)),
	)
}

// Format writes the same.
func (r AuthorizeResponse) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, r.LogValue().String())
}

type authorizeReply struct {
	head
	AuthorizeResponse
	lean bool
}

func (r *authorizeReply) decode(body []byte) error {
	if r.lean {
		if _, ok := readPlain(body, r); ok {
			return nil
		}
		*r = authorizeReply{}
	}
	return json.Unmarshal(body, r)
}

func (r *authorizeReply) take(name, value []byte) bool {
	switch string(name) {
	case "RequestId":
		return takeText(value, &r.RequestID)
	case "Institution":
		return takeText(value, &r.Institution)
	case "InstitutionId":
		return takeInt(value, &r.InstitutionID)
	case "InstitutionName":
		return takeText(value, &r.InstitutionName)
	case "Login":
		return takeLogin(value, &r.Login)
	case "SecurityChallenges":
		return json.Unmarshal(value, &r.Challenges) == nil
	case "Links":
		return true
	}
	return r.head.take(name, value, "RequestId", "Institution", "InstitutionId", "InstitutionName", "Login", "SecurityChallenges", "Links")
}

// usable: a 200 is for its RequestId, a 203 for that or for its questions. A
// 202 needs neither, since the call is simply made again.
func (r *authorizeReply) usable(status int) bool {
	switch status {
	case http.StatusOK:
		return r.RequestID != ""
	case http.StatusNonAuthoritativeInfo:
		return r.RequestID != "" || len(r.Challenges) > 0
	}
	return true
}

// ignoresCode: questions are a challenge, whatever code is beside them.
func (r *authorizeReply) ignoresCode(status int) bool {
	return status == http.StatusNonAuthoritativeInfo && len(r.Challenges) > 0
}

// Authorize opens a session, or goes on with one that was challenged. The
// token is spent by it; empty, it is not sent, which instances from before
// October 2024 allow. A 202 is documented for the asynchronous form and for a
// cached call while a live session runs. Source: authorize.
func (c *Client) Authorize(ctx context.Context, token Secret, req AuthorizeRequest) (*AuthorizeResponse, error) {
	w := authorizeReply{lean: c.Lean}
	got, err := c.do(ctx, &request{
		op:     OpAuthorize,
		method: http.MethodPost,
		cred:   authKey(token),
		body:   req.wire(),
		data:   []int{http.StatusOK, http.StatusAccepted, http.StatusNonAuthoritativeInfo},
	}, &w)
	if err != nil {
		return nil, err
	}
	w.Status = got.status
	return &w.AuthorizeResponse, nil
}
