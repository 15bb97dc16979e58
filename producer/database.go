package producer

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // The driver "sqlite".
)

// Database is where a customer's own database is, password included. It prints
// without the password. The zero value is none.
type Database struct {
	shown string // as it may be printed
	hide  *strings.Replacer
	open  func() (*sql.DB, error)
}

// databaseForms tells how an address is written.
const databaseForms = "write postgres://user:password@host:5432/database, mysql://user:password@host:3306/database, " +
	"sqlite:///path/to/file or sqlite:file"

// ParseDatabase reads the address of a database:
//
//	postgres://user:password@host:5432/database   PostgreSQL, also postgresql://
//	mysql://user:password@host:3306/database      MySQL and MariaDB
//	sqlite:///path/to/file, sqlite:file           SQLite
//
// What follows a question mark are the driver's own settings, such as
// sslmode=verify-full. No error holds any part of the address: it is not known
// which of a mistyped address is the password.
func ParseDatabase(address string) (Database, error) {
	scheme, _, _ := strings.Cut(address, ":")
	if scheme == "sqlite" {
		return parseSQLite(address)
	}
	u, err := url.Parse(address)
	switch {
	case scheme != "postgres" && scheme != "postgresql" && scheme != "mysql":
		return Database{}, errors.New("it is no address of a database: " + databaseForms)
	case err != nil, u.Opaque != "", u.Fragment != "", strings.ContainsRune(u.EscapedPath()+u.RawQuery, '@'):
		return Database{}, errors.New("it cannot be read: " + databaseForms +
			"; signs such as @ / ? # % in the password are written as %40 %2F %3F %23 %25")
	}
	d := Database{shown: (&url.URL{Scheme: scheme, Host: u.Host, Path: u.Path}).String(), hide: hiding(address, u)}
	if scheme == "mysql" {
		return d, d.parseMySQL(u)
	}
	return d, d.parsePostgres(address)
}

// hiding finds the secrets of an address, in every form in which a driver may
// repeat them.
func hiding(address string, u *url.URL) *strings.Replacer {
	secrets := []string{address}
	add := func(text string) {
		secrets = append(secrets, text, url.QueryEscape(text), url.PathEscape(text))
	}
	if password, ok := u.User.Password(); ok {
		add(password)
		_, raw, _ := strings.Cut(strings.TrimPrefix(address[:strings.LastIndex(address, "@")], u.Scheme+"://"), ":")
		secrets = append(secrets, raw)
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, raw, _ := strings.Cut(pair, "=")
		if strings.Contains(strings.ToLower(name), "pass") {
			secrets = append(secrets, raw)
			if text, err := url.QueryUnescape(raw); err == nil {
				add(text)
			}
		}
	}
	var pairs []string
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, s, "hidden")
		}
	}
	return strings.NewReplacer(pairs...)
}

func (d *Database) parsePostgres(address string) error {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return d.clean("read the address", err)
	}
	d.open = func() (*sql.DB, error) { return stdlib.OpenDB(*cfg), nil }
	return nil
}

func (d *Database) parseMySQL(u *url.URL) error {
	if u.Hostname() == "" || u.Path == "" || u.Path == "/" {
		return errors.New("it lacks a host or a database: write mysql://user:password@host:3306/database")
	}
	cfg, err := mysqlConfig(u)
	if err != nil {
		return d.clean("read the address", err)
	}
	d.open = func() (*sql.DB, error) {
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return nil, err
		}
		return sql.OpenDB(connector), nil
	}
	return nil
}

// mysqlConfig hands the driver the parts of an address in its own form. Only
// what follows the question mark is in that form already.
func mysqlConfig(u *url.URL) (*mysql.Config, error) {
	at := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "3306"))
	cfg, err := mysql.ParseDSN("tcp(" + at + ")/?" + u.Query().Encode())
	if err != nil {
		return nil, err
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.DBName = strings.TrimPrefix(u.Path, "/")
	cfg.MultiStatements = false // A second statement could end the read-only transaction.
	cfg.Logger = &mysql.NopLogger{}
	return cfg, nil
}

func parseSQLite(address string) (Database, error) {
	file := strings.TrimPrefix(address, "sqlite:")
	if rest, ok := strings.CutPrefix(file, "//"); ok {
		if file = rest; !strings.HasPrefix(file, "/") {
			return Database{}, errors.New("after sqlite:// comes an absolute path, with a third slash; a relative one is sqlite:file")
		}
	}
	if file == "" {
		return Database{}, errors.New("it names no file: " + databaseForms)
	}
	// The driver would make a file that is not there, and obeys what follows a
	// question mark.
	dsn := "file:" + (&url.URL{Path: file}).EscapedPath() + "?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)"
	return Database{shown: "sqlite:" + file, hide: strings.NewReplacer(), open: func() (*sql.DB, error) {
		if info, err := os.Stat(file); err != nil {
			return nil, err
		} else if info.IsDir() {
			return nil, errors.New("it is a directory")
		}
		return sql.Open("sqlite", dsn)
	}}, nil
}

// String is the address without user, password and settings.
func (d Database) String() string { return d.shown }

// Format makes every verb print the address without its password.
func (d Database) Format(f fmt.State, _ rune) { fmt.Fprint(f, d.shown) }

// clean makes an error of one that a driver brings: drivers repeat addresses,
// in their texts and inside of their errors.
func (d Database) clean(doing string, err error) error {
	text := strings.Join(strings.Fields(d.hide.Replace(err.Error())), " ")
	for _, stop := range stops {
		if errors.Is(err, stop) {
			return fmt.Errorf("roster: %s: %w", doing, stop)
		}
	}
	return fmt.Errorf("roster: %s: %s", doing, text)
}
