package producer

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"
	"time"
)

// connectTimeout bounds the wait for a database that does not answer.
const connectTimeout = 10 * time.Second

// stops are the ends that a caller may bring about, and asks for.
var stops = []error{context.Canceled, context.DeadlineExceeded}

// SQLRoster is a roster that a query brings.
type SQLRoster struct {
	from   Database
	db     *sql.DB
	tx     *sql.Tx
	rows   *sql.Rows
	at     columns
	width  int
	ended  bool
	cancel context.CancelFunc // of the query
}

// Roster runs a query in a transaction that can only read. Among the columns of
// its result is loginId or login_id, and, if it likes, institution and
// scheduled, in capitals or not; the others do not matter. ctx holds until the
// roster is closed.
func (d Database) Roster(ctx context.Context, query string) (*SQLRoster, error) {
	r := &SQLRoster{from: d}
	ctx, r.cancel = context.WithCancel(ctx)
	if err := r.open(ctx, query); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *SQLRoster) open(ctx context.Context, query string) (err error) {
	if r.db, err = r.from.open(); err != nil {
		return r.from.clean("open "+r.from.shown, err)
	}
	if err := r.connect(ctx); err != nil {
		return err
	}
	if r.tx, err = r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err != nil {
		return r.from.clean("begin to read", err)
	}
	if r.rows, err = r.tx.QueryContext(ctx, query); err != nil {
		return r.from.clean("query", err)
	}
	names, err := r.rows.Columns()
	if err != nil {
		return r.from.clean("query", err)
	}
	r.at, r.width = findColumns(names), len(names)
	if r.at.login < 0 {
		return fmt.Errorf("roster: the query brings no column loginId but %s; name one of them so: select … as login_id",
			orNone(names))
	}
	return nil
}

func (r *SQLRoster) connect(ctx context.Context) error {
	brief, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	err := r.db.PingContext(brief)
	if err != nil && brief.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("roster: connect to %s: no answer within %s", r.from, connectTimeout)
	}
	if err != nil {
		return r.from.clean("connect to "+r.from.shown, err)
	}
	return nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none at all"
	}
	return fmt.Sprintf("%.200q", strings.Join(names, ", "))
}

// Entries reads the rows, once, one at a time as they come. A row that names no
// login comes as a [*LineError] and the next one follows; any other error ends
// the list.
func (r *SQLRoster) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		fields, into := make([]sql.NullString, r.width), make([]any, r.width)
		for i := range into {
			into[i] = nothing{}
			if i == r.at.login || i == r.at.institution || i == r.at.scheduled {
				into[i] = &fields[i]
			}
		}
		for n := 1; r.rows.Next(); n++ {
			if err := r.rows.Scan(into...); err != nil { // Any value would do: it was stopped.
				yield(Entry{}, r.failed(err))
				return
			}
			e, err := r.at.entry(func(i int) string { return fields[i].String })
			if err != nil {
				err = &LineError{Line: n, Row: true, Err: err}
			}
			if !yield(e, err) {
				return
			}
		}
		r.ended = true
		if err := r.rows.Err(); err != nil {
			yield(Entry{}, r.failed(err))
		}
	}
}

// failed is the error of a list that did not come to its end.
func (r *SQLRoster) failed(err error) error {
	return r.from.clean("read the query's rows", cmp.Or(r.rows.Err(), err))
}

// nothing takes a value that nobody wants.
type nothing struct{}

func (nothing) Scan(any) error { return nil }

// Close ends the query, wherever it is, and the connection.
func (r *SQLRoster) Close() {
	if !r.ended {
		r.cancel() // Or the driver would read all the rest first.
	}
	if r.rows != nil {
		_ = r.rows.Close()
	}
	if r.tx != nil {
		_ = r.tx.Rollback()
	}
	r.cancel()
	if r.db != nil {
		_ = r.db.Close()
	}
}
