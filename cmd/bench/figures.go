package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// samples are the results of one measurement, repeated.
type samples []float64

func (s samples) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[len(sorted)/2] + sorted[(len(sorted)-1)/2]) / 2
}

// figure is what was measured, beside what it is measured by.
type figure struct {
	Name      string  `json:"name"`
	Unit      string  `json:"unit"`
	Samples   samples `json:"samples"`
	Reference string  `json:"reference,omitempty"` // the name of another figure; empty: none
	Ratio     float64 `json:"ratio,omitempty"`     // of the medians
	Target    string  `json:"target,omitempty"`
}

// add notes a figure; the ratio to an earlier one is drawn from the medians.
func (b *bench) add(f figure) {
	for _, other := range b.Figures {
		if other.Name == f.Reference {
			f.Ratio = f.Samples.median() / other.Samples.median()
		}
	}
	b.Figures = append(b.Figures, f)
}

// print writes the table, in the form that the README takes over.
func (b *bench) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s\n\n", b.Date, b.Machine)
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| what\t| unit\t| median\t| min to max\t| ratio\t| of\t| target\t|")
	fmt.Fprintln(t, "| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, f := range b.Figures {
		ratio := ""
		if f.Ratio != 0 {
			ratio = fmt.Sprintf("%.2f", f.Ratio)
		}
		fmt.Fprintf(t, "| %s\t| %s\t| %s\t| %s to %s\t| %s\t| %s\t| %s\t|\n", f.Name, f.Unit, number(f.Samples.median()),
			number(slices.Min(f.Samples)), number(slices.Max(f.Samples)), ratio, f.Reference, f.Target)
	}
	_ = t.Flush() // whoever closes the output wants no more of it
}

// number writes three digits that matter, and thousands apart.
func number(x float64) string {
	if x < 100 {
		return fmt.Sprintf("%.3g", x)
	}
	digits := fmt.Sprintf("%.0f", x)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
