package main

import (
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nightshift/cmd/nightshift/internal/local"
	"nightshift/state"
)

// rosterStore is the tests' own hand on what Redis remembers.
func rosterStore(t *testing.T, environ []string) *state.Store {
	t.Helper()
	url, _ := strings.CutPrefix(environ[1], "NIGHTSHIFT_REDIS_URL=")
	s, err := state.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// realRedis starts a server, and is the variable that names it.
func realRedis(t *testing.T) string {
	t.Helper()
	r, err := local.StartRedis(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Durable() {
		t.Fatal("redis-server is not installed; `task redis` installs it")
	}
	t.Cleanup(func() { _ = r.Close() })
	return "NIGHTSHIFT_REDIS_URL=unix://" + r.Options().Addrs[0]
}

// rosterOf is "on" or "off" with the institution, by login.
func rosterOf(t *testing.T, s *state.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for l, err := range walkRoster(t.Context(), s) {
		if err != nil {
			t.Fatal(err)
		}
		all[l.LoginID] = nightsWord(l) + " " + l.Institution
	}
	return all
}

func enrol(t *testing.T, s *state.Store, list ...state.Enrolment) {
	t.Helper()
	if _, err := s.Enrol(t.Context(), list, now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// sqliteFile is a customer's database with a table banks.
func sqliteFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `create table banks (id text, bank text, active bool);
		insert into banks values ('ann', 'Some Bank', 1), ('bob', 'Other', 0), ('e.ve', 'Other', 1)`); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLoginsImport(t *testing.T) {
	t.Parallel()
	environ, _ := servers(t)
	store := rosterStore(t, environ)
	file := write(t, "login_id,institution,scheduled\nann,Some Bank,\nbob,Other,no\ne.ve,,\nzoe,,perhaps\n")
	bad := "roster: line 4: bad loginId \"e.ve\": only letters, digits, '-' and '_' are allowed; left out\n" +
		"roster: line 5: scheduled is \"perhaps\": want true or false, yes or no, 1 or 0, or nothing; left out\n" +
		"nightshift: 2 bad lines of the roster were left out\n"

	t.Run("a list is put on the roster, but for its bad lines", func(t *testing.T) {
		equal(t, result{exitBadLines, "2 added, 0 updated, 2 bad lines\n", bad}, run(t, environ, "logins", "import", file))
		equal(t, map[string]string{"ann": "on Some Bank", "bob": "off Other"}, rosterOf(t, store))
	})
	t.Run("again, it changes nothing", func(t *testing.T) {
		equal(t, result{exitBadLines, `{"read":2,"added":0,"updated":2,"bad":2}` + "\n", bad}, run(t, environ, "logins", "import", file, "--json"))
		equal(t, map[string]string{"ann": "on Some Bank", "bob": "off Other"}, rosterOf(t, store))
	})
	t.Run("what the list does not say stays", func(t *testing.T) {
		list := `{"loginId":"ann","scheduled":false}` + "\n" + `{"loginId":"bob"}` + "\n" + `{"loginId":"new"}`
		equal(t, result{Stdout: "1 added, 2 updated, 0 bad lines\n"}, start(t, environ, list, "logins", "import", "-").result())
		equal(t, map[string]string{"ann": "off Some Bank", "bob": "off Other", "new": "on "}, rosterOf(t, store))
	})
	t.Run("what list prints can be imported", func(t *testing.T) {
		printed := run(t, environ, "logins", "list", "--json").Stdout
		for _, id := range []string{"ann", "bob", "new"} {
			if err := store.Remove(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		equal(t, result{Stdout: "3 added, 0 updated, 0 bad lines\n"}, start(t, environ, printed, "logins", "import", "-").result())
		equal(t, map[string]string{"ann": "off Some Bank", "bob": "off Other", "new": "on "}, rosterOf(t, store))
	})
	t.Run("a list that is cut off is an error, and what was read before is counted", func(t *testing.T) {
		r := start(t, environ, `"loginId`+"\n", "logins", "import", "-").result()
		equal(t, result{exitTrouble, "0 added, 0 updated, 0 bad lines\n", "nightshift: roster: line 1: extraneous or missing \" in quoted-field\n"}, r)
	})
}

func TestLoginsImportFromQuery(t *testing.T) {
	t.Parallel()
	environ, _ := servers(t)
	store := rosterStore(t, environ)
	file := sqliteFile(t)
	query := "--query=select id as login_id, bank as institution, active as scheduled from banks"
	bad := "roster: row 3: bad loginId \"e.ve\": only letters, digits, '-' and '_' are allowed; left out\n" +
		"nightshift: 1 bad line of the roster was left out\n"

	t.Run("a query is a list", func(t *testing.T) {
		equal(t, result{exitBadLines, "2 added, 0 updated, 1 bad line\n", bad}, run(t, environ, "logins", "import", "--sql=sqlite:"+file, query))
		equal(t, map[string]string{"ann": "on Some Bank", "bob": "off Other"}, rosterOf(t, store))
	})
	t.Run("the address may lie in a file that a variable names", func(t *testing.T) {
		secret := write(t, "sqlite:"+file+"\n")
		equal(t, result{exitBadLines, "0 added, 2 updated, 1 bad line\n", bad}, run(t, append(environ, "NIGHTSHIFT_SQL_FILE="+secret), "logins", "import", query))
	})
	t.Run("a file beats a query of the environment", func(t *testing.T) {
		more := append(environ, "NIGHTSHIFT_SQL=sqlite:nowhere", "NIGHTSHIFT_QUERY=select 1")
		equal(t, result{Stdout: "1 added, 0 updated, 0 bad lines\n"}, start(t, more, "loginId\nnew\n", "logins", "import", "-").result())
	})
	t.Run("stopped, it says how far it came, and the same again does no harm", func(t *testing.T) {
		environ := []string{"", realRedis(t)} // The stand-in takes its time with thousands of logins.
		store := rosterStore(t, environ)
		c := start(t, environ, "", "logins", "import", "--sql=sqlite:"+file,
			"--query=with recursive n(i) as (select 1 union all select i + 1 from n) select 'l' || i as login_id from n")
		await(t, func() bool { l, err := store.Login(t.Context(), "l4000"); return err == nil && !l.Since.IsZero() })
		r := c.stop()
		if r.Code != exitTrouble || !strings.HasPrefix(r.Stderr, "nightshift: stopped after ") || !strings.HasSuffix(r.Stderr, " logins; the same command does the rest\n") {
			t.Errorf("got %+v", r)
		}
		equal(t, result{Stdout: "0 added, 1 updated, 0 bad lines\n"}, start(t, environ, "loginId\nl1\n", "logins", "import", "-").result())
	})
}

func TestLoginsImportRefuses(t *testing.T) {
	t.Parallel()
	environ := []string{"NIGHTSHIFT_REDIS_URL=redis://127.0.0.1:1", "NIGHTSHIFT_DATA=" + filepath.Join(t.TempDir(), "none")}
	for _, test := range []struct{ rule, args, want string }{
		{"no list", "", "there is no list: give FILE, where - is standard input, or --sql and --query"},
		{"two lists", "list.csv --sql sqlite:x --query y", "FILE and --sql are two lists: give one of them"},
		{"two files", "a.csv b.csv", `"nightshift logins import" takes one file, but got 2 words`},
		{"a database without a query", "--sql sqlite:x", `--sql needs --query, such as --query "select login_id, institution from banks"`},
		{"a query without a database", "--query select", "--query needs --sql, the address of the database (or NIGHTSHIFT_SQL_FILE)"},
		{"a file that is not there", "nowhere.csv", "the list: open nowhere.csv: no such file or directory"},
		{"an answer without a question", "list.csv --yes", "--dry-run and --yes are about --prune: to import alone needs neither"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			got := run(t, environ, append([]string{"logins", "import"}, strings.Fields(test.args)...)...)
			equal(t, result{Code: exitUsage, Stderr: "nightshift: " + test.want + "\n"}, got)
		})
	}
}

// Wherever the address comes from and whatever is wrong with it, nobody sees
// its password, which is [testSecret].
func TestLoginsImportHidesThePassword(t *testing.T) {
	t.Parallel()
	environ, _ := servers(t)
	for _, address := range []string{
		"postgres://ann:" + testSecret + "@127.0.0.1:1/db", "mysql://ann:" + testSecret + "@127.0.0.1:1/db",
		"postgres://ann:" + testSecret + "@127.0.0.1:1/db?sslmode=nonsense", "postgres://ann:" + testSecret + "/@127.0.0.1:1/db",
		"mysql://ann:1/" + testSecret + "@127.0.0.1:1/db", "oracle://ann:" + testSecret + "@db", testSecret,
	} {
		for from, r := range map[string]result{ // run looks for the secret itself
			"flag":     run(t, environ, "logins", "import", "--query=x", "--sql="+address),
			"variable": run(t, append(environ, "NIGHTSHIFT_SQL="+address), "logins", "import", "--query=x"),
			"file":     run(t, append(environ, "NIGHTSHIFT_SQL_FILE="+write(t, address)), "logins", "import", "--query=x", "--log-level=debug"),
			"help":     run(t, append(environ, "NIGHTSHIFT_SQL="+address), "logins", "import", "--help"),
		} {
			if (r.Code == exitOK) != (from == "help") || strings.Count(r.Stderr, "\n") > 1 {
				t.Errorf("%s, %s: %+v", from, address, r)
			}
		}
	}
}

func TestLoginsPrune(t *testing.T) {
	t.Parallel()
	environ, _ := servers(t)
	store := rosterStore(t, environ)
	enrol(t, store, state.Enrolment{LoginID: "ann"}, state.Enrolment{LoginID: "bob", Institution: "Some Bank"},
		state.Enrolment{LoginID: "off", Scheduled: new(false)})
	before := rosterOf(t, store)
	prune := func(list string, flags ...string) result {
		t.Helper()
		return start(t, environ, list, append([]string{"logins", "import", "-", "--prune"}, flags...)...).result()
	}

	t.Run("a dry run changes nothing", func(t *testing.T) {
		equal(t, result{Stdout: "2 logins in the list, 0 bad lines; nothing was changed\n" +
			"1 login that is not in the list would be taken out of the nights: --yes imports the list and does it\n"}, prune("loginId\nann\nnew\n", "--dry-run"))
		equal(t, result{Stdout: `{"read":2,"added":0,"updated":0,"bad":0,"pruned":1,"dryRun":true}` + "\n"}, prune("loginId\nann\nnew\n", "--dry-run", "--json"))
		equal(t, before, rosterOf(t, store))
	})
	t.Run("a list with a bad line prunes nothing, and what is good in it is imported", func(t *testing.T) {
		r := prune("loginId\nann\nb.ob\nnew\n", "--yes")
		equal(t, result{exitBadLines, "1 added, 1 updated, 1 bad line\n",
			"roster: line 3: bad loginId \"b.ob\": only letters, digits, '-' and '_' are allowed; left out\n" +
				"nightshift: nothing was pruned, for a login of the list may be on a bad line: mend 1 line and import the list again\n"}, r)
		equal(t, map[string]string{"ann": "on ", "bob": "on Some Bank", "off": "off ", "new": "on "}, rosterOf(t, store))
	})
	t.Run("nor does a list of nobody", func(t *testing.T) {
		equal(t, result{exitTrouble, "0 added, 0 updated, 0 bad lines\n", "nightshift: nothing was pruned, for the list names no login at all\n"}, prune("loginId\n", "--yes"))
	})
	t.Run("what is not in the list leaves the nights, and its record stays", func(t *testing.T) {
		equal(t, result{Stdout: "0 added, 2 updated, 0 bad lines\ntaken out of the nights: 1 login that is not in the list\n"}, prune("loginId\nann\nnew\n"))
		equal(t, map[string]string{"ann": "on ", "bob": "off Some Bank", "off": "off ", "new": "on "}, rosterOf(t, store))
	})
	t.Run("again, it finds nothing to do", func(t *testing.T) {
		equal(t, result{Stdout: `{"read":2,"added":0,"updated":2,"bad":0,"pruned":0,"dryRun":false}` + "\n"}, prune("loginId\nann\nnew\n", "--yes", "--json"))
	})
}

func TestLoginSet(t *testing.T) {
	s := newLoginSet()
	if s.has("ann") {
		t.Error("an empty set has ann")
	}
	for i := range 1000 {
		s.add(fmt.Sprint("l", i*7919%1000))
		if i == 500 && !s.has("l0") {
			t.Error("what was added is not there")
		}
	}
	for i := range 2000 {
		if got, want := s.has(fmt.Sprint("l", i)), i < 1000; got != want {
			t.Errorf("l%d: %v", i, got)
		}
	}
}

// With the embedded Redis a roster lies in the data directory, from one command
// to the next.
func TestLoginsEmbedded(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	environ := []string{"NIGHTSHIFT_DATA=" + data}
	for _, args := range []string{"list", "show ann", "enable ann --local", "reconnected ann", "remove ann"} {
		got := run(t, environ, append([]string{"logins"}, strings.Fields(args)...)...)
		equal(t, result{Code: exitUsage, Stderr: "nightshift: there is no roster in " + data +
			`: name the directory with --data, or the server with --redis-url; "nightshift logins import" puts logins on the roster` + "\n"}, got)
		missing(t, data)
	}
	if r := start(t, environ, "loginId\nann\n", "logins", "import", "-").result(); r.Stdout != "1 added, 0 updated, 0 bad lines\n" {
		t.Errorf("got %+v", r)
	}
	missing(t, filepath.Join(data, "nats"))
	if r := run(t, environ, "logins", "list", "--json"); r.Code != exitOK || !strings.HasPrefix(r.Stdout, `{"loginId":"ann",`) {
		t.Errorf("got %+v", r)
	}
	if r := run(t, environ, "logins", "show", "ann"); r.Code != exitOK || !strings.Contains(r.Stdout, "yes: it is due: it was never refreshed") {
		t.Errorf("got %+v", r)
	}
	if _, err := os.Stat(filepath.Join(data, "redis")); err != nil {
		t.Error(err)
	}
}
