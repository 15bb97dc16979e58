package ui

import "testing"

func TestNumbers(t *testing.T) {
	for _, tc := range []struct{ rule, got, want string }{
		{"below a thousand as it is", number(999), "999"},
		{"a comma between thousands", number(1_234_567), "1,234,567"},
		{"a comma before exactly a thousand", number(1_000), "1,000"},
		{"the sign stands before it", number(-123_456), "-123,456"},
		{"a slow rate has a fraction", rate(9.96), "10.0"},
		{"a fast one has none", rate(8130.4), "8,130"},
		{"a short span has a fraction", seconds(12.34), "12.3 s"},
		{"a long one has none", seconds(75.3), "1m15s"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %q, want %q", tc.got, tc.want)
			}
		})
	}
}
