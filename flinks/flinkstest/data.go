package flinkstest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// nobody is the holder of every account: the person of Flinks' own samples.
var nobody = holder{
	Name: "John Flinkyfoot",
	Address: address{
		CivicAddress: "25 york street", City: "TOR", Province: "ON", PostalCode: "M5J 2V5", Country: "CA",
	},
	Email: "test_user1@nomail.com", PhoneNumber: "9055550100",
}

var accountKinds = []struct{ title, category, kind string }{
	{"Test Chequing Account", "Operations", "Chequing"},
	{"Test Credit Card", "Credits", "CreditCard"},
	{"Test Retirement Savings", "Products", "RRSP"},
	{"Test Line of Credit", "Credits", "LineOfCredit"},
	{"Test Personal Loan", "Credits", "LoanPersonal"},
}

func (k *card) accountCount() int {
	if k.Accounts == 0 {
		return 1
	}
	return max(k.Accounts, 0)
}

// accountID is stable for as long as the loginId is.
func (k *card) accountID(i int) string {
	h := hash64(k.ID)
	return guid(mix64(h+uint64(i)), mix64(h^mix64(uint64(i)+1)))
}

func (k *card) accountIDs() []string {
	ids := make([]string, k.accountCount())
	for i := range ids {
		ids[i] = k.accountID(i)
	}
	return ids
}

// owns reports whether a filter names accounts of the card, and at least one.
func (k *card) owns(filter []string) bool {
	ids := k.accountIDs()
	return len(filter) > 0 &&
		!slices.ContainsFunc(filter, func(id string) bool { return !slices.Contains(ids, id) })
}

// accounts makes the accounts of a detail reply. Amounts and ids depend on the
// login alone; the dates lie in the 90 days before the refresh.
func (k *card) accounts(at time.Time, req dataRequest) []account {
	out := make([]account, 0, k.accountCount())
	for i, id := range k.accountIDs() {
		if len(req.AccountsFilter) > 0 && !slices.Contains(req.AccountsFilter, id) {
			continue
		}
		a := k.account(i, id)
		if on(req.WithTransactions) {
			a.Transactions = k.transactions(i, id, at)
		}
		if !on(req.WithAccountIdentity) {
			a.Holder = nil
		}
		out = append(out, a)
	}
	return out
}

// on is the value of a switch that is on unless it is turned off: the minimal
// published request gets the full published reply.
func on(f *flag) bool { return f == nil || bool(*f) }

func (k *card) account(i int, id string) account {
	r := rand.New(rand.NewPCG(hash64(id), 0))
	kind := accountKinds[i%len(accountKinds)]
	current := cents(r, 900_000)
	return account{
		Transactions: []transaction{}, TransitNumber: "00000", InstitutionNumber: "777",
		Title: kind.title, AccountNumber: strconv.Itoa(1_000_000 + r.IntN(9_000_000)),
		Balance:  &balance{Available: current, Current: current},
		Category: kind.category, Type: kind.kind, Currency: "CAD", Holder: &nobody, ID: id,
	}
}

func (k *card) transactions(i int, id string, at time.Time) []transaction {
	n := max(k.Transactions, 0)
	if at.IsZero() {
		// Nothing was ever fetched; the epoch will do for a date.
		at = time.Unix(0, 0)
	}
	seed := hash64(id)
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]transaction, n)
	for j := range out {
		t := transaction{
			Date:        at.UTC().AddDate(0, 0, -j*90/n).Format(time.DateOnly),
			Description: "TEST TRANSACTION " + strconv.Itoa(n-j),
			Balance:     cents(r, 900_000),
			ID:          guid(mix64(seed+uint64(j)), mix64(seed^mix64(uint64(i+j)))),
		}
		if amount := cents(r, 50_000); r.IntN(4) == 0 {
			t.Credit = &amount
		} else {
			t.Debit = &amount
		}
		out[j] = t
	}
	return out
}

func cents(r *rand.Rand, below int) float64 { return float64(r.IntN(below)) / 100 }
