package flinks

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Time is a moment as Flinks writes it: without a zone, which means UTC, and
// with a fraction of any length (six digits in today's samples, seven in those
// of 2019). The zero Time stands for null, for an empty text and for "never".
// Source: authorize, where the zone is an inference from the nightly samples.
type Time struct{ time.Time }

var errBadTime = errors.New("bad time")

// timeLayouts are tried in turn. A fraction needs no place in a layout: the
// time package reads one after the seconds by itself.
var timeLayouts = [...]string{
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05",
	"2006-01-02",
}

// ParseTime reads a moment as Flinks writes it and returns it in UTC. An empty
// text is the zero time. A zone is respected where one is given. Digits beyond
// the nanosecond are cut off.
func ParseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("flinks: %w %q", errBadTime, clip(s, 40))
}

// UnmarshalJSON reads a JSON string or null.
func (t *Time) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	parsed, err := ParseTime(s)
	t.Time = parsed
	return err
}
