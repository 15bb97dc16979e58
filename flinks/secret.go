package flinks

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden stands wherever a secret would.
const hidden = "hidden"

// Secret is a text that must not be seen: a key, a token, a password, the
// username at a bank. Every way of printing or encoding it gives "hidden";
// only [Secret.Reveal] gives the text.
//
// Three ways around it remain, since no method is called there: an unexported
// field of a struct that is printed, the key of a map in JSON, and the verb %p,
// which go vet reports. So keep it in exported fields and in values.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "hidden".
func (Secret) String() string { return hidden }

// GoString returns "hidden".
func (Secret) GoString() string { return hidden }

// Format writes "hidden", whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue is "hidden".
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns "hidden".
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON returns "hidden" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }
