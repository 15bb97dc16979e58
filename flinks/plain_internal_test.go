package flinks

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCountAccounts(t *testing.T) {
	for _, c := range []struct {
		name, body             string
		plain                  bool // false: left to encoding/json
		accounts, transactions int
	}{
		{"two accounts, three transactions", ` { "A":1,"Accounts":[{"Id":"a","Transactions":[{},{}]},{"Transactions":[{"Id":"]"}]}],"B":[1] } `, true, 2, 3},
		{"an empty list", `{"Accounts":[ ]}`, true, 0, 0},
		{"no transactions", `{"Accounts":[{"Transactions":null},null]}`, true, 2, 0},
		{"transactions named in another case", `{"Accounts":[{"transactions":[1]}]}`, true, 1, 1},
		{"transactions that are not an account's own", `{"Accounts":[{"X":{"Transactions":[1]}}],"Transactions":[1]}`, true, 1, 0},
		{"a list further down", `{"X":{"Accounts":[1]}}`, true, 0, 0},
		{"no list", `{"Accounts":null}`, true, 0, 0},
		{"named in another case", `{"accounts":[{"transactions":[1]}]}`, false, 0, 0},
		{"an object for a list", `{"Accounts":{}}`, false, 0, 0},
		{"an account that is a number", `{"Accounts":[1]}`, false, 0, 0},
		{"transactions that are a text", `{"Accounts":[{"Transactions":"none"}]}`, false, 0, 0},
		{"two lists", `{"Accounts":[],"Accounts":[{}]}`, false, 0, 0},
		{"cut off", `{"Accounts":[{"Id":"a`, false, 0, 0},
		{"more than one value", `{"Accounts":[]} {}`, false, 0, 0},
		{"a list in all", `[]`, false, 0, 0},
		{"null in all", `null`, false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, ok := readPlain([]byte(c.body), &accountsReply{})
			if ok != c.plain || ok && (found.accounts != c.accounts || found.transactions != c.transactions) {
				t.Errorf("got %d accounts, %d transactions, %v", found.accounts, found.transactions, ok)
			}
		})
	}
}

// samples are Flinks' own replies, and what may go wrong with one.
func samples(f *testing.F) {
	for _, s := range []string{
		`{"Accounts":[{"Transactions":[{}]}]}`, `[1,-0.5e+3,"\u00e9\n",true,false,null,{}]`, `01`, `-`, `1.`, `1e`, "\"\x01\"", `"\x"`, `"\u00g0"`,
		strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		`{"RequestId":"a","requestid":"b"}`, `{"\u0052equestId":"b"}`, "{\"Lin\u212As\":1,\"Statu\u017FCode\":5}", `{"RequestId":1}`, "{\"RequestId\":\"\xff\"}",
		`{"Login":{"Id":"a"},"Login":{"Type":"b"}}`, `{"Login":{"LastRefresh":"soon"}}`, `{"Login":{"LastRefresh":null,"Id":null}}`, `{"Login":[]}`, `{"Login":{"id":"a"}}`,
		`{"InstitutionId":1.5}`, `{"InstitutionId":"14"}`, `{"InstitutionId":-0}`, `{"HttpStatusCode":"203","SecurityChallenges":[{"Prompt":"q\"?"}]}`, `{"SecurityChallenges":5}`,
		`{"Token":"a","Token":null,"HttpStatusCode":200}`, `{"Institution":"Caisse \u00e9 \ud800"}`,
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
}

// FuzzPlain holds the short way against encoding/json: it takes as JSON what
// that does, counts what that finds, and reads what that reads.
func FuzzPlain(f *testing.F) {
	samples(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := counter{data: data, to: &tokenReply{}}
		if ok := c.value(answer, 0) && !c.skip(); ok != json.Valid(data) {
			t.Fatalf("taken as JSON: %v, encoding/json says %v", ok, json.Valid(data))
		}
		var token, wantToken tokenReply
		if _, ok := readPlain(data, &token); ok {
			err := json.Unmarshal(data, &wantToken)
			same(t, err, show(wantToken), show(token))
		}
		var session authorizeReply
		if _, ok := readPlain(data, &session); ok {
			var want struct {
				authorizeReply
				Links json.RawMessage
			}
			err := json.Unmarshal(data, &want)
			same(t, err, show(want.authorizeReply), show(session))
		}
		var detail accountsReply
		if c, ok := readPlain(data, &detail); ok {
			countsAgree(t, data, c, detail)
		}
	})
}

// same compares what encoding/json has read with what was read here.
func same(t *testing.T, err error, want, got string) {
	t.Helper()
	if err != nil {
		t.Fatalf("read, but encoding/json says %v", err)
	}
	if want != got {
		t.Fatalf("encoding/json reads %s\nhere is read %s", want, got)
	}
}

// show writes a reply out, which its own methods of printing would not.
func show(reply any) string {
	switch r := reply.(type) {
	case tokenReply:
		return fmt.Sprintf("%+v %q", r.head, r.Token)
	case authorizeReply:
		text := fmt.Sprintf("%+v %q %q %d %q %v", r.head, r.RequestID, r.Institution, r.InstitutionID, r.InstitutionName, showLogin(r.Login))
		for _, c := range r.Challenges {
			text += fmt.Sprintf(" %q %q %q %q", c.Type, c.Prompt, c.Iterables, c.Raw)
		}
		return text
	case accountsReply:
		return fmt.Sprintf("%+v %q %q %d %q %q %v %v", r.head, r.RequestID, r.Institution, r.InstitutionID, r.InstitutionName, r.Tag, showLogin(r.Login), r.Accounts == nil)
	}
	return ""
}

func showLogin(l *Login) string {
	if l == nil {
		return "none"
	}
	return fmt.Sprintf("%q %q %q %v %v", l.ID, l.Username.Reveal(), l.Type, l.IsScheduledRefresh, l.LastRefresh.Time)
}

func countsAgree(t *testing.T, data []byte, c counter, got accountsReply) {
	t.Helper()
	var want struct {
		accountsReply
		Accounts []struct{ Transactions []json.RawMessage }
		Links    json.RawMessage
	}
	err := json.Unmarshal(data, &want)
	transactions := 0
	for _, a := range want.Accounts {
		transactions += len(a.Transactions)
	}
	if c.accounts != len(want.Accounts) || c.transactions < transactions {
		t.Fatalf("counted %d and %d, there are %d and %d", c.accounts, c.transactions, len(want.Accounts), transactions)
	}
	if want.Accounts != nil {
		want.accountsReply.Accounts = []Account{}
	}
	same(t, err, show(want.accountsReply), show(got))
}

// TestReadingAllocates holds what does not depend on the machine: however long
// a reply is, its accounts take no memory.
func TestReadingAllocates(t *testing.T) {
	body := []byte(`{"Accounts":[{"Transactions":[` + strings.Repeat(`{"Id":"a","Debit":1.5},`, 5000) + `{}]}],"RequestId":"r","Login":{"Id":"l"}}`)
	if n := testing.AllocsPerRun(100, func() { readPlain(body, &accountsReply{}) }); n > 4 {
		t.Errorf("%v allocations, want 4: the reply, its requestId, its login and that one's id", n)
	}
}

func BenchmarkCountAccounts(b *testing.B) {
	body := []byte(`{"Accounts":[{"Transactions":[` + strings.Repeat(`{"Date":"2025-01-31","Description":"PAYROLL - Stripe Paycheck","Debit":null,"Credit":1500.25,"Balance":5105.6},`, 80) + `{}]}],"RequestId":"r"}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		readPlain(body, &accountsReply{})
	}
}
