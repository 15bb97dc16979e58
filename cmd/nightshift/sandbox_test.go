package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
)

// ready is the line that a sandbox begins with.
type ready struct {
	URL        string `json:"url"`
	CustomerID string `json:"customerId"`
	Logins     int    `json:"logins"`
}

// startSandbox starts the command and returns its first line.
func startSandbox(t *testing.T, environ []string, args ...string) (*command, ready) {
	t.Helper()
	c := start(t, environ, "", append([]string{"sandbox"}, args...)...)
	c.until(&c.stdout, func(text string) bool { return strings.Contains(text, "\n") })
	return c, only[ready](t, c.stdout.String())
}

func TestSandbox(t *testing.T) {
	t.Parallel()
	roster := filepath.Join(t.TempDir(), "logins.csv")
	environ := []string{
		"NIGHTSHIFT_ADDR=127.0.0.1:0", "NIGHTSHIFT_FLINKS_CUSTOMER_ID=a-customer",
		"NIGHTSHIFT_FLINKS_SECRET_KEY_FILE=" + write(t, testSecret+"\n"), "NIGHTSHIFT_FLINKS_API_KEY=" + testAPIKey,
		"NIGHTSHIFT_NATS_URL=nats://not-for-a-sandbox:4222",
	}
	c, said := startSandbox(t, environ, "--logins", "20", "--roster", roster)

	t.Run("says where it is, and takes its settings from the environment", func(t *testing.T) {
		if !strings.HasPrefix(said.URL, "http://127.0.0.1:") || strings.HasSuffix(said.URL, ":0") {
			t.Errorf("url %s", said.URL)
		}
		said.URL = strings.TrimSuffix(said.URL, "/")
		equal(t, ready{URL: said.URL, CustomerID: "a-customer", Logins: 20}, said)
	})

	t.Run("the roster names its logins and how they deserve to end", func(t *testing.T) {
		content, err := os.ReadFile(roster)
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		if err := rosterCSV(&want, flinkstest.Population(20, 1, flinkstest.Mix{}, time.Now())); err != nil {
			t.Fatal(err)
		}
		equal(t, want.String(), string(content))
	})

	t.Run("a documented test user is let in by name and password", func(t *testing.T) {
		client := &flinks.Client{BaseURL: said.URL, CustomerID: "a-customer", SecretKey: testSecret, APIKey: testAPIKey}
		token, err := client.GenerateAuthorizeToken(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		session, err := client.Authorize(t.Context(), token, flinks.AuthorizeRequest{
			Username: "greatday_nomfa", Password: "Everyday", Institution: "FlinksCapital", Save: true,
		})
		if err != nil || !session.OK() {
			t.Fatalf("got %+v, %v", session, err)
		}
		detail, err := client.GetAccountsDetail(t.Context(), flinks.AccountsDetailRequest{RequestID: session.RequestID})
		if err != nil || !detail.OK() || len(detail.Accounts) == 0 {
			t.Fatalf("got %+v, %v", detail, err)
		}
	})

	t.Run("its own routes work", func(t *testing.T) {
		for _, route := range []string{"logins?format=csv&scheduled=1", "stats", "journal", "overlaps", "health"} {
			resp, err := http.Get(said.URL + "/_sandbox/" + route)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", route, resp.Status)
			}
		}
	})

	t.Run("a second one on the same port is told so, and writes nothing", func(t *testing.T) {
		addr := strings.TrimPrefix(said.URL, "http://")
		other := filepath.Join(t.TempDir(), "other.csv")
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: --addr: listen tcp " + addr + ": bind: address already in use\n"},
			run(t, nil, "sandbox", "--addr", addr, "--roster", other))
		missing(t, other)
	})

	t.Run("it ends when it is told to", func(t *testing.T) {
		if r := c.stop(); r.Code != exitOK || r.Stderr != "" {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
		if conn, err := net.Dial("tcp", strings.TrimPrefix(said.URL, "http://")); err == nil {
			_ = conn.Close()
			t.Error("it still listens")
		}
	})

	t.Run("a roster that cannot be written is told", func(t *testing.T) {
		nowhere := filepath.Join(t.TempDir(), "none", "logins.csv")
		equal(t, result{Code: exitTrouble, Stderr: "nightshift: --roster: open " + nowhere + ": no such file or directory\n"},
			run(t, nil, "sandbox", "--addr", "127.0.0.1:0", "--roster", nowhere))
	})
}

// The names that scripts and deployments rely on.
func TestNamesOfSettings(t *testing.T) {
	root := (&app{}).newRootCommand()
	stores := "nats-url redis-url data log-format "
	bank := "flinks-url flinks-customer-id flinks-secret-key flinks-api-key "
	for command, names := range map[string]string{
		"run":     stores + bank + "concurrency",
		"consume": stores + bank + "concurrency",
		"setup":   stores, "produce": stores, "refresh": stores, "replay": stores, "events": stores,
		"sandbox": "addr flinks-customer-id flinks-secret-key flinks-api-key",
		"demo":    "data flinks-customer-id flinks-secret-key flinks-api-key",
	} {
		t.Run(command, func(t *testing.T) {
			cmd, _, err := root.Find([]string{command})
			if err != nil {
				t.Fatal(err)
			}
			for name := range strings.FieldsSeq(names) {
				if f := cmd.Flags().Lookup(name); f == nil || !isSetting(f) {
					t.Errorf("--%s is no setting", name)
				}
			}
		})
	}
	equal(t, "NIGHTSHIFT_FLINKS_SECRET_KEY", variable("flinks-secret-key"))
}

// The page of every command, as it is read.
func TestHelpPages(t *testing.T) {
	walk((&app{}).newRootCommand(), func(cmd *cobra.Command) {
		// The list of settings has a golden of its own, the completions are
		// not ours.
		if path := strings.Fields(cmd.CommandPath()); len(path) >= 2 && path[1] != "settings" && path[1] != "completion" && path[1] != "help" {
			name := strings.Join(path[1:], "-")
			t.Run(name, func(t *testing.T) {
				golden(t, "help-"+name+".txt", run(t, nil, append([]string{"help"}, path[1:]...)...).Stdout)
			})
		}
	})
	t.Run("nightshift", func(t *testing.T) { golden(t, "help.txt", run(t, nil).Stdout) })
}
