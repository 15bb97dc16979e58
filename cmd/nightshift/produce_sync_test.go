package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// The customer's own table is the roster: it is read before each night.
func TestProduceFromATable(t *testing.T) {
	t.Parallel()
	stores, _ := servers(t)
	file := filepath.Join(t.TempDir(), "bank.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	change := func(text string) {
		t.Helper()
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	change("create table banks (login_id text, institution text)")
	change("insert into banks values ('one', 'Some Bank'), ('two', null)")
	night := func(cycle string, more ...string) (publishedNight, string) {
		t.Helper()
		r := run(t, stores, append([]string{"produce", "--once", "--json", "--cycle", cycle, "--sql", "sqlite:" + file, "--query", "select * from banks"}, more...)...)
		if r.Code != exitOK {
			t.Fatal(r.Stderr)
		}
		return only[publishedNight](t, r.Stdout), r.Stderr
	}

	got, _ := night("2026-11-22")
	equal(t, publishedNight{Cycle: "2026-11-22", Queued: 2, NotDue: map[string]int{}}, got)

	t.Run("who is new joins, and who is gone takes part no more", func(t *testing.T) {
		change("insert into banks values ('three', null)")
		change("delete from banks where login_id = 'one'")
		got, _ := night("2026-11-23")
		equal(t, publishedNight{Cycle: "2026-11-23", Queued: 1, Already: 1, NotDue: map[string]int{"not_scheduled": 1}}, got)
	})
	t.Run("a table that cannot be read leaves the roster as it is, and the night goes on", func(t *testing.T) {
		change("drop table banks")
		got, said := night("2026-11-24")
		equal(t, publishedNight{Cycle: "2026-11-24", Already: 2, NotDue: map[string]int{"not_scheduled": 1}}, got)
		if !strings.Contains(said, "the roster is not up to date") {
			t.Error(said)
		}
	})
	t.Run("standard input can be read once only", func(t *testing.T) {
		r := run(t, stores, "produce", "--roster", "-")
		if r.Code != exitUsage || !strings.Contains(r.Stderr, "standard input can be read once") {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
	})
}
