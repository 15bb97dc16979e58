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
}

// A LineError is a line of a roster that names no login. The other lines are
// not affected.
type LineError struct {
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// maxLine bounds a line of a roster, in bytes.
const maxLine = 64 << 10

// ReadRoster reads a list of logins: CSV with a header that has a column
// loginId (and, if it likes, institution), or NDJSON with the same names,
// whichever the first character shows. A line that names no login comes as a
// [*LineError] and the next one follows; any other error ends the list.
func ReadRoster(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines := &lineReader{r: bufio.NewReaderSize(r, maxLine)}
		var parse func([]byte) (Entry, error)
		for {
			line, err := lines.next()
			if err == io.EOF {
				break
			}
			if _, broken := errors.AsType[*LineError](err); err != nil && !broken {
				yield(Entry{}, err)
				return
			}
			switch {
			case err != nil:
			case parse == nil && line[0] == '{':
				parse = parseNDJSON
			case parse == nil:
				if parse, err = csvParser(line); err != nil {
					yield(Entry{}, fmt.Errorf("roster: line %d: %w", lines.n, err))
					return
				}
				continue
			}
			var e Entry
			if err == nil {
				if e, err = parse(line); err != nil {
					err = &LineError{lines.n, err}
				}
			}
			if !yield(e, err) {
				return
			}
		}
		if lines.n == 0 {
			yield(Entry{}, errors.New("roster: it is empty; want CSV with a header that has a column loginId, or NDJSON"))
		}
	}
}

// lineReader yields the lines that are not blank, counting all.
type lineReader struct {
	r *bufio.Reader
	n int
}

func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		if len(line) > 0 {
			l.n++
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = l.r.ReadSlice('\n')
			}
			return nil, &LineError{l.n, fmt.Errorf("it is longer than %d bytes", maxLine)}
		}
		if l.n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
		if err == io.EOF {
			return nil, io.EOF
		}
		if err != nil {
			return nil, fmt.Errorf("roster: read: %w", err)
		}
	}
}

func parseNDJSON(line []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return Entry{}, fmt.Errorf("no JSON object: %w", err)
	}
	return e.checked()
}

// csvParser reads the header. Lines are parsed one by one, so that an open
// quote in one does not swallow the others.
func csvParser(header []byte) (func([]byte) (Entry, error), error) {
	names, err := csvFields(header)
	if err != nil {
		return nil, err
	}
	login, institution := -1, -1
	for i, name := range names {
		switch strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "_", "")) {
		case "loginid":
			login = i
		case "institution":
			institution = i
		}
	}
	if login < 0 {
		return nil, fmt.Errorf("the header %q has no column loginId", strings.Join(names, ","))
	}
	return func(line []byte) (Entry, error) {
		fields, err := csvFields(line)
		if err != nil {
			return Entry{}, err
		}
		if len(fields) != len(names) {
			return Entry{}, fmt.Errorf("it has %d fields, the header has %d", len(fields), len(names))
		}
		e := Entry{LoginID: strings.TrimSpace(fields[login])}
		if institution >= 0 {
			e.Institution = strings.TrimSpace(fields[institution])
		}
		return e.checked()
	}, nil
}

func csvFields(line []byte) ([]string, error) {
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
