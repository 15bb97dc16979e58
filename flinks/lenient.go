package flinks

import (
	"encoding/json"
	"strconv"
	"strings"
)

// validation is ValidationDetails, whose form is known from one client only.
// A form that does not fit is left out.
type validation map[string][]string

func (v *validation) UnmarshalJSON(data []byte) error {
	var m map[string][]string
	if json.Unmarshal(data, &m) == nil {
		*v = m
	}
	return nil
}

// statusCode is a status as a number or as its digits in a string; 0 if neither.
type statusCode int

func (s *statusCode) UnmarshalJSON(data []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(data), `"`))
	if err == nil {
		*s = statusCode(n)
	}
	return nil
}

// Bool is true or false, also as a string, which some of Flinks' samples have.
// Anything else is false.
type Bool bool

// UnmarshalJSON never fails.
func (b *Bool) UnmarshalJSON(data []byte) error {
	*b = Bool(strings.EqualFold(strings.Trim(string(data), `"`), "true"))
	return nil
}
