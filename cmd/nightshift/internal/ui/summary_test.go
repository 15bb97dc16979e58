package ui_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"nightshift/cmd/nightshift/internal/ui"
)

var sample = ui.Summary{
	Logins: 100_000,
	Outcomes: map[string]int{
		"refreshed": 91_234, "mfa_required": 3_766, "reconnect_required": 4_990, "failed": 10,
	},
	Reasons: map[string]map[string]int{
		"refreshed":          {"cached": 60_000, "live": 31_234},
		"mfa_required":       {"security_challenge": 3_766},
		"reconnect_required": {"credentials_refused": 2_495, "account_disabled": 2_495},
		"failed":             {"": 10},
	},
	Seconds: 75.3,
	Data:    "/home/ada/nightshift-data",
	Next:    []string{"nightshift events", "nightshift report"},
}

func TestSummary(t *testing.T) {
	t.Run("what was lost or told twice cannot be overlooked", func(t *testing.T) {
		bad := sample
		bad.Lost, bad.Duplicates = 1_234, 1
		var out bytes.Buffer
		ui.NewScreen(&out, ui.Style{Color: true, Width: 100}).Summary(bad)
		golden(t, "summary-bad.txt", out.String())
	})

	t.Run("nothing at all is shown as such", func(t *testing.T) {
		var out bytes.Buffer
		ui.NewScreen(&out, ui.Style{}).Summary(ui.Summary{})
		golden(t, "summary-empty.txt", out.String())
	})
}

func TestSummaryJSON(t *testing.T) {
	for _, tc := range []struct {
		rule, file string
		sum        ui.Summary
	}{
		{"has every fact", "summary.json", sample},
		{"has every key even when nothing was done", "summary-empty.json", ui.Summary{}},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			got, err := json.MarshalIndent(tc.sum, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, tc.file, string(got)+"\n")
		})
	}
}

func TestVerdict(t *testing.T) {
	for _, tc := range []struct {
		rule string
		sum  ui.Summary
		want string
		ok   bool
	}{
		{"all is well", ui.Summary{}, "nothing lost, nothing told twice", true},
		{"a lost one is none", ui.Summary{Lost: 1}, "WARNING: 1 lost, 0 told twice", false},
		{"a double one is none", ui.Summary{Duplicates: 2}, "WARNING: 0 lost, 2 told twice", false},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			if got, ok := tc.sum.Verdict(), tc.sum.OK(); got != tc.want || ok != tc.ok {
				t.Errorf("got %q, %v, want %q, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}
