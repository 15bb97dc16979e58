package flinks

import (
	"fmt"
	"io"
	"log/slog"
)

// Login is the saved connection to a bank that a reply is about.
type Login struct {
	ID string `json:"Id"`
	// Username is the holder's name at the bank: personal data.
	Username Secret
	// Type is "Personal" or "Business"; empty in payloads of 2018.
	Type               string
	IsScheduledRefresh Bool
	// LastRefresh is when the data was last fetched from the bank, UTC. Zero:
	// null or never. A cached session may be of any age, so look here.
	LastRefresh Time
}

// LogValue shows the id and the time.
func (l Login) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", l.ID), slog.Time("last_refresh", l.LastRefresh.Time))
}

// Format writes the id alone.
func (l Login) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "login "+l.ID) }

// Link is a hint of Flinks at the next endpoint.
type Link struct {
	Rel     string `json:"rel"`
	Href    string `json:"href"`
	Example string `json:"example"`
}
