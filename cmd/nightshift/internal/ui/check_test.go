package ui_test

import (
	"bytes"
	"testing"

	"nightshift/cmd/nightshift/internal/ui"
)

func TestWriteCheck(t *testing.T) {
	checks := []ui.Check{
		{Mark: "ok", Name: "nats", Says: "nats://nats:4222 answers"},
		{Mark: "warning", Name: "redis persistence", Says: "no append-only file: a restart forgets claims and counts of live calls",
			Mend: []string{"redis-cli -h redis.of.a.very.long.name.example.com -p 6379 config set appendonly yes # and more than fits into a line"}},
		{Mark: "broken", Name: "object store refresh-accounts", Says: "it is missing", Mend: []string{"nightshift setup", "or another thing"}},
		{Mark: "skipped", Name: "clock of redis", Says: "Redis said \x1b[31mno\x07"},
		{Mark: "mended", Name: "consumer nightly", Says: "created"},
	}
	for _, tc := range []struct {
		golden string
		style  ui.Style
	}{
		{"check-plain.txt", ui.Style{}},
		{"check-colour.txt", ui.Style{Color: true, Width: 80}},
		{"check-narrow.txt", ui.Style{Color: true, Width: 40}},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			var out bytes.Buffer
			for _, c := range checks {
				ui.WriteCheck(&out, tc.style, c)
			}
			golden(t, tc.golden, out.String())
		})
	}
}
