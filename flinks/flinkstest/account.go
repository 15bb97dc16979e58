package flinkstest

// account is one account of a reply. Everything in it is made up from the
// login's id, and plainly so.
type account struct {
	Transactions      []transaction
	TransitNumber     string
	InstitutionNumber string
	OverdraftLimit    float64
	Title             string
	AccountNumber     string
	LastFourDigits    *string
	Balance           *balance
	Category          string
	Type              string
	Currency          string
	Holder            *holder
	AccountType       *string
	ID                string `json:"Id"`
}

// transaction has either a Debit or a Credit.
type transaction struct {
	Date        string
	Code        *string
	Description string
	Debit       *float64
	Credit      *float64
	Balance     float64
	ID          string `json:"Id"`
}

type balance struct {
	Available, Current float64
	Limit              *float64
}

type holder struct {
	Name        string
	Address     address
	Email       string
	PhoneNumber string
}

type address struct {
	CivicAddress, City, Province, PostalCode string
	POBox                                    *string
	Country                                  string
}
