package terminal

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// PrintTable prints rows on stdout: aligned, with a header and as wide as the terminal on a
// terminal; separated by tabs and without a header elsewhere. A terminal that is too narrow
// lacks columns of optional, the first ones first.
func (t *Terminal) PrintTable(header []string, rows [][]string, optional ...string) error {
	if t.isTTY {
		header, rows = fitColumns(header, rows, t.Columns(), optional)
		return writeAligned(t.Stdout, header, rows, t.Columns())
	}
	for _, row := range rows {
		if err := t.Print(strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// PrintAligned prints a table on stdout that is aligned and has a header
// everywhere.
func (t *Terminal) PrintAligned(header []string, rows [][]string) error {
	return writeAligned(t.Stdout, header, rows, 0)
}

// NoteTable prints an aligned, dimmed table on stderr.
func (t *Terminal) NoteTable(header []string, rows [][]string) {
	if t.quiet {
		return
	}
	var b strings.Builder
	_ = writeAligned(&b, header, rows, 0) // a Builder's writes don't fail
	t.mu.Lock()
	defer t.mu.Unlock()
	t.startLine()
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(t.Stderr, t.Dim(strings.TrimSuffix(line, "\n")))
	}
}

// minLastColumn is how narrow the last column of a table gets to fit the terminal.
const minLastColumn = 12

// fitColumns leaves out columns of optional until the table fits into width characters; 0
// is any width.
func fitColumns(header []string, rows [][]string, width int, optional []string) ([]string, [][]string) {
	for _, name := range optional {
		i := slices.Index(header, name)
		if i < 0 || width == 0 || leastWidth(header, rows) <= width {
			continue
		}
		header = slices.Delete(slices.Clone(header), i, i+1)
		rows = slices.Clone(rows)
		for n, row := range rows {
			rows[n] = slices.Delete(slices.Clone(row), i, i+1)
		}
	}
	return header, rows
}

// leastWidth is how many characters a table takes at least.
func leastWidth(header []string, rows [][]string) int {
	widths := columnWidths(append([][]string{header}, rows...))
	last := len(widths) - 1
	total := min(widths[last], minLastColumn)
	for _, n := range widths[:last] {
		total += n + 2
	}
	return total
}

// columnWidths are the widths of the widest cells.
func columnWidths(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], visibleWidth(cell))
		}
	}
	return widths
}

// writeAligned writes a table whose columns are two spaces apart. The last cell of a row
// is cut where it would not fit into width characters; 0 is any width.
func writeAligned(w io.Writer, header []string, rows [][]string, width int) error {
	all := append([][]string{header}, rows...)
	widths := columnWidths(all)
	left := width
	for _, n := range widths[:len(widths)-1] {
		left -= n + 2
	}
	b := bufio.NewWriter(w)
	for _, row := range all {
		last := len(row) - 1
		for i, cell := range row[:last] {
			fmt.Fprint(b, cell, strings.Repeat(" ", widths[i]-visibleWidth(cell)+2))
		}
		cell := row[last]
		if width > 0 && visibleWidth(cell) > max(left, minLastColumn) {
			cell = cutLine(cell, max(left, minLastColumn))
		}
		fmt.Fprintln(b, cell)
	}
	return b.Flush()
}

// styleRE matches the sequences that color and style write.
var styleRE = regexp.MustCompile("\x1b\\[[0-9;]*m")

// visibleWidth is how many columns s takes on a terminal: two for most characters of East
// Asian scripts.
func visibleWidth(s string) int { return uniseg.StringWidth(styleRE.ReplaceAllString(s, "")) }

// cutLine shortens a line to n columns, and ends its styles where it is cut.
func cutLine(line string, n int) string {
	if visibleWidth(line) <= n {
		return line
	}
	var b strings.Builder
	styled := false
	for left, state := n-1, -1; line != ""; {
		if strings.HasPrefix(line, "\x1b[") {
			style := styleRE.FindString(line)
			b.WriteString(style)
			line, styled, state = line[len(style):], true, -1
			continue
		}
		cluster, rest, width, next := uniseg.FirstGraphemeClusterInString(line, state)
		if left -= width; left < 0 {
			break
		}
		b.WriteString(cluster)
		line, state = rest, next
	}
	b.WriteString("…")
	if styled {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// The colors of text.
const (
	Red    = "31"
	Green  = "32"
	Yellow = "33"
	Gray   = "2"
)

// Color returns s in a color for stdout, if that shows colors.
func (t *Terminal) Color(color, s string) string { return colored(t.outColor, color, s) }

func colored(show bool, color, s string) string {
	if !show || s == "" || color == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}
