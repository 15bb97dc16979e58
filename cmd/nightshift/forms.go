package main

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"nightshift/producer"
	"nightshift/producer/event"
)

// text takes any text.
func text() form[string] {
	return form[string]{
		kind:  "text",
		parse: func(s string) (string, error) { return s, nil },
		show:  func(s string) string { return s },
	}
}

// choice takes one of a few words.
func choice(words ...string) form[string] {
	return form[string]{
		kind: strings.Join(words, "|"),
		parse: func(s string) (string, error) {
			if !slices.Contains(words, s) {
				return "", fmt.Errorf("%q is none of %s", s, strings.Join(words, ", "))
			}
			return s, nil
		},
		show: func(s string) string { return s },
	}
}

// attributes takes a set of Flinks Enrich. Their names are too many to stand
// beside the flag.
func attributes() form[string] {
	f := choice(append([]string{"none"}, event.AttributeSets...)...)
	f.kind = "set"
	return f
}

// onOff takes true or false.
func onOff() form[bool] {
	return form[bool]{
		kind: "bool",
		parse: func(s string) (bool, error) {
			on, err := strconv.ParseBool(s)
			if err != nil {
				return false, fmt.Errorf("%q is neither true nor false", s)
			}
			return on, nil
		},
		show: strconv.FormatBool,
	}
}

// whole takes a whole number from least to most.
func whole(least, most int) form[int] {
	return form[int]{
		kind: "number",
		parse: func(s string) (int, error) {
			n, err := strconv.Atoi(s)
			if err != nil || n < least || n > most {
				return 0, fmt.Errorf("%q is no whole number from %d to %d", s, least, most)
			}
			return n, nil
		},
		show: strconv.Itoa,
	}
}

// oneOf takes one of a few whole numbers.
func oneOf(numbers ...int) form[int] {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	named := choice(words...)
	return form[int]{
		kind: named.kind,
		parse: func(s string) (int, error) {
			if _, err := named.parse(s); err != nil {
				return 0, err
			}
			return strconv.Atoi(s)
		},
		show: strconv.Itoa,
	}
}

// span takes a time span of at least the given length.
func span(least time.Duration) form[time.Duration] {
	return form[time.Duration]{
		kind: "duration",
		parse: func(s string) (time.Duration, error) {
			d, err := time.ParseDuration(s)
			if err != nil {
				return 0, fmt.Errorf("%q is no duration: write it like 3s, 30m or 24h", s)
			}
			if d < least {
				return 0, fmt.Errorf("%s is too short: the least is %s", s, showSpan(least))
			}
			return d, nil
		},
		show: showSpan,
	}
}

// showSpan writes a duration without the zero units at its end: 24h, not
// 24h0m0s, and 0, not 0s.
func showSpan(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// address takes URLs of the given schemes, several with commas between them.
func address(schemes ...string) form[Address] {
	return form[Address]{
		kind: "url",
		parse: func(s string) (Address, error) {
			for one := range strings.SplitSeq(s, ",") {
				u, err := url.Parse(strings.TrimSpace(one))
				if err != nil || !slices.Contains(schemes, u.Scheme) || (u.Host == "" && u.Path == "") {
					// The text is not repeated: it may hold a password.
					return "", fmt.Errorf("not a URL that begins with %s", orList(schemes))
				}
			}
			return Address(s), nil
		},
		show: func(a Address) string { return a.String() },
	}
}

func orList(schemes []string) string {
	return strings.Join(schemes, ":// or ") + "://"
}

// secret takes a text that nobody may see.
func secret() form[Secret] {
	return form[Secret]{
		kind: "secret",
		parse: func(s string) (Secret, error) {
			if strings.ContainsAny(s, "\r\n\x00") {
				return "", fmt.Errorf("the secret must be one line")
			}
			return Secret(s), nil
		},
		show: func(s Secret) string {
			if s == "" {
				return ""
			}
			return hidden
		},
	}
}

// window takes two times of day, such as 04:00-08:00.
func window() form[producer.Window] {
	return form[producer.Window]{kind: "hh:mm-hh:mm", parse: producer.ParseWindow, show: producer.Window.String}
}

// zone takes the name of a time zone, such as America/Toronto.
func zone() form[*time.Location] {
	return form[*time.Location]{
		kind: "zone",
		parse: func(s string) (*time.Location, error) {
			z, err := time.LoadLocation(s)
			if err != nil || s == "" || s == "Local" {
				return nil, fmt.Errorf("%q is no time zone: write UTC or a name like America/Toronto", s)
			}
			return z, nil
		},
		show: (*time.Location).String,
	}
}

// moment takes a time: how long ago, such as 24h, a day in UTC, or RFC 3339.
func moment() form[time.Time] {
	return form[time.Time]{
		kind: "time",
		parse: func(s string) (time.Time, error) {
			if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
				return now().Add(-ago), nil
			}
			for _, layout := range []string{time.RFC3339, time.DateOnly} {
				if t, err := time.Parse(layout, s); err == nil {
					return t.UTC(), nil
				}
			}
			return time.Time{}, fmt.Errorf("%q is no time: write it like 24h (ago), 2026-11-22 or 2026-11-22T04:30:00Z", s)
		},
		show: func(t time.Time) string {
			if t.IsZero() {
				return ""
			}
			return t.Format(time.RFC3339)
		},
	}
}
