package event

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzWriter: what the writer writes is what encoding/json does, to the byte.
func FuzzWriter(f *testing.F) {
	f.Add("a-login", "2026-11-24", "RETRY_LATER", "Caisse <Desjardins> & Cie", int64(1764000000), 123456789, 2, true)
	f.Add("", "", "", "", int64(0), 0, 0, false)
	f.Add("\xff\u2028", "\x00\\\"", "é\x7f", "\u2029", int64(-62135596800), 0, -3, true)
	f.Add("a", "b", "c", "d", int64(400_000_000_000), 1, 1, false) // no year of four digits
	f.Fuzz(func(t *testing.T, id, cycle, code, bank string, sec int64, nsec, n int, full bool) {
		at := time.Unix(sec, int64(nsec)).UTC()
		j := Job{Version: n, LoginID: id, Cycle: cycle, Lane: Lane(code), Mode: Cached, Attempt: n, Published: at, Institution: bank}
		if full {
			at = at.In(time.FixedZone("", n%86400/60*60))
			j.Phase, j.RequestID, j.NotAfter, j.Options = Phase(bank), id, at, Options{code, n}
			j.Spent = Spent{n, nsec, n, n, n, n, at, at, code}
		}
		same(t, func() ([]byte, error) { return json.Marshal(wireJob(j)) }, j.MarshalJSON)

		o := Outcome{LoginID: id, Cycle: cycle, Type: Type(code), Reason: Reason(bank), Timings: Timings{Published: at}, Job: j}
		if full {
			o.Lane, o.FlinksCode, o.Institution, o.RequestID, o.AfterExpiry = Lane(bank), code, bank, id, AskRefresh
			o.LastRefresh, o.RequestIDExpires, o.Timings = at, at, Timings{at, at, at}
			o.Calls, o.Counts = Calls{n, nsec}, Counts{n, nsec}
			o.Accounts = &Accounts{cycle, bank, bank, id, code, uint64(n)}
		}
		same(t, func() ([]byte, error) { return json.Marshal(o) }, o.Encode)
	})
}

func same(t *testing.T, library, ours func() ([]byte, error)) {
	t.Helper()
	want, wantErr := library()
	got, err := ours()
	if (err == nil) != (wantErr == nil) || err == nil && string(got) != string(want) {
		t.Fatalf("got  %s, %v\nwant %s, %v", got, err, want, wantErr)
	}
}

// FuzzReader: a job of the form that the writer writes is read as encoding/json
// reads it, and nothing that this refuses is read.
func FuzzReader(f *testing.F) {
	at := time.Date(2026, 11, 24, 4, 0, 0, 500, time.UTC)
	full := Job{
		Version: 1, LoginID: "a-login", Cycle: "2026-11-24", Lane: Nightly, Mode: Live, Attempt: 2, Phase: PhasePoll, RequestID: "r",
		NotAfter: at, Options: Options{"Income", 90}, Institution: "Caisse Montréal", Published: at,
		Spent: Spent{1, 2, 3, 4, 5, 6, at, at, "RETRY_LATER"},
	}
	text := func(j Job) string {
		data, err := j.MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		if read, ok := readJob(string(data)); !ok || !reflect.DeepEqual(read, j) {
			f.Fatalf("got %+v, %v\nwant %+v", read, ok, j)
		}
		return string(data)
	}
	whole := text(full)
	f.Add(text(Job{Version: 1, LoginID: "a", Cycle: "c", Lane: Nightly, Mode: Cached, Attempt: 1, Published: at}))
	f.Add(whole)
	for _, change := range [][2]string{
		{`:1,`, `:01,`}, {`:1,`, `:-1,`}, {`:1,`, `: 1,`}, {`:1,`, `:1 ,`}, {`:1,`, `:1,,`}, {`:1,`, `:1`}, {`{"v`, `{,"v`}, {`}`, `},`}, {`}`, `,}`}, {`}}`, `}}x`}, {`}}`, `}`},
		{"a-login", `a\u0061`}, {"a-login", "a\x00"}, {"a-login", "a\xff"}, {"Z", "+00:00"}, {"T04", "t04"}, {`"version"`, `"Version"`}, {`"spent":`, `"spent":null,"spent":`},
	} {
		f.Add(strings.Replace(whole, change[0], change[1], 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := readJob(text)
		if !ok {
			return
		}
		var want wireJob
		if err := json.Unmarshal([]byte(text), &want); err != nil || !reflect.DeepEqual(got, Job(want)) {
			t.Fatalf("got  %+v\nwant %+v, %v", got, want, err)
		}
	})
}

// The cost of writing does not depend on the machine.
func TestWritingAllocates(t *testing.T) {
	j := Job{Version: 1, LoginID: strings.Repeat("x", 36), Cycle: "2026-11-24", Lane: Nightly, Mode: Cached, Attempt: 1, Published: time.Now()}
	o := Outcome{LoginID: j.LoginID, Cycle: j.Cycle, Lane: j.Lane, Type: Refreshed, Reason: CachedFresh, Job: j}
	if n := testing.AllocsPerRun(100, func() { _, _ = j.MarshalJSON() }); n > 1 {
		t.Errorf("a job: %v allocations, want 1", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = o.Encode() }); n > 2 {
		t.Errorf("an outcome: %v allocations, want 2", n)
	}
}

func BenchmarkEncodeJob(b *testing.B) {
	j := Job{Version: 1, LoginID: strings.Repeat("x", 36), Cycle: "2026-11-24", Lane: Nightly, Mode: Cached, Attempt: 1, Published: time.Now()}
	for b.Loop() {
		_, _ = j.MarshalJSON()
	}
}

func BenchmarkDecodeJob(b *testing.B) {
	j := Job{Version: 1, LoginID: strings.Repeat("x", 36), Cycle: "2026-11-24", Lane: Nightly, Mode: Cached, Attempt: 1, Published: time.Now()}
	data, _ := j.MarshalJSON()
	subject := j.Subject()
	for b.Loop() {
		if _, err := DecodeJob(subject, data); err != nil {
			b.Fatal(err)
		}
	}
}
