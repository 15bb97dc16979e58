package flinks_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/flinks"
)

// signed is the published push: its body, secret and signature.
func signed(t testing.TB) (body []byte, secret flinks.Secret, signature string) {
	t.Helper()
	var w struct {
		Body      string `json:"body_compact_json"`
		Key       string `json:"hmac_key"`
		Signature string `json:"signature_base64_sha256"`
	}
	if err := json.Unmarshal([]byte(payload(t, "webhook_getaccountsdetail_200_signed.json")), &w); err != nil {
		t.Fatal(err)
	}
	return []byte(w.Body), flinks.Secret(w.Key), w.Signature
}

func TestSigned(t *testing.T) {
	body, secret, signature := signed(t)
	indented := append(append([]byte{}, body...), '\n')
	for _, tc := range []struct {
		rule      string
		secret    flinks.Secret
		body      []byte
		signature string
		want      bool
	}{
		{"the published push is signed", secret, body, signature, true},
		{"another secret's is not", "Secret", body, signature, false},
		{"nor one whose body was touched", secret, indented, signature, false},
		{"nor one without a signature", secret, body, "", false},
		{"nor with half of it", secret, body, signature[:20], false},
		{"nor with more of it", secret, body, signature + "=", false},
		{"nor in other capitals", secret, body, strings.ToUpper(signature), false},
		{"without a secret nothing is signed, whatever the signature", "", body, flinks.Signature("", body), false},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			if got := flinks.Signed(tc.secret, tc.body, tc.signature); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestDecodePush(t *testing.T) {
	body, _, _ := signed(t)
	kyc := flinks.Push{ResponseType: "KYC", RequestID: "r", LoginID: "l"}
	for _, tc := range []struct {
		rule string
		body string
		want flinks.Push
		bad  bool
	}{
		{"the published push", string(body), flinks.Push{
			ResponseType: "GetAccountsDetail", Status: 200, RequestID: "1243c283-e0ca-4fda-a5e4-343068430190",
			LoginID: "5e115eac-1209-4f19-641c-08d6d484e2fe", Institution: "FlinksCapital",
			LastRefresh: time.Date(2019, 5, 9, 13, 47, 46, 522790100, time.UTC),
		}, false},
		{"capitals do not matter", `{"responsetype":"KYC","REQUESTID":"r","login":{"id":"l"}}`, kyc, false},
		{"a byte order mark does not, either", "\ufeff" + ` {"ResponseType":"KYC","RequestId":"r","Login":{"Id":"l"}} `, kyc, false},
		{"a status may be a text", `{"HttpStatusCode":"401","FlinksCode":"RETRY_LATER"}`, flinks.Push{Status: 401, FlinksCode: "RETRY_LATER"}, false},
		{"an odd field hides no other", `{"ResponseType":"KYC","RequestId":"r","Login":{"Id":"l","LastRefresh":7},"Institution":{},"HttpStatusCode":[],"FlinksCode":1}`, kyc, false},
		{"an odd login is none", `{"ResponseType":"KYC","RequestId":"r","Login":"l"}`, flinks.Push{ResponseType: "KYC", RequestID: "r"}, false},
		{"an odd time is none", `{"ResponseType":"KYC","RequestId":"r","Login":{"Id":"l","LastRefresh":"yesterday"}}`, kyc, false},
		{"null is none", `{"ResponseType":null,"Login":null}`, flinks.Push{}, false},
		{"nothing at all", `{}`, flinks.Push{}, false},
		{"no object", `[{"ResponseType":"KYC"}]`, flinks.Push{}, true},
		{"null, which is no object", `null`, flinks.Push{}, true},
		{"a text", `"John Flinkyfoot"`, flinks.Push{}, true},
		{"half an object", `{"ResponseType":"KYC","Holder":"John Flinkyfoot`, flinks.Push{}, true},
		{"two objects", `{}{}`, flinks.Push{}, true},
		{"a form", `name=John+Flinkyfoot`, flinks.Push{}, true},
		{"empty", ``, flinks.Push{}, true},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			got, err := flinks.DecodePush([]byte(tc.body))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if tc.bad && (err == nil || err.Error() != "flinks: a push is no JSON object") || !tc.bad && err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

// FuzzDecodePush: whatever was signed, it is a push, or an error that repeats
// nothing of it.
func FuzzDecodePush(f *testing.F) {
	seed(f, func(b []byte) { f.Add(b) })
	body, _, _ := signed(f)
	f.Add(body)
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := flinks.DecodePush(body)
		switch {
		case err != nil && (err.Error() != "flinks: a push is no JSON object" || p != flinks.Push{}):
			t.Errorf("%v, %+v", err, p)
		case err == nil && p.LastRefresh.Location() != time.UTC && !p.LastRefresh.IsZero():
			t.Errorf("last refresh in %v", p.LastRefresh.Location())
		}
	})
}
