package producer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"nightshift/producer"
	"nightshift/producer/event"
)

// read lists what a roster yields: "login@institution", with " on" or " off"
// where it says whether the login is scheduled, "line 3: why" for a broken line,
// and "end: why" for an error that ends it.
func read(roster iter.Seq2[producer.Entry, error]) []string {
	got := []string{}
	for e, err := range roster {
		if le, ok := errors.AsType[*producer.LineError](err); ok {
			got = append(got, le.Error())
		} else if err != nil {
			got = append(got, "end: "+err.Error())
		} else {
			got = append(got, e.LoginID+"@"+e.Institution+scheduledWord(e.Scheduled))
		}
	}
	return got
}

func scheduledWord(on *bool) string {
	switch {
	case on == nil:
		return ""
	case *on:
		return " on"
	}
	return " off"
}

const notScheduled = ": want true or false, yes or no, 1 or 0, or nothing"

const onlyThese = ": only letters, digits, '-' and '_' are allowed"

var rosters = []struct {
	rule, in string
	want     []string
}{
	// CSV.
	{"a column loginId is enough", "loginId\na\nb\n", []string{"a@", "b@"}},
	{"the last line needs no end", "loginId\na\nb", []string{"a@", "b@"}},
	{"the header may be LoginID", "LoginID,Institution\na,X\n", []string{"a@X"}},
	{"the header may be login_id", "login_id\na\n", []string{"a@"}},
	{"nothing stands between a quote and the comma", ` "loginId" ,x` + "\na,\n", []string{`end: roster: line 1: extraneous or missing " in quoted-field`}},
	{"the header may be quoted", `"loginId","institution"` + "\na,X\n", []string{"a@X"}},
	{"other columns do not matter", "id,name,loginId,institution,since\n1,n,a,X,2020\n2,,b,,\n", []string{"a@X", "b@"}},
	{"quotes are CSV's", "loginId,institution\n\"a\",\"Bank, \"\"the\"\" one\"\n", []string{`a@Bank, "the" one`}},
	{"blanks around a field go", "loginId,institution\n  a , X Y \n", []string{"a@X Y"}},
	{"a byte order mark goes", "\ufeffloginId\na\n", []string{"a@"}},
	{"a byte order mark goes before quotes", "\ufeff\"loginId\"\na\n", []string{"a@"}},
	{"CRLF ends a line", "loginId,institution\r\na,X\r\n\r\nb,Y\r\n", []string{"a@X", "b@Y"}},
	{"blank lines are counted and skipped", "\n\nloginId\n\n  \na\n\t\nb.\n", []string{"a@", `line 8: bad loginId "b."` + onlyThese}},
	{"a header alone is a list of nobody", "loginId\n", []string{}},
	{"no column loginId", "id,institution\na,X\n", []string{`end: roster: line 1: the header "id,institution" has no column loginId`}},
	{"semicolons are no commas", "loginId;institution\na;X\n", []string{`end: roster: line 1: the header "loginId;institution" has no column loginId`}},
	{"the header's line is its own", "\n\nid\n", []string{`end: roster: line 3: the header "id" has no column loginId`}},
	{"a wrong number of fields", "loginId,institution\na\nb,X,Y\nc,Z\n", []string{
		"line 2: it has 1 fields, the header has 2", "line 3: it has 3 fields, the header has 2", "c@Z",
	}},
	{"an open quote swallows no other line", "loginId,institution\na,\"X\nb,Y\nc,Z\"\nd,\n", []string{
		`line 2: extraneous or missing " in quoted-field`, "b@Y", `line 4: bare " in non-quoted-field`, "d@",
	}},
	{"a bad loginId", "loginId,x\na.b,\nc d,\n*,\n>,\n,\né,\nok,\n", []string{
		`line 2: bad loginId "a.b"` + onlyThese, `line 3: bad loginId "c d"` + onlyThese,
		`line 4: bad loginId "*"` + onlyThese, `line 5: bad loginId ">"` + onlyThese,
		"line 6: bad loginId: it is empty", `line 7: bad loginId "é"` + onlyThese, "ok@",
	}},
	{"a login twice comes twice", "loginId\na\na\n", []string{"a@", "a@"}},
	{"a long line is skipped", "loginId\na\n" + strings.Repeat("x", 200_000) + "\nb\n" + strings.Repeat("y", 70_000), []string{
		"a@", "line 3: it is longer than 65536 bytes", "b@", "line 5: it is longer than 65536 bytes",
	}},
	{"a long line of blanks, too", "loginId\n" + strings.Repeat(" ", 70_000) + "a\nb\n", []string{"line 2: it is longer than 65536 bytes", "b@"}},
	{"a long header ends it", strings.Repeat("x", 200_000) + "\nloginId\na\n", []string{"end: roster: line 1: it is longer than 65536 bytes"}},
	{"a long loginId", "loginId\n" + strings.Repeat("x", 129) + "\n", []string{"line 2: bad loginId: it has 129 characters, at most 128 are allowed"}},

	{"scheduled says yes or no in many words, or nothing", "loginId,SCHEDULED\na,true\nb,False\nc,1\nd,0\ne, YES \nf,no\ng,t\nh,f\ni,\n", []string{
		"a@ on", "b@ off", "c@ on", "d@ off", "e@ on", "f@ off", "g@ on", "h@ off", "i@",
	}},
	{"it may be a bit", "loginId,scheduled\na,\x01\nb,\x00\n", []string{"a@ on", "b@ off"}},
	{"another word for scheduled breaks its line alone", "scheduled,loginId\nmaybe,a\n2,b\nyes,c\n" + strings.Repeat("z", 100) + ",d\n", []string{
		`line 2: scheduled is "maybe"` + notScheduled, `line 3: scheduled is "2"` + notScheduled, "c@ on",
		`line 5: scheduled is "` + strings.Repeat("z", 40) + `"` + notScheduled,
	}},

	// NDJSON.
	{"an object a line", `{"loginId":"a","institution":"X"}` + "\n" + `{"loginId":"b"}` + "\n", []string{"a@X", "b@"}},
	{"the last object needs no end of line", `{"loginId":"a"}`, []string{"a@"}},
	{"the name may be LoginID or login_id", `{"LoginID":"a"}` + "\n" + `{"login_id":"b"}`, []string{"a@", "b@"}},
	{"other names do not matter", `{"loginId":"a","age":7,"tags":["x"]}`, []string{"a@"}},
	{"byte order mark, CRLF, blank lines", "\ufeff\r\n{\"loginId\":\"a\"}\r\n\r\n{\"loginId\":\"b c\"}\r\n", []string{
		"a@", `line 4: bad loginId "b c"` + onlyThese,
	}},
	{"what is no object", `{"loginId":"a"}` + "\n" + `{"loginId":` + "\n" + `nonsense` + "\n" + `{"loginId":7}` + "\n" + `{}` + "\n" + `{"loginId":"b"}{"loginId":"c"}` + "\n" + `{"loginId":"d"}`, []string{
		"a@", "line 2: no JSON object: unexpected end of JSON input",
		"line 3: no JSON object: invalid character 'o' in literal null (expecting 'u')",
		"line 4: want an object with texts, found a value of type number",
		"line 5: bad loginId: it is empty", "line 6: no JSON object: invalid character '{' after top-level value", "d@",
	}},
	{"a first object that is broken spoils no other", `{"loginId":` + "\n" + `{"loginId":"b"}`, []string{
		"line 1: no JSON object: unexpected end of JSON input", "b@",
	}},
	{"a first object that is too long spoils no other", `{"x":"` + strings.Repeat("x", 70_000) + `"}` + "\n" + `{"loginId":"b"}`, []string{
		"line 1: it is longer than 65536 bytes", "b@",
	}},

	{"scheduled is a bool, a number or a text", `{"loginId":"a","scheduled":true}` + "\n" + `{"scheduled":0,"loginId":"b"}` + "\n" +
		`{"loginId":"c","Scheduled":"y\u0065s"}` + "\n" + `{"loginId":"d","scheduled":null}` + "\n" + `{"loginId":"e","scheduled":""}`, []string{
		"a@ on", "b@ off", "c@ on", "d@", "e@",
	}},
	{"or else its line is broken", `{"loginId":"a","scheduled":"null"}` + "\n" + `{"loginId":"b","scheduled":[true]}` + "\n" + `{"loginId":"c","scheduled":1.0}` + "\n" + `{"loginId":"d"}`, []string{
		`line 1: scheduled is "null"` + notScheduled, `line 2: scheduled is "[true]"` + notScheduled, `line 3: scheduled is "1.0"` + notScheduled, "d@",
	}},

	// Neither.
	{"an empty list is a mistake", "", []string{"end: roster: it is empty; want CSV with a header that has a column loginId, or NDJSON"}},
	{"so is a blank one", "\ufeff\r\n \n", []string{"end: roster: it is empty; want CSV with a header that has a column loginId, or NDJSON"}},
	{"a program is no list", "\x7fELF\x02\x01\x01\x00\x00", []string{`end: roster: line 1: the header "\x7fELF\x02\x01\x01\x00\x00" has no column loginId`}},
	{"garbage is quoted in part", "PK\x03" + strings.Repeat("z", 10_000), []string{`end: roster: line 1: the header "PK\x03` + strings.Repeat("z", 77) + `" has no column loginId`}},
}

