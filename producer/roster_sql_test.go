//go:build unix

package producer_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/producer"
)

// customers is a table as a customer may have it; %s is the type of its ids.
const customers = `
create table customers (id %s, bank varchar(40), nightly boolean, mail text, since timestamp);
insert into customers values
  ('0a1b2c3d-0000-4000-8000-000000000001', 'Some Bank', true, 'ann@example.com', '2026-11-22 04:00:00'),
  ('0a1b2c3d-0000-4000-8000-000000000002', 'Other "Bank", Inc.', false, null, null),
  (null, 'Some Bank', true, null, null),
  ('0a1b2c3d-0000-4000-8000-000000000004', null, null, 'dan@example.com', null);`

// A roster that a query brings obeys the same rules in every database.
func TestSQLRoster(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		address := postgres(t)
		hand := openPostgres(t, address)
		run(t, hand, fmt.Sprintf(customers, "uuid"))
		sqlRosters(t, address, hand, "cannot execute DELETE in a read-only transaction (SQLSTATE 25006)",
			`select 'l' || i as login_id, repeat('x', 1000) as pad from (select generate_series(1, %d) as i) n`)
		postgresRosters(t, address, hand)
	})
	t.Run("SQLite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "a customer's #1.db")
		hand, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = hand.Close() })
		run(t, hand, fmt.Sprintf(customers, "text"))
		sqlRosters(t, "sqlite://"+file, hand, "attempt to write a readonly database (8)",
			`with recursive n(i) as (select 1 union all select i + 1 from n where i < %d)
			 select 'l' || i as login_id, printf('%%01000d', i) as pad from n`)
	})
}

func run(t *testing.T, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

// query lists what a query brings, in the words of read.
func query(t *testing.T, address, text string) []string {
	t.Helper()
	r, err := open(t.Context(), t, address, text)
	if err != nil {
		return []string{"none: " + err.Error()}
	}
	return read(r.Entries())
}

func open(ctx context.Context, t *testing.T, address, text string) (*producer.SQLRoster, error) {
	t.Helper()
	d, err := producer.ParseDatabase(address)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Roster(ctx, text)
	if err == nil {
		t.Cleanup(r.Close)
	}
	return r, err
}

// sqlRosters are the rules; many is a query of that many rows of a kilobyte.
func sqlRosters(t *testing.T, address string, hand *sql.DB, readOnly, many string) {
	const id = "0a1b2c3d-0000-4000-8000-00000000000"
	for _, test := range []struct {
		rule, query string
		want        []string
	}{
		{"a row is a login; one that names none is told by its number, and the rest goes on",
			`select id as "loginId", bank as institution, nightly as scheduled from customers order by bank is null, id is null, id`, []string{
				id + "1@Some Bank on", id + `2@Other "Bank", Inc. off`, "row 3: bad loginId: it is empty", id + "4@",
			}},
		{"names are in capitals or not, other columns do not matter, and null says nothing",
			`select since, mail, id as Login_ID, nightly as "SCHEDULED" from customers where id is not null order by id`, []string{
				id + "1@ on", id + "2@ off", id + "4@",
			}},
		{"scheduled may be a number or a word", `select 'a' as login_id, 1 as scheduled union all select 'b', 0 order by 1`, []string{"a@ on", "b@ off"}},
		{"or else its row is broken", `select 'a' as login_id, 'maybe' as scheduled union all select 'b', 'no' order by 1`, []string{
			`row 1: scheduled is "maybe"` + notScheduled, "b@ off",
		}},
		{"a loginId must be one that can be published", `select 'a.b' as login_id`, []string{`row 1: bad loginId "a.b"` + onlyThese}},
		{"a query may bring nobody", `select id as login_id from customers where id is null and bank is null`, []string{}},
		{"without a column loginId it tells what came", `select id, bank from customers`, []string{
			`none: roster: the query brings no column loginId but "id, bank"; name one of them so: select … as login_id`,
		}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			if diff := cmp.Diff(test.want, query(t, address, test.query)); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("nothing can be written", func(t *testing.T) {
		got := strings.Join(query(t, address, `delete from customers returning id as login_id`), "\n")
		if !strings.Contains(got, readOnly) {
			t.Errorf("got %s", got)
		}
		var n int
		if err := hand.QueryRowContext(t.Context(), `select count(*) from customers`).Scan(&n); err != nil || n != 4 {
			t.Errorf("%d rows are left, %v", n, err)
		}
	})
	t.Run("a row is held at a time", func(t *testing.T) { heldAtATime(t, address, fmt.Sprintf(many, 100_000)) })
	t.Run("whoever wants no more need not wait for the rest", func(t *testing.T) {
		r, err := open(t.Context(), t, address, fmt.Sprintf(many, 1_000_000_000))
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range r.Entries() {
			if e.LoginID != "l1" || err != nil {
				t.Errorf("got %v, %v", e, err)
			}
			break
		}
		r.Close() // The test's time limit is what fails here.
	})
	t.Run("who is stopped is told so, and not that the list is at its end", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, err := open(ctx, t, address, fmt.Sprintf(many, 1_000_000_000))
		if err != nil {
			t.Fatal(err)
		}
		var last error
		for _, last = range r.Entries() {
			cancel()
			if line, ok := errors.AsType[*producer.LineError](last); ok {
				t.Errorf("the stop is taken for a bad row: %v", line)
			}
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("got %v", last)
		}
	})
}

func heldAtATime(t *testing.T, address, text string) {
	r, err := open(t.Context(), t, address, text)
	if err != nil {
		t.Fatal(err)
	}
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for _, err := range r.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%20_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			if grown := int64(now.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
				t.Fatalf("after %d rows the heap has grown by %d bytes", n, grown)
			}
		}
	}
	if n != 100_000 {
		t.Errorf("%d logins", n)
	}
}

