package flinks_test

import (
	"fmt"
	"strings"
	"testing"

	"nightshift/flinks"
)

// BenchmarkDecodeDetail decodes a year of a busy login: 4 accounts of 600
// transactions each.
func BenchmarkDecodeDetail(b *testing.B) {
	line := `{"Date":"2025-01-31","Code":null,"Description":"PAYROLL - Stripe Paycheck","Debit":null,"Credit":1500.25,"Balance":5105.6,"Id":"94584aed-7c98-42a4-9836-9f8557db63f5"}`
	account := fmt.Sprintf(`{"Transactions":[%s],"Title":"Chequing","Balance":{"Available":1.5,"Current":2.5,"Limit":null},"Holder":{"Name":"Testing"},"Id":"27a9ffa0-c6b9-4cc6-9eaa-aa9efa07a889"}`,
		strings.Repeat(line+",", 599)+line)
	body := []byte(`{"HttpStatusCode":200,"Accounts":[` + strings.Repeat(account+",", 3) + account + `],"RequestId":"r"}`)
	client := canned(200, body)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.GetAccountsDetail(b.Context(), flinks.AccountsDetailRequest{RequestID: "r"}); err != nil {
			b.Fatal(err)
		}
	}
}
