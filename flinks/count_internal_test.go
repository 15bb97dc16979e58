package flinks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCountAccounts(t *testing.T) {
	for _, c := range []struct {
		name, body             string
		rest                   string // empty: left to the decoder
		accounts, transactions int
	}{
		{"two accounts, three transactions", ` { "A":1,"Accounts":[{"Id":"a","Transactions":[{},{}]},{"Transactions":[{"Id":"]"}]}],"B":[1] } `, ` { "A":1,"Accounts":[],"B":[1] } `, 2, 3},
		{"an empty list", `{"Accounts":[ ]}`, `{"Accounts":[]}`, 0, 0},
		{"names in another case", `{"accounts":[{"transactions":[1]}]}`, `{"accounts":[]}`, 1, 1},
		{"no transactions", `{"Accounts":[{"Transactions":null},null]}`, `{"Accounts":[]}`, 2, 0},
		{"transactions that are not an account's own", `{"Accounts":[{"X":{"Transactions":[1]}}],"Transactions":[1]}`, `{"Accounts":[],"Transactions":[1]}`, 1, 0},
		{"a list further down", `{"X":{"Accounts":[1]}}`, "", 0, 0},
		{"no list", `{"Accounts":null}`, "", 0, 0},
		{"an object for a list", `{"Accounts":{}}`, "", 0, 0},
		{"an account that is a number", `{"Accounts":[1]}`, "", 0, 0},
		{"transactions that are a text", `{"Accounts":[{"Transactions":"none"}]}`, "", 0, 0},
		{"two lists", `{"Accounts":[],"Accounts":[{}]}`, "", 0, 0},
		{"cut off", `{"Accounts":[{"Id":"a`, "", 0, 0},
		{"more than one value", `{"Accounts":[]} {}`, "", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rest, accounts, transactions, ok := countAccounts([]byte(c.body))
			if ok != (c.rest != "") || string(rest) != c.rest || accounts != c.accounts || transactions != c.transactions {
				t.Errorf("got %q, %d accounts, %d transactions, %v", rest, accounts, transactions, ok)
			}
		})
	}
}

// FuzzCountAccounts holds the counter against encoding/json: it takes as JSON
// what that does, and counts what that finds.
func FuzzCountAccounts(f *testing.F) {
	for _, s := range []string{
		`{"Accounts":[{"Transactions":[{}]}]}`, `[1,-0.5e+3,"\u00e9\n",true,false,null,{}]`, `01`, `-`, `1.`, `1e`, "\"\x01\"", `"\x"`, `"\u00g0"`,
		strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
	} {
		f.Add([]byte(s))
	}
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := counter{data: data}
		if ok := c.value(answer, 0) && !c.skip(); ok != json.Valid(data) {
			t.Fatalf("taken as JSON: %v, encoding/json says %v", ok, json.Valid(data))
		}
		rest, accounts, transactions, ok := countAccounts(data)
		if !ok {
			return
		}
		if !json.Valid(rest) {
			t.Fatalf("the rest is no JSON: %q", rest)
		}
		var full struct {
			Accounts []struct{ Transactions []json.RawMessage }
		}
		if err := json.Unmarshal(data, &full); err != nil {
			return
		}
		found := 0
		for _, a := range full.Accounts {
			found += len(a.Transactions)
		}
		if accounts != len(full.Accounts) || transactions < found {
			t.Fatalf("counted %d and %d, there are %d and %d", accounts, transactions, len(full.Accounts), found)
		}
	})
}

// TestCountAllocates holds what does not depend on the machine: however long a
// reply is, counting it takes memory once, for what is left to decode.
func TestCountAllocates(t *testing.T) {
	body := []byte(`{"Accounts":[{"Transactions":[` + strings.Repeat(`{"Id":"a","Debit":1.5},`, 5000) + `{}]}],"RequestId":"r"}`)
	if n := testing.AllocsPerRun(100, func() { countAccounts(body) }); n > 1 {
		t.Errorf("%v allocations, want 1", n)
	}
}

func BenchmarkCountAccounts(b *testing.B) {
	body := []byte(`{"Accounts":[{"Transactions":[` + strings.Repeat(`{"Date":"2025-01-31","Description":"PAYROLL - Stripe Paycheck","Debit":null,"Credit":1500.25,"Balance":5105.6},`, 80) + `{}]}],"RequestId":"r"}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		countAccounts(body)
	}
}
