package flinks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"nightshift/flinks"
)

// private are the values that must be seen nowhere. No test prints them.
const private = "Flinkyfoot"

// show prints a value in every way that a log or an error might.
func show(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	fmt.Fprintln(&b, v)
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
	return b.String()
}

func TestSecretIsHidden(t *testing.T) {
	secret := flinks.Secret(private)
	values := map[string]any{
		"secret":  secret,
		"pointer": &secret,
		"slice":   []flinks.Secret{secret},
		"map":     map[string]flinks.Secret{"k": secret},
		"client":  flinks.Client{SecretKey: secret, APIKey: secret},
		"request": flinks.AuthorizeRequest{
			Username: secret, Password: secret, SecurityResponses: map[string][]flinks.Secret{"q": {secret}},
		},
		"answer": flinks.MFAQuestion{Question: "q", Answer: secret},
		"error":  fmt.Errorf("x: %w %v", &flinks.Error{Op: "o"}, secret),
	}
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			out := show(t, v)
			if data, err := json.Marshal(v); err == nil {
				out += string(data)
			}
			if strings.Contains(out, private) || strings.Contains(out, fmt.Sprintf("%x", private)) {
				t.Error("the secret is seen")
			}
		})
	}
	if secret.Reveal() != private || secret.String() != "hidden" || secret.GoString() != "hidden" {
		t.Error("Reveal is the one way to see it")
	}
}

func TestPersonalDataIsHiddenFromLogs(t *testing.T) {
	holder := flinks.Holder{Name: private, Email: private, PhoneNumber: private, Address: flinks.Address{CivicAddress: private}}
	transaction := flinks.Transaction{ID: "t", Description: private, Debit: private}
	account := flinks.Account{
		ID: "a", AccountNumber: private, Title: private, Holder: holder,
		Balance: flinks.Balance{Current: private}, Transactions: []flinks.Transaction{transaction},
	}
	login := flinks.Login{ID: "l", Username: private}
	values := map[string]any{
		"holder": holder, "address": holder.Address, "transaction": transaction, "account": account,
		"balance": account.Balance, "login": login,
		"detail":     flinks.AccountsDetailResponse{Accounts: []flinks.Account{account}, Login: &login, Raw: []byte(private)},
		"attributes": &flinks.AttributesResponse{Card: json.RawMessage(private), Raw: []byte(private), Login: &login},
		"authorize":  &flinks.AuthorizeResponse{Login: &login, Challenges: flinks.Challenges{{Prompt: private}}},
		"error": &flinks.Error{
			Op: "Authorize", HTTPStatus: 401, Message: private,
			Validation: map[string][]string{"Username": {private}},
		},
	}
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			out := show(t, v)
			for _, form := range []string{private, fmt.Sprintf("%x", private), fmt.Sprintf("%X", private), fmt.Sprintf("%d", []byte(private))} {
				if strings.Contains(out, form) {
					t.Errorf("it is seen as %.4s…", form)
				}
			}
		})
	}
}

// TestLogs holds the form that replies have in a log.
func TestLogs(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}}))
	log.Info("", "r", &flinks.AuthorizeResponse{Status: 203, RequestID: "r1", Institution: "BMO", Challenges: make(flinks.Challenges, 1)})
	log.Info("", "r", &flinks.AccountsDetailResponse{Status: 200, RequestID: "r1", Accounts: make([]flinks.Account, 2), Raw: []byte("{}")})
	log.Info("", "r", &flinks.AttributesResponse{Status: 202, RequestID: "r1", Raw: []byte("{}")})
	log.Info("", "a", flinks.Account{ID: "a1", Transactions: make([]flinks.Transaction, 3)})
	log.Info("", "l", flinks.Login{ID: "l1", LastRefresh: utc(2026, 1, 2, 3, 4, 5, 0)})
	log.Info("", "t", flinks.Transaction{ID: "t1"})
	log.Info("", "err", &flinks.Error{Op: "Authorize", HTTPStatus: 401, Code: flinks.CodeInvalidPassword})
	golden(t, "logs.golden", b.String())
}
