package event

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// DurablePushes is the durable consumer on [StreamPushes] that wakes the jobs
// which wait for a push.
const DurablePushes = "pushes"

// Push is the notice of something that Flinks has pushed: that it came, and
// for which session. What came with it, the accounts among it, is not kept: a
// worker fetches them, as it does without pushes.
type Push struct {
	LoginID      string    `json:"loginId"`
	RequestID    string    `json:"requestId"`    // the Flinks session that it belongs to
	ResponseType string    `json:"responseType"` // verbatim, such as GetAccountsDetail or KYC
	Status       int       `json:"status,omitempty"`
	FlinksCode   string    `json:"flinksCode,omitempty"` // verbatim; with a refusal
	Institution  string    `json:"institution,omitempty"`
	LastRefresh  time.Time `json:"lastRefresh,omitzero"` // when the bank was last read, UTC
	Received     time.Time `json:"received"`             // when it reached us, UTC
}

// PushSubject is where the notices of a login lie.
func PushSubject(loginID string) string { return "refresh.push." + loginID }

// MsgID is the Nats-Msg-Id of the notice. Flinks pushes several things of one
// session, and each of them again until it is answered.
func (p Push) MsgID() string { return p.RequestID + ":" + p.ResponseType }

// word is what the ids and names in a push look like.
var word = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// Check reports the first field that breaks a rule. It does not repeat what
// the field holds: it is foreign.
func (p Push) Check() error {
	switch {
	case CheckLoginID(p.LoginID) != nil:
		return fmt.Errorf("%w: none, or not of its form", ErrLoginID)
	case !word.MatchString(p.RequestID):
		return fmt.Errorf("bad requestId: none, or not of its form")
	case !word.MatchString(p.ResponseType):
		return fmt.Errorf("bad responseType: none, or not of its form")
	}
	return nil
}

// Encode writes the notice's data.
func (p Push) Encode() ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("event: encode push: %w", err)
	}
	return data, nil
}

// DecodePush reads a notice's data and checks it.
func DecodePush(data []byte) (Push, error) {
	var p Push
	if err := json.Unmarshal(data, &p); err != nil {
		return Push{}, fmt.Errorf("event: decode push: %w", err)
	}
	if err := p.Check(); err != nil {
		return Push{}, fmt.Errorf("event: decode push: %w", err)
	}
	return p, nil
}
