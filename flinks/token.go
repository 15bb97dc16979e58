package flinks

import (
	"context"
	"encoding/json"
	"net/http"
)

type tokenReply struct {
	head
	Token string
}

func (r *tokenReply) decode(body []byte) error {
	if _, ok := readPlain(body, r); ok {
		return nil
	}
	*r = tokenReply{}
	return json.Unmarshal(body, r)
}

func (r *tokenReply) take(name, value []byte) bool {
	if string(name) == "Token" {
		return takeText(value, &r.Token)
	}
	return r.head.take(name, value, "Token")
}

func (r *tokenReply) usable(int) bool { return r.Token != "" }

// GenerateAuthorizeToken asks for a token to authorize with. It is good for
// one use and lives 30 minutes unused; the reconnect page says 15. A refusal
// is about our secret, not about any login: [KindConfig].
// Source: generate-authorize-token.
func (c *Client) GenerateAuthorizeToken(ctx context.Context) (Secret, error) {
	var w tokenReply
	_, err := c.do(ctx, &request{
		op:     OpGenerateAuthorizeToken,
		method: http.MethodPost,
		cred:   authKey(c.SecretKey),
		data:   []int{http.StatusOK},
	}, &w)
	return Secret(w.Token), err
}
