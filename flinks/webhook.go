package flinks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// HeaderSignature is the header of a push that holds its signature, by three
// public code bases. The docs' sample reads X-Flinks-Signature instead.
const HeaderSignature = "flinks-authenticity-key"

// The values of [Push.ResponseType] that are documented for account linking.
const (
	PushAccountsDetail = "GetAccountsDetail" // the accounts of a session are there
	PushKYC            = "KYC"               // the holder's data, early
)

// Push is what a webhook brings, without its data: which session it is about,
// and how that went. A field that is missing or odd is empty.
type Push struct {
	ResponseType string // verbatim; what it is about
	Status       int    // HttpStatusCode; 200 when all is well
	FlinksCode   string // verbatim; none is documented in a push
	RequestID    string
	LoginID      string
	Institution  string
	LastRefresh  time.Time // UTC
}

// ErrPush says that a push is no JSON object.
var ErrPush = errors.New("a push is no JSON object")

// Signature signs a push: base64 of HMAC-SHA256 over the raw body.
// Source: webhooks/hmac-validation, and three signed samples of public code.
func Signature(secret Secret, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Signed reports whether a push was signed with the secret. The body is the
// raw one, before anybody has decoded it. It takes the same time whatever the
// signature; without a secret nothing is signed.
func Signed(secret Secret, body []byte, signature string) bool {
	return hmac.Equal([]byte(Signature(secret, body)), []byte(signature)) && secret != ""
}

// DecodePush reads a push whose signature is right. Its error is [ErrPush],
// which repeats nothing of the body: that holds accounts and names.
func DecodePush(body []byte) (Push, error) {
	text := trimBOM(body)
	var w struct {
		ResponseType, FlinksCode, Institution looseText
		HTTPStatusCode                        statusCode `json:"HttpStatusCode"`
		RequestID                             looseText  `json:"RequestId"`
		Login                                 looseLogin
	}
	if len(text) == 0 || text[0] != '{' || json.Unmarshal(text, &w) != nil {
		return Push{}, fmt.Errorf("flinks: %w", ErrPush)
	}
	p := Push{
		ResponseType: string(w.ResponseType), Status: int(w.HTTPStatusCode), FlinksCode: string(w.FlinksCode),
		RequestID: string(w.RequestID), LoginID: string(w.Login.ID), Institution: string(w.Institution),
	}
	p.LastRefresh, _ = ParseTime(string(w.Login.LastRefresh)) // an odd one is none
	return p, nil
}

// IsAccountsDetail reports whether a ResponseType means that the accounts of a
// session are there, whatever its capitals.
func IsAccountsDetail(responseType string) bool {
	return strings.EqualFold(responseType, PushAccountsDetail)
}

// looseText is a text; anything else is none.
type looseText string

func (t *looseText) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = looseText(s)
	}
	return nil
}

// looseLogin is what a push says of its login; anything but an object says
// nothing.
type looseLogin struct {
	ID          looseText `json:"Id"`
	LastRefresh looseText
}

func (l *looseLogin) UnmarshalJSON(data []byte) error {
	type plain looseLogin
	var p plain
	if json.Unmarshal(data, &p) == nil {
		*l = looseLogin(p)
	}
	return nil
}
