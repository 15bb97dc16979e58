package main

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"nightshift/flinks"
)

// hidden is what a secret looks like wherever it is printed.
const hidden = "hidden"

// Secret is a text that no log, message or dump ever shows.
type Secret = flinks.Secret

// Address is one URL or several with commas between them, which may hold a
// password. It prints without the password; [Address.Reveal] is for dialling.
type Address string

// Reveal returns the address as it was given, password included.
func (a Address) Reveal() string { return string(a) }

func (a Address) String() string {
	var shown []string
	for one := range strings.SplitSeq(string(a), ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil {
			return hidden
		}
		// Redis and NATS take secrets in the query and a bare token in the
		// place of the user's name; neither is needed to recognise a server.
		u.RawQuery = ""
		if _, withPassword := u.User.Password(); u.User != nil && !withPassword {
			u.User = url.User("xxxxx")
		}
		shown = append(shown, u.Redacted())
	}
	return strings.Join(shown, ",")
}

// LogValue is the address without its password.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText is the address without its password.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Format makes every verb print the address without its password.
func (a Address) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }
