package flinkstest_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/flinks/flinkstest"
)

func TestPush(t *testing.T) {
	bubble(t, "a push has the data of its session, and ends the waiting for it", func(t *testing.T) {
		l := fresh()
		l.Detail = []flinkstest.Answer{{Pending: time.Hour}}
		w := start(t, flinkstest.Options{}, l)
		id := w.wants(w.cached(login), 200, "").text("RequestId")
		w.wants(w.detail(id), 202, "OPERATION_PENDING")
		w.wants(w.poll(id), 202, "OPERATION_PENDING")
		var push map[string]any
		if err := json.Unmarshal(w.srv.Push(id), &push); err != nil {
			t.Fatal(err)
		}
		want := w.wants(w.poll(id), 200, "").Body
		want["ResponseType"] = "GetAccountsDetail"
		if diff := cmp.Diff(want, push); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("of no session there is none", func(t *testing.T) {
		if got := start(t, flinkstest.Options{}).srv.Push("none"); got != nil {
			t.Errorf("got %s", got)
		}
	})
	t.Run("it is signed as the published one", func(t *testing.T) {
		var published struct {
			Body      string `json:"body_compact_json"`
			Key       string `json:"hmac_key"`
			Signature string `json:"signature_base64_sha256"`
		}
		data, err := os.ReadFile("../testdata/webhook_getaccountsdetail_200_signed.json")
		if err == nil {
			err = json.Unmarshal(data, &published)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := flinkstest.SignPush(published.Key, []byte(published.Body)); got != published.Signature {
			t.Errorf("got %s", got)
		}
	})
}
