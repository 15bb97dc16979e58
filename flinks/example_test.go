package flinks_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"nightshift/flinks"
)

// published is a server that answers as Flinks' docs show.
func published() *httptest.Server {
	mux := http.NewServeMux()
	for route, file := range map[string]string{
		"POST /v3/{customer}/BankingServices/GenerateAuthorizeToken": "generateauthorizetoken_200.json",
		"POST /v3/{customer}/BankingServices/Authorize":              "authorize_200_first_call_2019.json",
		"POST /v3/{customer}/BankingServices/GetAccountsDetail":      "getaccountsdetail_200_current.json",
	} {
		mux.HandleFunc(route, func(w http.ResponseWriter, _ *http.Request) {
			body, err := os.ReadFile("testdata/" + file)
			if err != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = w.Write(body)
		})
	}
	return httptest.NewServer(mux)
}

// A cached session and its accounts: three calls.
func Example() {
	server := published()
	defer server.Close()
	client := &flinks.Client{
		BaseURL:    server.URL, // in earnest flinks.APIBase("toolbox")
		CustomerID: "43387ca6-0391-4c82-857d-70d95f087ecb",
		SecretKey:  "the secret key",
		APIKey:     "the x-api-key",
	}
	ctx := context.Background()

	token, err := client.GenerateAuthorizeToken(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := client.Authorize(ctx, token, flinks.Cached("5e115eac-1209-4f19-641c-08d6d484e2fe"))
	if err != nil || !session.OK() {
		fmt.Println(session, err)
		return
	}
	fmt.Println("last refresh", session.Login.LastRefresh)

	detail, err := client.GetAccountsDetail(ctx, flinks.AccountsDetailRequest{
		RequestID: session.RequestID, WithTransactions: true, DaysOfTransactions: flinks.Days90,
	})
	if err != nil || !detail.OK() {
		fmt.Println(detail, err)
		return
	}
	for _, a := range detail.Accounts {
		fmt.Println(a.Type, a.Currency, len(a.Transactions))
	}
	// Output:
	// last refresh 2019-05-09 13:47:46.5227901 +0000 UTC
	// Chequing CAD 1
}

// What an error means is one word. The token is printed as "hidden", as is
// everything that is secret.
func ExampleKindOf() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"HttpStatusCode":401,"FlinksCode":"RETRY_LATER","Message":"The bank is away."}`))
	}))
	defer server.Close()
	client := &flinks.Client{BaseURL: server.URL, CustomerID: "a customer"}
	token := flinks.Secret("d65f1adb-8ebc-48dc-be8b-20c773ba1565")

	_, err := client.Authorize(context.Background(), token, flinks.Live("a login"))
	fmt.Println(token, "-", flinks.KindOf(err), "-", err)
	// Output: hidden - retryable - flinks: Authorize: HTTP 401 RETRY_LATER
}

// The address at which a holder answers the bank.
func ExampleConnect() {
	base, err := flinks.ConnectBase(flinks.APIBase("toolbox"))
	if err != nil {
		fmt.Println(err)
		return
	}
	address, err := flinks.Connect{BaseURL: base, Language: "en"}.Resume("a-request", "a-token")
	fmt.Println(address, err)
	fmt.Println(address.Reveal())
	// Output:
	// hidden <nil>
	// https://toolbox-iframe.private.fin.ag/v2/?authorizeToken=a-token&language=en&requestId=a-request
}