func TestReadRoster(t *testing.T) {
	for _, test := range rosters {
		t.Run(test.rule, func(t *testing.T) {
			if diff := cmp.Diff(test.want, read(producer.ReadRoster(strings.NewReader(test.in)))); diff != "" {
				t.Error(diff)
			}
			slow := iotest.OneByteReader(strings.NewReader(test.in))
			if diff := cmp.Diff(test.want, read(producer.ReadRoster(slow))); diff != "" {
				t.Errorf("byte by byte: %s", diff)
			}
		})
	}
}

func TestReadRosterStopsWhenNobodyWantsMore(t *testing.T) {
	for _, in := range []string{"loginId\na\nb\n", "loginId\n.\nb\n", `{"loginId":"a"}`, "", "x"} {
		for range producer.ReadRoster(strings.NewReader(in)) {
			break
		}
	}
}

// failing reads r and then fails once; after that it is at its end.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF {
		err, f.err = f.err, io.EOF
	}
	return n, err
}

func TestReadRosterSaysWhenTheListIsCutOff(t *testing.T) {
	fault := fmt.Errorf("disk on fire: %w", io.EOF) // Not the list's end, whatever it wraps.
	long := strings.Repeat("x", 100_000)
	for _, test := range []struct {
		rule, in string
		want     []string
	}{
		{"between two lines", "loginId\na\n", []string{"a@", "end: roster: read: disk on fire: EOF"}},
		{"half a loginId is no login", "loginId\na\n5e115eac-12", []string{"a@", "end: roster: read: disk on fire: EOF"}},
		{"half an object is no login", `{"loginId":"a"}` + "\n" + `{"loginId":"b"}`, []string{"a@", "end: roster: read: disk on fire: EOF"}},
		{"in a line that is too long", "loginId\na\n" + long, []string{"a@", "end: roster: read: disk on fire: EOF"}},
		{"in the header", "login", []string{"end: roster: read: disk on fire: EOF"}},
		{"at once", "", []string{"end: roster: read: disk on fire: EOF"}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			got := read(producer.ReadRoster(&failing{strings.NewReader(test.in), fault}))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// repeat reads a text over and over.
type repeat struct {
	text    string
	at, max int // bytes
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.at == r.max {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.max-r.at)], r.text[r.at%len(r.text):])
	r.at += n
	return n, nil
}

func TestReadRosterHoldsALineAtATime(t *testing.T) {
	const lines, login = 1_000_000, "5e115eac,FC\n"
	roster := producer.ReadRoster(io.MultiReader(
		strings.NewReader("loginId,institution\n"),
		&repeat{text: strings.Repeat(login, 1000), max: lines * len(login)},
	))
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for _, err := range roster {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%200_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			if grown := int64(now.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
				t.Fatalf("after %d lines the heap has grown by %d bytes", n, grown)
			}
		}
	}
	if n != lines {
		t.Errorf("%d logins", n)
	}
}

