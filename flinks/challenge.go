package flinks

import (
	"bytes"
	"encoding/json"
)

// Challenge is a question of the bank to the holder. Only the type
// QuestionAndAnswer is published. Raw holds it as it came, so that the others
// are not lost. Source: authorize.
type Challenge struct {
	Type      string
	Prompt    string
	Iterables []string // what to choose from; known from client libraries only
	Raw       json.RawMessage
}

// UnmarshalJSON never fails: what does not fit its field is in Raw alone.
func (c *Challenge) UnmarshalJSON(data []byte) error {
	c.Raw = bytes.Clone(data)
	var fields struct{ Type, Prompt, Iterables json.RawMessage }
	if json.Unmarshal(data, &fields) != nil {
		return nil
	}
	// An absent field is no JSON at all, which leaves the zero value as well.
	_ = json.Unmarshal(fields.Type, &c.Type)
	_ = json.Unmarshal(fields.Prompt, &c.Prompt)
	if json.Unmarshal(fields.Iterables, &c.Iterables) != nil {
		c.Iterables = nil
	}
	return nil
}

// Challenges is a list of them.
type Challenges []Challenge

// UnmarshalJSON never fails: anything but a list becomes one challenge.
func (c *Challenges) UnmarshalJSON(data []byte) error {
	var list []Challenge
	if json.Unmarshal(data, &list) == nil {
		*c = list
		return nil
	}
	*c = Challenges{{Raw: bytes.Clone(data)}}
	return nil
}
