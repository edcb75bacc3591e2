// Package terminal is what the user of a command sees: results on stdout,
// everything else on stderr, and exit codes.
package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Terminal writes a command's results and messages. Messages are lower case,
// without a full stop, and errors come with a hint what to do.
type Terminal struct {
	Stdout io.Writer // unformatted, for the output of jobs
	Stderr io.Writer
	// HintFor returns a hint for an error that has none of its own, or "".
	HintFor func(error) string

	isTTY     bool // stdout is a terminal
	stderrTTY bool
	useColor  bool // stderr is a terminal that shows colors
	outColor  bool // stdout is one
	now       func() time.Time

	mu                   sync.Mutex
	outCursor, errCursor *cursor // the same if stdout and stderr are
	hasBar               bool    // stderr shows a bar
	quiet                bool
	inMessage            bool // the last line of WriteMessage has no newline yet
}

// New returns a Terminal. It uses colors if stderr is a terminal, unless the
// environment has NO_COLOR or TERM=dumb.
func New(stdout, stderr io.Writer, getenv func(string) string) *Terminal {
	t := &Terminal{
		Stdout: stdout, Stderr: stderr,
		HintFor: func(error) string { return "" },
		isTTY:   isTTY(stdout), stderrTTY: isTTY(stderr),
		now: time.Now,
	}
	showsColor := getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	t.useColor, t.outColor = t.stderrTTY && showsColor, t.isTTY && showsColor
	t.outCursor, t.errCursor = cursors(stdout, stderr)
	return t
}

// StdinIsTTY reports whether somebody can type into the program's stdin.
func StdinIsTTY() bool { return isTTY(os.Stdin) }

func isTTY(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// IsTTY reports whether stdout is a terminal.
func (t *Terminal) IsTTY() bool { return t.isTTY }

// Size returns the size of the terminal that is both stdout and stderr. ok is false if
// they aren't one.
func (t *Terminal) Size() (columns, rows int, ok bool) {
	f, isFile := t.Stdout.(*os.File)
	if !isFile || !t.isTTY || !t.stderrTTY {
		return 0, 0, false
	}
	columns, rows, err := term.GetSize(int(f.Fd()))
	return columns, rows, err == nil
}

// Columns is the width of the terminal that is stdout; 0 if it is none, or doesn't know.
func (t *Terminal) Columns() int {
	f, isFile := t.Stdout.(*os.File)
	if !isFile || !t.isTTY {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return max(columns, 0)
}

// Now returns the current time.
func (t *Terminal) Now() time.Time { return t.now() }

// SetQuiet makes the terminal print only results, warnings and errors.
func (t *Terminal) SetQuiet() { t.quiet = true }

// Notef prints a progress message on stderr.
func (t *Terminal) Notef(format string, args ...any) {
	if !t.quiet {
		t.Warnf(format, args...)
	}
}

// Warnf prints on stderr what the user must know.
func (t *Terminal) Warnf(format string, args ...any) {
	t.PrintNote("errand: " + fmt.Sprintf(format, args...))
}

// NoteColoredf is Notef in a color.
func (t *Terminal) NoteColoredf(color, format string, args ...any) {
	if !t.quiet {
		t.WarnColoredf(color, format, args...)
	}
}

// WarnColoredf is Warnf in a color.
func (t *Terminal) WarnColoredf(color, format string, args ...any) {
	t.printColored(color, "errand: "+fmt.Sprintf(format, args...), "")
}

// Hintf prints on stderr what the user can do.
func (t *Terminal) Hintf(format string, args ...any) {
	t.PrintNote("errand: hint: " + fmt.Sprintf(format, args...))
}

// ShowCommand prints on stderr the command that does what follows.
func (t *Terminal) ShowCommand(command string) { t.PrintNote("$ " + command) }

// PrintError prints err and its hint on stderr.
func (t *Terminal) PrintError(err error) {
	t.printColored(Red, "errand: error:", " "+err.Error())
	if hint := t.HintOf(err); hint != "" {
		t.Hintf("%s", hint)
	}
}

// PrintNote prints text on stderr without a prefix.
func (t *Terminal) PrintNote(text string) { t.printColored("", "", text) }

// printColored prints a line on stderr that begins with text in a color.
func (t *Terminal) printColored(color, text, rest string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.startLine()
	fmt.Fprintln(t.Stderr, colored(t.useColor, color, ReplaceControls(text))+ReplaceControls(rest))
}

// Dim returns s as dimmed text for stderr, if that shows colors.
func (t *Terminal) Dim(s string) string { return colored(t.useColor, Gray, s) }

// Print prints a result on stdout, followed by a newline.
func (t *Terminal) Print(s string) error {
	_, err := fmt.Fprintln(t.Stdout, s)
	return err
}

// PrintJSON prints v on stdout as indented JSON.
func (t *Terminal) PrintJSON(v any) error {
	enc := json.NewEncoder(t.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// FormatTime formats a time for stdout: its age on a terminal, RFC 3339
// elsewhere.
func (t *Terminal) FormatTime(at time.Time) string {
	if !t.isTTY {
		return at.UTC().Format(time.RFC3339)
	}
	return FormatDuration(t.now().Sub(at)) + " ago"
}
