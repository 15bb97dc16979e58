package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fatih/color"
)

// Summary is what came of one run. As JSON it is the answer of "demo --json",
// in which outcomes always has all four endings.
type Summary struct {
	Logins     int                       `json:"logins"`     // That should end.
	Outcomes   map[string]int            `json:"outcomes"`   // Logins by ending.
	Reasons    map[string]map[string]int `json:"reasons"`    // Logins by ending and reason.
	Duplicates int                       `json:"duplicates"` // Outcomes told more than once.
	Lost       int                       `json:"lost"`       // Logins that ended without an outcome.
	Seconds    float64                   `json:"seconds"`
	Data       string                    `json:"data"` // Where the files lie.
	Next       []string                  `json:"-"`    // Commands worth trying now.
}

// OK tells that nothing was lost and nothing told twice.
func (s Summary) OK() bool { return s.Lost == 0 && s.Duplicates == 0 }

// Verdict says it in words.
func (s Summary) Verdict() string {
	if s.OK() {
		return "nothing lost, nothing told twice"
	}
	return fmt.Sprintf("WARNING: %s lost, %s told twice", number(s.Lost), number(s.Duplicates))
}

// MarshalJSON writes all four endings and both tables, empty or not, so that a
// script need not ask whether a key is there.
func (s Summary) MarshalJSON() ([]byte, error) {
	type plain Summary // Without this method.
	full := plain(s)
	full.Outcomes = make(map[string]int)
	full.Reasons = make(map[string]map[string]int)
	for _, k := range types {
		full.Outcomes[k.name] = 0
		full.Reasons[k.name] = map[string]int{}
	}
	maps.Copy(full.Outcomes, s.Outcomes)
	for name, reasons := range s.Reasons {
		if reasons != nil {
			full.Reasons[name] = reasons
		}
	}
	return json.Marshal(full)
}

// Summary writes the closing block.
func (s *Screen) Summary(sum Summary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	b.WriteString("\n")
	b.WriteString(Totals(s.style, sum.Outcomes))
	sum.writeReasons(&b, s.style)
	sum.writeFacts(&b, s.style)
	mark := color.FgGreen
	if !sum.OK() {
		mark = color.FgRed
	}
	b.WriteString("\n" + s.style.paint(sum.Verdict(), mark, color.Bold) + "\n")
	s.draw(b.String())
}

// chartWidth is how long the bar of 100 % is.
const chartWidth = 30

// Totals draws how many logins ended how.
func Totals(style Style, outcomes map[string]int) string {
	var b strings.Builder
	all := 0
	for _, n := range outcomes {
		all += n
	}
	chart := style.chart(chartWidth, 46)
	for _, k := range types {
		n := outcomes[k.name]
		share := 0.0
		if all > 0 {
			share = float64(n) / float64(all)
		}
		line := fmt.Sprintf("  %s %11s  %5.1f %%  %s",
			style.paint(pad(k.name, typeWidth), k.color), number(n), share*100, style.bar(share, chart, k.color))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	fmt.Fprintf(&b, "  %s %11s\n", pad("together", typeWidth), number(all))
	return b.String()
}

// chart is how wide a bar may be beside other columns, at best width.
func (s Style) chart(width, others int) int {
	if s.Width <= 0 {
		return width
	}
	return min(width, max(3, s.Width-others))
}

// bar draws a share between 0 and 1; any share above 0 shows at least one
// mark.
func (s Style) bar(share float64, width int, c color.Attribute) string {
	marks := int(share*float64(width) + 0.5)
	if share > 0 && width > 0 {
		marks = max(1, marks)
	}
	if s.Color {
		return s.paint(strings.Repeat("█", marks), c)
	}
	return strings.Repeat("#", marks)
}

func (s Summary) writeReasons(b *strings.Builder, style Style) {
	head := true
	for _, k := range types {
		for _, reason := range byCount(s.Reasons[k.name]) {
			if head {
				fmt.Fprintf(b, "\n  %s %11s  %s\n", pad("why", typeWidth), "logins", "reason")
				head = false
			}
			name := reason
			if name == "" {
				name = "-"
			}
			fmt.Fprintf(b, "  %s %11s  %s\n",
				style.paint(pad(k.name, typeWidth), k.color), number(s.Reasons[k.name][reason]), name)
		}
	}
}

// byCount sorts reasons by how often they came, the most frequent first.
func byCount(reasons map[string]int) []string {
	return slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		if reasons[a] != reasons[b] {
			return reasons[b] - reasons[a]
		}
		return strings.Compare(a, b)
	})
}

func (s Summary) writeFacts(b *strings.Builder, style Style) {
	took := fmt.Sprintf("%s logins in %s", number(s.Logins), seconds(s.Seconds))
	if s.Seconds > 0 && s.Logins > 0 {
		took += fmt.Sprintf(", %s a second", rate(float64(s.Logins)/s.Seconds))
	}
	b.WriteString("\n")
	fact(b, "took", took)
	if s.Data != "" {
		fact(b, "data", s.Data)
	}
	for i, command := range s.Next {
		name := ""
		if i == 0 {
			name = "next"
		}
		fact(b, name, style.paint(command, color.FgCyan))
	}
}

func fact(b *strings.Builder, name, text string) { fmt.Fprintf(b, "  %-5s %s\n", name, text) }
