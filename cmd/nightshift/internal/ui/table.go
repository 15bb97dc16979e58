package ui

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/fatih/color"
)

// Table writes rows under a header, in columns as wide as their widest cell.
// Cells may hold what comes from elsewhere: control characters are replaced.
// A terminal gets a faint header and lines cut to its width; a pipe gets the
// whole text.
func Table(w io.Writer, s Style, header []string, rows [][]string) {
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintln(w, s.paint(tableLine(s, widths, header), color.Faint))
	for _, row := range rows {
		fmt.Fprintln(w, tableLine(s, widths, row))
	}
}

func tableLine(s Style, widths []int, cells []string) string {
	padded := make([]string, len(cells))
	for i, cell := range cells {
		padded[i] = pad(clean(cell), widths[i])
	}
	line := strings.TrimRight(strings.Join(padded, "  "), " ")
	if s.Width > 0 {
		line = cut(line, s.Width)
	}
	return line
}
