package flinks

import (
	"context"
	"net/http"
)

// DeleteCard deletes a login and all its data at Flinks, for good. Right after
// an Authorize it is refused as busy. Source: delete-card, whose path and reply
// are known from client libraries.
func (c *Client) DeleteCard(ctx context.Context, loginID string) error {
	_, err := c.do(ctx, &request{
		op:     OpDeleteCard,
		method: http.MethodDelete,
		path:   banking(OpDeleteCard, loginID),
		cred:   apiKey(c.APIKey),
		data:   []int{http.StatusOK},
	}, &head{})
	return err
}
