package flinks_test

import (
	"encoding/json"
	"testing"
	"time"

	"nightshift/flinks"
)

func TestParseTime(t *testing.T) {
	day := func(nsec int) time.Time { return time.Date(2019, 5, 9, 13, 47, 46, nsec, time.UTC) }
	tests := []struct {
		rule string
		in   string
		want time.Time
		bad  bool
	}{
		{rule: "no fraction", in: "2019-05-09T13:47:46", want: day(0)},
		{rule: "one digit", in: "2019-05-09T13:47:46.5", want: day(500000000)},
		{rule: "six digits, as in 2026", in: "2019-05-09T13:47:46.522790", want: day(522790000)},
		{rule: "seven digits, as in 2019", in: "2019-05-09T13:47:46.5227901", want: day(522790100)},
		{rule: "nine digits", in: "2019-05-09T13:47:46.522790123", want: day(522790123)},
		{rule: "more digits are cut off", in: "2019-05-09T13:47:46.522790123456789", want: day(522790123)},
		{rule: "Z", in: "2019-05-09T13:47:46.5Z", want: day(500000000)},
		{rule: "a zone is respected", in: "2019-05-09T09:47:46-04:00", want: day(0)},
		{rule: "a zone without a colon", in: "2019-05-09T09:47:46.5-0400", want: day(500000000)},
		{rule: "a blank for the T", in: "2019-05-09 13:47:46", want: day(0)},
		{rule: "a date", in: "2019-05-09", want: time.Date(2019, 5, 9, 0, 0, 0, 0, time.UTC)},
		{rule: "blanks around", in: " 2019-05-09T13:47:46 ", want: day(0)},
		{rule: "empty is zero", in: ""},
		{rule: "the first moment of all is zero", in: "0001-01-01T00:00:00"},
		{rule: "no such day", in: "2019-02-30T00:00:00", bad: true},
		{rule: "American", in: "05/09/2019", bad: true},
		{rule: "words", in: "yesterday", bad: true},
		{rule: "tail", in: "2019-05-09T13:47:46.5x", bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			got, err := flinks.ParseTime(tt.in)
			if (err != nil) != tt.bad || !got.Equal(tt.want) || got.Location() != time.UTC {
				t.Errorf("ParseTime(%q) = %v, %v; want %v, error %v", tt.in, got, err, tt.want, tt.bad)
			}
		})
	}
}

func TestTimeJSON(t *testing.T) {
	tests := []struct {
		in   string
		want time.Time
		bad  bool
	}{
		{in: `null`},
		{in: `""`},
		{in: `"2026-01-21T20:47:47.145999"`, want: time.Date(2026, 1, 21, 20, 47, 47, 145999000, time.UTC)},
		{in: `1769028467`, bad: true},
		{in: `"soon"`, bad: true},
	}
	for _, tt := range tests {
		var got flinks.Time
		err := json.Unmarshal([]byte(tt.in), &got)
		if (err != nil) != tt.bad || !got.Equal(tt.want) {
			t.Errorf("%s: got %v, %v; want %v, error %v", tt.in, got, err, tt.want, tt.bad)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"", "2019-05-09T13:47:46.5227901", "2026-01-21T20:47:47.145999Z", "2026-01-21T20:47:47-0400", "2026-01-21", "9999-99-99"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := flinks.ParseTime(s)
		if err != nil {
			if !at.IsZero() {
				t.Errorf("%q: both %v and %v", s, at, err)
			}
			return
		}
		again, err := flinks.ParseTime(at.Format("2006-01-02T15:04:05.999999999"))
		// A zone can carry a year out of the four digits that the form has.
		if year := at.Year(); year >= 0 && year <= 9999 && (err != nil || !again.Equal(at)) {
			t.Errorf("%q: %v came back as %v, %v", s, at, again, err)
		}
	})
}
