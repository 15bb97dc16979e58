package producer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// parseScheduled reads the column scheduled, in capitals or not; nil: it says
// nothing. PostgreSQL's tools write t and f, and a bit of MySQL is a byte.
func parseScheduled(text string) (*bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "":
		return nil, nil
	case "true", "yes", "1", "t", "\x01":
		return new(true), nil
	case "false", "no", "0", "f", "\x00":
		return new(false), nil
	}
	return nil, fmt.Errorf("scheduled is %.40q: want true or false, yes or no, 1 or 0, or nothing", text)
}

// scalar is a value of JSON as a text, whatever it is; null is none.
type scalar string

// UnmarshalJSON takes a text without its quotes, and all else as it stands.
func (s *scalar) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(s))
	}
	*s = scalar(data)
	return nil
}
