package flinks_test

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nightshift/flinks"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	customer  = "43387ca6-0391-4c82-857d-70d95f087ecb"
	loginID   = "5e115eac-1209-4f19-641c-08d6d484e2fe"
	requestID = "1243c283-e0ca-4fda-a5e4-343068430190"

	secretKey = flinks.Secret("the-secret-key")
	xAPIKey   = flinks.Secret("the-api-key")
	token     = flinks.Secret("the-token")
)

// answer is what the server gives to the one call that a test makes.
type answer struct {
	status int
	header http.Header
	body   string
}

// serve answers calls to exactly one method and path below a prefix, and
// fails the test on any other. It returns a client for it and the last
// request as text.
func serve(t *testing.T, route string, a answer) (*flinks.Client, *string) {
	t.Helper()
	var seen string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Method + " " + r.URL.EscapedPath(); got != strings.Replace(route, " ", " /prefix/v3/"+customer+"/", 1) {
			t.Errorf("unknown call: %s", got)
			http.Error(w, "unknown call", http.StatusTeapot)
			return
		}
		seen = dump(r)
		maps.Copy(w.Header(), a.header)
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(srv.Close)
	return &flinks.Client{
		BaseURL: srv.URL + "/prefix/", CustomerID: customer,
		SecretKey: secretKey, APIKey: xAPIKey, HTTP: srv.Client(),
	}, &seen
}

// dump writes a request as it came, without what net/http adds on its own.
func dump(r *http.Request) string {
	var lines []string
	for name, values := range r.Header {
		switch name {
		case "Accept-Encoding", "Content-Length", "User-Agent":
		default:
			lines = append(lines, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(lines)
	body, _ := io.ReadAll(r.Body)
	return fmt.Sprintf("%s %s\n%s\n\n%s\n", r.Method, r.URL.RequestURI(), strings.Join(lines, "\n"), body)
}

// golden compares got with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func payload(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
