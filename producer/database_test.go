package producer_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nightshift/producer"
)

const (
	forms = "write postgres://user:password@host:5432/database, mysql://user:password@host:3306/database, " +
		"sqlite:///path/to/file or sqlite:file"
	unreadable = "it cannot be read: " + forms + "; signs such as @ / ? # % in the password are written as %40 %2F %3F %23 %25"
)

func TestParseDatabase(t *testing.T) {
	for _, test := range []struct{ rule, address, want string }{
		{"PostgreSQL", "postgres://ann:s3cret@db:5432/app?sslmode=disable", "postgres://db:5432/app"},
		{"PostgreSQL's other name", "postgresql://ann:s3cret@db/app", "postgresql://db/app"},
		{"PostgreSQL on a socket", "postgres:///app?host=/run/postgresql&user=ann&password=s3cret", "postgres:///app"},
		{"MySQL", "mysql://ann:s3cret@db:3306/app?tls=true", "mysql://db:3306/app"},
		{"SQLite with an absolute path", "sqlite:///var/lib/app.db", "sqlite:/var/lib/app.db"},
		{"SQLite with a relative path", "sqlite:app.db", "sqlite:app.db"},
		{"SQLite with a question mark in the name", "sqlite:app.db?mode=rwc", "sqlite:app.db?mode=rwc"},

		{"another database", "oracle://ann:s3cret@db/app", "it is no address of a database: " + forms},
		{"nothing", "", "it is no address of a database: " + forms},
		{"the driver's own form", "ann:s3cret@tcp(db:3306)/app", "it is no address of a database: " + forms},
		{"key and value", "host=db user=ann password=s3cret", "it is no address of a database: " + forms},
		{"no slashes", "postgres:s3cret", unreadable},
		{"a slash in the password", "postgres://ann:s3cret/x@db/app", unreadable},
		{"a slash in a password that looks like a port", "postgres://ann:5432/s3cret@db/app", unreadable},
		{"a question mark in it", "mysql://ann:5432?s3cret@db/app", unreadable},
		{"a number sign in it", "mysql://ann:5432#s3cret@db/app", unreadable},
		{"a per cent sign in it", "postgres://ann:s3cret%zz@db/app", unreadable},
		{"MySQL without a database", "mysql://ann:s3cret@db", "it lacks a host or a database: write mysql://user:password@host:3306/database"},
		{"MySQL without a host", "mysql:///app", "it lacks a host or a database: write mysql://user:password@host:3306/database"},
		{"a setting that MySQL's driver does not take", "mysql://ann:s3cret@db/app?timeout=soon", "roster: read the address: time: invalid duration \"soon\""},
		{"SQLite with two slashes", "sqlite://app.db", "after sqlite:// comes an absolute path, with a third slash; a relative one is sqlite:file"},
		{"SQLite without a file", "sqlite:", "it names no file: " + forms},
	} {
		t.Run(test.rule, func(t *testing.T) {
			d, err := producer.ParseDatabase(test.address)
			got := d.String()
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The driver of MySQL has a form of its own for an address.
func TestMySQLConfig(t *testing.T) {
	for _, test := range []struct{ rule, address, want string }{
		{"all parts", "mysql://ann:s3cret@db:3307/app", "ann:s3cret@tcp(db:3307)/app"},
		{"the port has a default", "mysql://ann@db/app", "ann@tcp(db:3306)/app"},
		{"a password of all signs", "mysql://ann:%40%2F%3F%23%25%3A%28%29@db/app", "ann:@/?#%:()@tcp(db:3306)/app"},
		{"an address of IPv6", "mysql://ann:x@[::1]:3306/app", "ann:x@tcp([::1]:3306)/app"},
		{"settings of the driver", "mysql://ann:x@db/app?tls=skip-verify&time_zone=%27US%2FPacific%27", "ann:x@tcp(db:3306)/app?tls=skip-verify&time_zone=%27US%2FPacific%27"},
		{"one statement is all, whatever is asked for", "mysql://ann:x@db/app?multiStatements=true", "ann:x@tcp(db:3306)/app"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			u, err := url.Parse(test.address)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := producer.MySQLConfig(u)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, cfg.FormatDSN()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// leaked reports whether a text holds the password.
func leaked(t *testing.T, address, password, where, text string) {
	t.Helper()
	if strings.Contains(text, password) {
		t.Errorf("%s: %s shows the password: %s", address, where, text)
	}
}

func noLeak(t *testing.T, address, password string) {
	t.Helper()
	d, err := producer.ParseDatabase(address)
	leaked(t, address, password, "the error", fmt.Sprintf("%v %+v %#v", err, err, err))
	asJSON, _ := json.Marshal(d) //nolint:staticcheck // that nothing comes of it is what is tested
	leaked(t, address, password, "the address", fmt.Sprintf("%v %+v %#v %s %q %s %v", d, d, d, d, d, asJSON, struct{ D producer.Database }{d}))
}

func TestDatabaseIsNeverPrintedWithItsPassword(t *testing.T) {
	const password = "s3cret"
	for _, address := range []string{
		"postgres://ann:s3cret@db:5432/app", "postgres://ann:s3cret@db:5432/app?sslmode=nonsense", "postgres://ann:s3cret@db:99999/app",
		"postgres://db/app?password=s3cret&sslmode=nonsense", "postgres://db/app?sslmode=verify-ca&sslrootcert=/nowhere&sslpassword=s3cret",
		"postgres://ann:s3cret@db/app?connect_timeout=x&target_session_attrs=y", "mysql://ann:s3cret@db/app?timeout=x", "mysql://ann:s3cret@db:x/app",
		"postgres://ann:%7as3cret@db/app?sslmode=nonsense",
	} {
		noLeak(t, address, password)
	}
}

func FuzzParseDatabase(f *testing.F) {
	for _, rest := range []string{"", "@db/app", "/x@db/app", "?x@db/app", "#x@db", "%zz@db/app", "@db:1:2/app", "@db/app?sslmode=x", "@db/app?timeout=x&tls=y", " @db", "\n@db/a", "@a@db/app", "@[::1/app", ":x@db/app"} {
		f.Add("postgres", rest)
		f.Add("mysql", rest)
	}
	// A password that looks like a port is the one that hides best.
	f.Fuzz(func(t *testing.T, scheme, rest string) {
		for _, password := range []string{"31337", "s3cret-word"} {
			if !strings.Contains(scheme+rest, password) && strings.Contains(rest, "@") {
				noLeak(t, scheme+"://ann:"+password+rest, password)
			}
		}
	})
}
