package flinkstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// pushBody is the webhook of GetAccountsDetail: the reply of that call, and
// which call it is of.
type pushBody struct {
	ResponseType string
	dataReply
}

// Push ends the processing of a session's accounts and returns the webhook that
// Flinks posts then; nil: there is no such session. The simulator posts
// nothing by itself, as Flinks' own sandbox does not.
func (s *Server) Push(requestID string) []byte {
	x := s.sessions.find(requestID)
	if x == nil {
		return nil
	}
	x.card.mu.Lock()
	defer x.card.mu.Unlock()
	x.polls, x.script.Pending = 0, 0
	reply := x.reply()
	reply.Accounts = x.card.accounts(x.lastRefresh, dataRequest{RequestID: requestID})
	body, err := json.Marshal(pushBody{"GetAccountsDetail", reply})
	if err != nil {
		panic(err) // it is made of our own types
	}
	return body
}

// SignPush is the signature of a webhook's body, as it stands in the header
// flinks-authenticity-key.
func SignPush(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
