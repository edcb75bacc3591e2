package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode"

	"golang.org/x/term"
)

// ui owns what the user sees, but for the output of jobs: results on stdout,
// all else on stderr, lower case, with a hint what to do.
type ui struct {
	mu       sync.Mutex
	stdout   io.Writer
	stderr   io.Writer
	outTerm  bool // stdout is a terminal: tables for people
	errColor bool // stderr is one that takes colours
	now      func() time.Time
}

func newUI(stdout, stderr io.Writer, getenv func(string) string) *ui {
	color := isTerminal(stderr) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	return &ui{stdout: stdout, stderr: stderr, outTerm: isTerminal(stdout), errColor: color, now: time.Now}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// notef tells what is going on.
func (u *ui) notef(format string, args ...any) { u.line("errand: ", fmt.Sprintf(format, args...)) }

// hintf says what the user can do.
func (u *ui) hintf(format string, args ...any) {
	u.line("errand: hint: ", fmt.Sprintf(format, args...))
}

// error tells why the command ends.
func (u *ui) error(err error) {
	u.line("errand: error: ", err.Error())
	if hint := hintFor(err); hint != "" {
		u.hintf("%s", hint)
	}
}

func (u *ui) line(prefix, text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	fmt.Fprintln(u.stderr, prefix+plain(text))
}

// dim is how text that isn't the job's own looks.
func (u *ui) dim(s string) string {
	if !u.errColor {
		return s
	}
	return "\x1b[2m" + s + "\x1b[0m"
}

// result prints one line on stdout.
func (u *ui) result(s string) error {
	_, err := fmt.Fprintln(u.stdout, s)
	return err
}

// json prints a result for programs.
func (u *ui) json(v any) error {
	enc := json.NewEncoder(u.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table prints rows on stdout: for people with a head and aligned, else with
// tabs between and no head.
func (u *ui) table(head []string, rows [][]string) error {
	if !u.outTerm {
		for _, row := range rows {
			if err := u.result(strings.Join(row, "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	return alignTo(u.stdout, head, rows)
}

// errTable prints an aligned table on stderr, dimmed where there are colours.
func (u *ui) errTable(head []string, rows [][]string) {
	var b strings.Builder
	_ = alignTo(&b, head, rows) // a Builder takes everything
	u.mu.Lock()
	defer u.mu.Unlock()
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(u.stderr, u.dim(strings.TrimSuffix(line, "\n")))
	}
}

func alignTo(w io.Writer, head []string, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(head, "\t"))
	for _, row := range rows {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	return tw.Flush()
}

// when shows a time: how long ago for people, RFC 3339 for programs.
func (u *ui) when(t time.Time) string {
	if !u.outTerm {
		return t.UTC().Format(time.RFC3339)
	}
	return shortDuration(u.now().Sub(t)) + " ago"
}

// shortDuration is d to about two digits.
func shortDuration(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	default:
		return strconv.Itoa(int(d.Hours()/24)) + "d"
	}
}

// size is n bytes for people.
func size(n int64) string {
	for _, unit := range []struct {
		bytes int64
		name  string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if n >= unit.bytes {
			return strconv.FormatFloat(float64(n)/float64(unit.bytes), 'f', 1, 64) + " " + unit.name
		}
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// plain replaces control characters, so that text from elsewhere can't move the
// cursor; lines are kept.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '�'
		}
		return r
	}, s)
}

// oneLine shortens text to one line of at most n characters.
func oneLine(s string, n int) string {
	line, rest, more := strings.Cut(strings.TrimSpace(s), "\n")
	line = strings.ReplaceAll(plain(line), "\t", " ")
	runes := []rune(line)
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	if more && rest != "" {
		return line + " …"
	}
	return line
}
