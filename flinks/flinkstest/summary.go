package flinkstest

import (
	"encoding/base64"
	"time"
)

// summary is an account of a summary reply, where the holder is but a name.
type summary struct {
	EftEligibleRatio       float64
	ETransferEligibleRatio float64
	Title                  string
	AccountNumber          string
	LastFourDigits         *string
	Balance                *balance
	Category               string
	Type                   string
	Currency               string
	Holder                 struct{ Name string }
	AccountType            *string
	ID                     string `json:"Id"`
}

func (k *card) summaries() []summary {
	out := make([]summary, k.accountCount())
	for i := range out {
		a := k.account(i, k.accountID(i))
		out[i] = summary{
			Title: a.Title, AccountNumber: a.AccountNumber, Balance: a.Balance, Category: a.Category,
			Type: a.Type, Currency: a.Currency, Holder: struct{ Name string }{nobody.Name},
			AccountType: new("Personal"), ID: a.ID,
		}
	}
	return out
}

// statementsByAccount holds the statements of one account.
type statementsByAccount struct {
	AccountNumber string
	Statements    []statement
}

type statement struct {
	UniqueID    string `json:"UniqueId"`
	FileType    string
	Base64Bytes string
}

func (k *card) statements(at time.Time, req dataRequest) []statementsByAccount {
	months := map[string]int{"Months3": 3, "Months12": 12}[req.NumberOfStatements]
	page := base64.StdEncoding.EncodeToString([]byte("%PDF-1.4\n% A statement of the Flinks simulator.\n%%EOF\n"))
	out := []statementsByAccount{}
	for _, a := range k.accounts(at, dataRequest{AccountsFilter: req.AccountsFilter}) {
		b := statementsByAccount{AccountNumber: a.AccountNumber}
		for m := range max(months, 1) {
			h := mix64(hash64(a.ID) + uint64(m))
			b.Statements = append(b.Statements, statement{guid(h, mix64(h)), "PDF", page})
		}
		out = append(out, b)
	}
	return out
}
