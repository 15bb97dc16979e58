package flinkstest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"nightshift/flinks/flinkstest"
)

// A login whose bank is closed for maintenance: cached mode repeats what the
// live call met.
func Example() {
	srv := flinkstest.New(flinkstest.Options{})
	defer srv.Close()
	srv.Add(flinkstest.Login{
		ID: "0b9f2c1e-0000-4000-8000-000000000001", LastRefresh: time.Now().Add(-30 * time.Hour),
		Live: []flinkstest.Answer{{FlinksCode: "RETRY_LATER"}, {}},
	})
	client := srv.Client()
	call := func(op, key, body string) string {
		path := "/v3/" + flinkstest.DefaultCustomerID + "/BankingServices/" + op
		req, _ := http.NewRequest(http.MethodPost, flinkstest.BaseURL+path, strings.NewReader(body))
		req.Header.Set("flinks-auth-key", key)
		resp, err := client.Do(req)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		reply, _ := io.ReadAll(resp.Body)
		return string(reply)
	}
	for _, cached := range []string{"false", "true", "false"} {
		_, token, _ := strings.Cut(call("GenerateAuthorizeToken", flinkstest.DefaultSecretKey, ""), `"Token":"`)
		call("Authorize", token[:36], `{"LoginId":"0b9f2c1e-0000-4000-8000-000000000001","Save":true,"MostRecentCached":`+cached+`}`)
	}
	for _, c := range srv.Journal() {
		if c.Mode != "" {
			fmt.Println(c.Mode, c.Status, c.FlinksCode)
		}
	}
	// Output:
	// live 401 RETRY_LATER
	// cached 401 RETRY_LATER
	// live 200
}
