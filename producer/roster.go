package producer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"nightshift/producer/event"
)

// Entry is one login of a roster.
type Entry struct {
	LoginID     string `json:"loginId"`
	Institution string `json:"institution"` // optional
	Scheduled   *bool  `json:"-"`           // it takes part in the nights; nil: the roster does not say
}

// A LineError is a line of a roster, or a row of a query, that names no login.
// The others are not affected.
type LineError struct {
	Line int // from 1
	Row  bool
	Err  error
}

func (e *LineError) Error() string {
	if e.Row {
		return fmt.Sprintf("row %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("line %d: %v", e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// maxLine bounds a line of a roster, in bytes.
const maxLine = 64 << 10

// ReadRoster reads a list of logins: CSV with a header that has a column
// loginId or login_id (and, if it likes, institution and scheduled), or NDJSON
// with the same names, whichever the first character shows. A line that names
// no login comes
// as a [*LineError] and the next one follows; any other error ends the list.
// A line is held at a time, however long the list is.
func ReadRoster(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines := &lineReader{r: bufio.NewReaderSize(r, maxLine)}
		parse, err := lines.form()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for {
			line, err := lines.next()
			if errors.Is(err, errEnd) {
				return
			}
			_, broken := errors.AsType[*LineError](err)
			if err != nil && !broken {
				yield(Entry{}, err)
				return
			}
			var e Entry
			if !broken {
				if e, err = parse(line); err != nil {
					err = &LineError{Line: lines.n, Err: err}
				}
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// errEnd is the end of a list that was read as a whole.
var errEnd = errors.New("end of the list")

// lineReader yields the lines that are not blank, counting all.
type lineReader struct {
	r    *bufio.Reader
	n    int
	kept *keptLine // the next one, when it was looked at already
	err  error     // what ended the reading, or errEnd
}

type keptLine struct {
	line []byte
	err  error
}

// form tells by the first line what the lines are. The header of a CSV is
// used up, an object of NDJSON is kept.
func (l *lineReader) form() (parse func([]byte) (Entry, error), err error) {
	line, err := l.next()
	if errors.Is(err, errEnd) {
		return nil, errors.New("roster: it is empty; want CSV with a header that has a column loginId, or NDJSON")
	}
	if bytes.HasPrefix(line, []byte("{")) {
		l.kept = &keptLine{line, err}
		return parseNDJSON, nil
	}
	if le, ok := errors.AsType[*LineError](err); ok {
		return nil, fmt.Errorf("roster: line %d: %w", le.Line, le.Err) // Not one line is broken, the list is.
	}
	if err != nil {
		return nil, err
	}
	if parse, err = csvParser(line); err != nil {
		return nil, fmt.Errorf("roster: line %d: %w", l.n, err)
	}
	return parse, nil
}

// next returns a line without the white space around it. Of one that is too
// long it returns the beginning, and a [*LineError]. The line is valid until
// the next call.
func (l *lineReader) next() ([]byte, error) {
	if k := l.kept; k != nil {
		l.kept = nil
		return k.line, k.err
	}
	for l.err == nil {
		line, long := l.read()
		if l.err != nil && !errors.Is(l.err, errEnd) {
			break // What was read of this line may be half a loginId.
		}
		if l.n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		line = bytes.TrimSpace(line)
		if long {
			return line, &LineError{Line: l.n, Err: fmt.Errorf("it is longer than %d bytes", maxLine)}
		}
		if len(line) > 0 {
			return line, nil
		}
	}
	return nil, l.err
}

// read reads up to the end of a line; of one that is too long it keeps the
// beginning.
func (l *lineReader) read() (line []byte, long bool) {
	line, err := l.r.ReadSlice('\n')
	l.n++
	if errors.Is(err, bufio.ErrBufferFull) {
		line, long = bytes.Clone(line[:80]), true
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = l.r.ReadSlice('\n')
	}
	switch {
	case err == io.EOF: //nolint:errorlint // The end is io.EOF itself; in another error's clothes it is a fault.
		l.err = errEnd
	case err != nil:
		l.err = fmt.Errorf("roster: read: %w", err)
	}
	return line, long
}

func parseNDJSON(line []byte) (Entry, error) {
	var e struct {
		Entry
		Snake     string `json:"login_id"`
		Scheduled scalar `json:"scheduled"`
	}
	err := json.Unmarshal(line, &e)
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return Entry{}, fmt.Errorf("want an object with texts, found a value of type %s", te.Value)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("no JSON object: %w", err)
	}
	if e.LoginID == "" {
		e.LoginID = e.Snake
	}
	if e.Entry.Scheduled, err = parseScheduled(string(e.Scheduled)); err != nil {
		return Entry{}, err
	}
	return e.checked()
}

// columns are the places of what is read in a line or row; -1: it is not there.
type columns struct{ login, institution, scheduled int }

func findColumns(names []string) columns {
	c := columns{-1, -1, -1}
	for i, name := range names {
		switch strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "_", "")) {
		case "loginid":
			c.login = i
		case "institution":
			c.institution = i
		case "scheduled":
			c.scheduled = i
		}
	}
	return c
}

// csvParser reads the header. Lines are parsed one by one, so that an open
// quote in one does not swallow the others.
func csvParser(header []byte) (func([]byte) (Entry, error), error) {
	names, err := csvFields(header)
	if err != nil {
		return nil, err
	}
	at := findColumns(names)
	if at.login < 0 {
		return nil, fmt.Errorf("the header %.80q has no column loginId", strings.Join(names, ","))
	}
	return func(line []byte) (Entry, error) {
		fields, err := csvFields(line)
		if err != nil {
			return Entry{}, err
		}
		if len(fields) != len(names) {
			return Entry{}, fmt.Errorf("it has %d fields, the header has %d", len(fields), len(names))
		}
		return at.entry(func(i int) string { return fields[i] })
	}, nil
}

// entry reads the fields of a line or row.
func (c columns) entry(field func(int) string) (e Entry, err error) {
	e.LoginID = strings.TrimSpace(field(c.login))
	if c.institution >= 0 {
		e.Institution = strings.TrimSpace(field(c.institution))
	}
	if c.scheduled >= 0 {
		if e.Scheduled, err = parseScheduled(field(c.scheduled)); err != nil {
			return Entry{}, err
		}
	}
	return e.checked()
}

func csvFields(line []byte) ([]string, error) {
	if !bytes.ContainsRune(line, '"') { // Most lines; they are spared a reader each.
		return strings.Split(string(line), ","), nil
	}
	r := csv.NewReader(bytes.NewReader(line))
	r.ReuseRecord = true
	fields, err := r.Read()
	if pe, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, pe.Err // its line number is that of the line alone
	}
	return fields, err
}

func (e Entry) checked() (Entry, error) {
	if err := event.CheckLoginID(e.LoginID); err != nil {
		return Entry{}, err
	}
	return e, nil
}
