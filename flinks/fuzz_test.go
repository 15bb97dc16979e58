package flinks_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightshift/flinks"
)

// canned is a client to whose calls the same reply is given always.
func canned(status int, body []byte) *flinks.Client {
	return &flinks.Client{
		BaseURL: "http://flinks.test", CustomerID: customer, SecretKey: secretKey, APIKey: xAPIKey,
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{}, Request: r,
				Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
			}, nil
		})},
	}
}

func seed(f *testing.F, add func([]byte)) {
	names, err := filepath.Glob("testdata/*_[2-5]*.json")
	if err != nil || len(names) == 0 {
		f.Fatal("no payloads", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		add(data)
	}
	for _, s := range []string{"", "null", "[]", `"x"`, "{", "<html>", `{"FlinksCode":"RETRY_LATER"}`, `{"HttpStatusCode":"203"}`} {
		add([]byte(s))
	}
}

// checkError holds any error to what all of them promise.
func checkError(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*flinks.Error](err)
	if !ok {
		t.Fatalf("not typed: %v", err)
	}
	if e.HTTPStatus == 0 || e.Unsent || e.Code != flinks.Normalize(e.FlinksCode) || flinks.KindOf(err) == flinks.KindNone {
		t.Fatalf("status %d, unsent %v, code %q of %q", e.HTTPStatus, e.Unsent, e.Code, e.FlinksCode)
	}
	if text := err.Error(); len(text) > 1500 || strings.ContainsAny(text, "\r\n\t\x00") {
		t.Fatalf("not one short line: %q", text)
	}
}

func FuzzDecodeAuthorize(f *testing.F) {
	seed(f, func(b []byte) { f.Add(200, b); f.Add(203, b) })
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		status = 200 + (status%4+4)%4
		got, err := canned(status, body).Authorize(context.Background(), token, flinks.Cached(loginID))
		if err != nil {
			checkError(t, err)
			return
		}
		if n := [3]bool{got.OK(), got.Pending(), got.Challenge()}; n != [3]bool{true} && n != [3]bool{1: true} && n != [3]bool{2: true} {
			t.Fatalf("OK, Pending, Challenge = %v", n)
		}
		if got.OK() && got.RequestID == "" || got.Challenge() && got.RequestID == "" && len(got.Challenges) == 0 {
			t.Fatalf("unusable: %v", got)
		}
	})
}

func FuzzDecodeDetail(f *testing.F) {
	seed(f, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := canned(http.StatusOK, body).GetAccountsDetailAsync(context.Background(), "r")
		if err != nil {
			checkError(t, err)
			return
		}
		if got.OK() == got.Pending() || got.OK() && got.Accounts == nil || !bytes.Equal(got.Raw, body) {
			t.Fatalf("unusable: %v", got)
		}
	})
}

func FuzzError(f *testing.F) {
	for _, status := range []int{100, 200, 204, 301, 400, 401, 403, 429, 500, 599} {
		seed(f, func(b []byte) { f.Add(status, b) })
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		status = 200 + (status%400+400)%400
		c, ctx := canned(status, body), context.Background()
		for _, call := range []func() error{
			func() error { _, err := c.GenerateAuthorizeToken(ctx); return err },
			func() error { _, err := c.GetNightlyRefreshStatus(ctx); return err },
			func() error { return c.SetScheduledRefresh(ctx, loginID, true) },
			func() error { return c.DeleteCard(ctx, loginID) },
			func() error { _, err := c.GetAttributes(ctx, loginID, requestID, flinks.All); return err },
		} {
			err := call()
			if err != nil {
				checkError(t, err)
			} else if status/100 != 2 && !bytes.Contains(bytes.ToUpper(body), []byte("OPERATION")) && !bytes.Contains(body, []byte(`\u`)) {
				t.Fatalf("HTTP %d became data", status)
			}
		}
	})
}