func TestReadRosterAllocatesLittleForALine(t *testing.T) {
	const lines = 1000
	for _, test := range []struct {
		form, text string
		most       float64
	}{
		{"CSV", "loginId,institution\n" + strings.Repeat("5e115eac-1209,FlinksCapital\n", lines), 3},
		{"NDJSON", strings.Repeat(`{"loginId":"5e115eac-1209","institution":"FlinksCapital"}`+"\n", lines), 10},
	} {
		per := testing.AllocsPerRun(5, func() {
			for range producer.ReadRoster(strings.NewReader(test.text)) {
			}
		}) / lines
		if per > test.most {
			t.Errorf("%s: %.1f allocations a line, at most %.0f are due", test.form, per, test.most)
		}
	}
}

func FuzzReadRoster(f *testing.F) {
	for _, r := range rosters {
		if len(r.in) < 1000 {
			f.Add([]byte(r.in))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		lines, last, n, ended := bytes.Count(in, []byte("\n"))+1, 0, 0, false
		for e, err := range producer.ReadRoster(bytes.NewReader(in)) {
			n++
			if ended {
				t.Fatal("it goes on after its end")
			}
			if le, ok := errors.AsType[*producer.LineError](err); ok {
				if le.Line <= last || le.Line > lines || le.Line < n {
					t.Errorf("line %d after line %d, %d lines, %d entries", le.Line, last, lines, n)
				}
				last = le.Line
			} else if err != nil {
				ended = true
			} else if err := event.CheckLoginID(e.LoginID); err != nil {
				t.Error(err)
			}
		}
		if n > lines {
			t.Errorf("%d entries of %d lines", n, lines)
		}
	})
}

func BenchmarkReadRoster(b *testing.B) {
	for _, form := range []struct{ name, head, line string }{
		{"csv", "loginId,institution\n", "5e115eac-1209-4f19-641c-08d6d484e2fe,FlinksCapital\n"},
		{"csv quoted", "loginId,institution\n", "\"5e115eac-1209-4f19-641c-08d6d484e2fe\",\"FlinksCapital\"\n"},
		{"ndjson", "", `{"loginId":"5e115eac-1209-4f19-641c-08d6d484e2fe","institution":"FlinksCapital"}` + "\n"},
	} {
		b.Run(form.name, func(b *testing.B) {
			const lines = 10_000
			text := form.head + strings.Repeat(form.line, lines)
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range producer.ReadRoster(strings.NewReader(text)) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)*lines/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
