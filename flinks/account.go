package flinks

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Account is one account. Nearly every field may be null on the wire: a text
// is empty then, and so is a number, whose decimal digits are kept as they
// came, since money must not be rounded. Everything but the id is personal
// data and hidden from logs. Source: get-accounts-detail.
type Account struct {
	ID                string `json:"Id"` // random; lives as long as the LoginId
	Title             string
	Category          string // Operations, Credits, Products or Other
	Type              string // Chequing, CreditCard, RRSP, LineOfCredit, LoanPersonal; the full list is not published
	AccountType       string
	Currency          string // CAD or USD
	TransitNumber     string
	InstitutionNumber string
	AccountNumber     string
	LastFourDigits    string
	OverdraftLimit    json.Number
	Balance           Balance
	Holder            Holder
	Transactions      []Transaction

	// The two ratios are in a summary only.
	EftEligibleRatio       json.Number
	ETransferEligibleRatio json.Number
}

// Balance is an account's balance in the account's currency.
type Balance struct {
	Available json.Number
	Current   json.Number
	Limit     json.Number
}

// Transaction is one line of an account.
type Transaction struct {
	ID          string `json:"Id"`
	Date        string // YYYY-MM-DD, the bank's day
	Description string
	Debit       json.Number
	Credit      json.Number
	Balance     json.Number
}

// Holder is who the account belongs to.
type Holder struct {
	Name        string
	Address     Address
	Email       string
	PhoneNumber string
}

// Address is where a holder lives.
type Address struct {
	CivicAddress string
	City         string
	Province     string
	PostalCode   string
	POBox        string
	Country      string
}

// UnmarshalJSON reads a holder, which old summaries give as the bare name.
func (h *Holder) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &h.Name)
	}
	type plain Holder
	return json.Unmarshal(data, (*plain)(h))
}

// LogValue shows the id and the number of transactions.
func (a Account) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", a.ID), slog.Int("transactions", len(a.Transactions)))
}

// Format writes the id alone.
func (a Account) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "account "+a.ID) }

// LogValue shows the id.
func (t Transaction) LogValue() slog.Value { return slog.StringValue("transaction " + t.ID) }

// Format writes the id alone.
func (t Transaction) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "transaction "+t.ID) }

// LogValue is "hidden".
func (Balance) LogValue() slog.Value { return slog.StringValue(hidden) }

// Format writes "hidden".
func (Balance) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue is "hidden".
func (Holder) LogValue() slog.Value { return slog.StringValue(hidden) }

// Format writes "hidden".
func (Holder) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue is "hidden".
func (Address) LogValue() slog.Value { return slog.StringValue(hidden) }

// Format writes "hidden".
func (Address) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }
