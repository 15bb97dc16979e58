package main

import (
	"context"
	"io"
	"iter"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nightshift/producer"
)

// rosterSource is where a list of logins comes from: a file, or a query to the
// customer's own database.
type rosterSource struct {
	file  string // - is standard input; empty: the query
	named string // How the command line names the file, for messages.
	db    producer.Database
	query string
	flags *pflag.FlagSet
}

// Register declares the query's settings. The file is the command's own: an
// argument, or the flag of [rosterSource.registerFile].
func (s *rosterSource) Register(fs *pflag.FlagSet) {
	s.flags = fs
	s.named = "FILE"
	declareFile(fs, &s.db, "sql", producer.Database{}, database(),
		"database that --query asks for the logins: postgres://, mysql:// or sqlite:")
	declare(fs, &s.query, "query", "", text(),
		"a select of login_id and, if you like, institution and scheduled")
}

// registerFile is for commands that take the file as a flag.
func (s *rosterSource) registerFile(cmd *cobra.Command) {
	s.named = "--roster"
	cmd.Flags().StringVar(&s.file, "roster", "", "the logins: CSV with a header that has a column loginId, or NDJSON; - is standard input")
	_ = cmd.MarkFlagFilename("roster", "csv", "ndjson", "jsonl")
}

// database takes the address of a database, and shows it without its password.
func database() form[producer.Database] {
	return form[producer.Database]{kind: "url", parse: producer.ParseDatabase, show: producer.Database.String}
}

// given reports whether there is a list at all.
func (s *rosterSource) given() bool { return s.file != "" || s.db.String() != "" || s.query != "" }

// again refuses what cannot be read again and again.
func (s *rosterSource) again() error {
	if s.file == "-" {
		return usageError("%s -: standard input can be read once, and the nights need it every day: name a file, or --sql", s.named)
	}
	return s.choose()
}

// choose wants one source. A file beats a query that only the environment
// names: one environment serves many commands.
func (s *rosterSource) choose() error {
	typed := false
	s.flags.Visit(func(f *pflag.Flag) { typed = typed || f.Name == "sql" || f.Name == "query" })
	switch {
	case s.file != "" && typed:
		return usageError("%s and --sql are two lists: give one of them", s.named)
	case s.file != "":
		return nil
	case s.db.String() == "" && s.query == "":
		return usageError("there is no list: give %s, where - is standard input, or --sql and --query", s.named)
	case s.db.String() == "":
		return usageError("--query needs --sql, the address of the database (or %s_FILE)", variable("sql"))
	case s.query == "":
		return usageError("--sql needs --query, such as --query %q", "select login_id, institution from banks")
	}
	return nil
}

// rosterList is an opened list of logins, to be read once.
type rosterList struct {
	entries iter.Seq2[producer.Entry, error]
	lines   int
	close   func()
}

// Entries are the logins. A broken line comes as a [*producer.LineError] and
// the next one follows; any other error ends the list.
func (l *rosterList) Entries() iter.Seq2[producer.Entry, error] { return l.entries }

// Lines is how many lines may name a login; -1: they cannot be counted
// beforehand.
func (l *rosterList) Lines() int { return l.lines }

// Close gives the file or the connection back.
func (l *rosterList) Close() { l.close() }

// open opens the list; ctx holds until it is closed. It is called before
// anything else begins, for it finds out what is wrong with the flags.
func (s *rosterSource) open(ctx context.Context, a *app) (*rosterList, error) {
	if err := s.choose(); err != nil {
		return nil, err
	}
	switch s.file {
	case "":
		rows, err := s.db.Roster(ctx, s.query)
		if err != nil {
			return nil, err
		}
		return &rosterList{rows.Entries(), -1, rows.Close}, nil
	case "-":
		return fileList(io.NopCloser(a.stdin), -1), nil
	}
	f, err := os.Open(s.file)
	if err != nil {
		return nil, usageError("the list: %w", err)
	}
	lines, err := countLines(f)
	if err != nil {
		_ = f.Close()
		return nil, usageError("the list: %w", err)
	}
	if lines == 0 {
		lines = -1 // A pipe has a name, too.
	}
	return fileList(f, lines), nil
}

func fileList(r io.ReadCloser, lines int) *rosterList {
	return &rosterList{producer.ReadRoster(r), lines, func() { _ = r.Close() }}
}
