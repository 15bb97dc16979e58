package event

import (
	"encoding/json"
	"fmt"
)

// LiveCalls is the message on [LiveSubject]: how many live calls a cycle has
// used, the one that is about to be made included. Each is written on top of
// the one that its writer has read, so that no two workers count the same call.
type LiveCalls struct {
	Cycle string `json:"cycle"`
	Live  int    `json:"live"`
	Owner string `json:"owner,omitempty"` // of the lease under which it was written
}

// Encode writes the message's data.
func (l LiveCalls) Encode() ([]byte, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("event: encode live calls: %w", err)
	}
	return data, nil
}

// DecodeLiveCalls reads the message's data.
func DecodeLiveCalls(data []byte) (LiveCalls, error) {
	var l LiveCalls
	if err := json.Unmarshal(data, &l); err != nil {
		return LiveCalls{}, fmt.Errorf("event: decode live calls: %w", err)
	}
	return l, nil
}