// postgresRosters are rules that need a server: SQLite is none.
func postgresRosters(t *testing.T, address string, hand *sql.DB) {
	t.Run("one statement is all", func(t *testing.T) {
		got := strings.Join(query(t, address, `select 'a' as login_id; commit; drop table customers`), "\n")
		if !strings.HasPrefix(got, "none: roster: query: ERROR: cannot insert multiple commands into a prepared statement") {
			t.Errorf("got %s", got)
		}
	})
	t.Run("a wrong query is told in the server's words, on one line", func(t *testing.T) {
		want := []string{`none: roster: query: ERROR: relation "banks" does not exist (SQLSTATE 42P01)`}
		if diff := cmp.Diff(want, query(t, address, `select id as login_id from banks`)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a server that goes away in the middle is no end of the list", func(t *testing.T) {
		r, err := open(t.Context(), t, address, `select 'l' || i as login_id from (select generate_series(1, 10000000) as i) n`)
		if err != nil {
			t.Fatal(err)
		}
		n, last := 0, error(nil)
		for _, last = range r.Entries() {
			if n++; n == 1 {
				run(t, hand, `select pg_terminate_backend(pid) from pg_stat_activity where query like '%generate_series(1, 10000000)%' and pid <> pg_backend_pid()`)
			}
		}
		if last == nil || !strings.HasPrefix(last.Error(), "roster: read the query's rows: ") || n == 10_000_001 {
			t.Errorf("%d rows, %v", n, last)
		}
	})
	t.Run("a wrong password is told, and not shown", func(t *testing.T) {
		for _, wrong := range []string{"s3cret-pass", "s3cret%2Fp%40ss"} {
			got := strings.Join(query(t, strings.Replace(address, "p%40ss%2Fw0rd%3F%23%25", wrong, 1), `select 'a' as login_id`), "\n")
			if !strings.Contains(got, "password authentication failed") || strings.Contains(got, "s3cret") {
				t.Errorf("got %s", got)
			}
		}
	})
}

// What is wrong with a database is told, and its password is not.
func TestSQLRosterCannotBeOpened(t *testing.T) {
	port := freePort(t)
	missing := filepath.Join(t.TempDir(), "missing.db")
	for address, want := range map[string]string{
		fmt.Sprintf("postgres://ann:s3cret@127.0.0.1:%d/db?sslpassword=s3cret-too", port): "connection refused",
		fmt.Sprintf("mysql://ann:s3cret@127.0.0.1:%d/db", port):                           "connection refused",
		"sqlite://" + missing:             "roster: open sqlite:" + missing + ": stat " + missing + ": no such file or directory",
		"sqlite:" + filepath.Dir(missing): "roster: open sqlite:" + filepath.Dir(missing) + ": it is a directory",
	} {
		begin := time.Now()
		_, err := open(t.Context(), t, address, `select 'a' as login_id`)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", address, err)
		}
		if time.Since(begin) > 8*time.Second {
			t.Errorf("%s: it took %s", address, time.Since(begin))
		}
	}
}
