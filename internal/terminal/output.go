package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// A cursor is how the output of jobs has left a terminal, a file or a pipe.
type cursor struct {
	midLine bool // the last line has no newline yet
	styled  bool // an escape sequence may have left a color on
	modes   modes
}

func (c *cursor) wrote(p []byte) {
	if len(p) == 0 {
		return
	}
	c.midLine = p[len(p)-1] != '\n'
	c.styled = c.styled || bytes.IndexByte(p, '\x1b') >= 0
	c.modes.wrote(p)
}

// cursors returns those of stdout and stderr: one if they are the same.
func cursors(stdout, stderr io.Writer) (out, err *cursor) {
	out, err = &cursor{}, &cursor{}
	if isTTY(stdout) && isTTY(stderr) || isSameFile(stdout, stderr) {
		out = err
	}
	return out, err
}

func isSameFile(a, b io.Writer) bool {
	f, ok1 := a.(*os.File)
	g, ok2 := b.(*os.File)
	if !ok1 || !ok2 {
		return a == b
	}
	fi, err1 := f.Stat()
	gi, err2 := g.Stat()
	return err1 == nil && err2 == nil && os.SameFile(fi, gi)
}

// WriteStdout writes output of a job on stdout as it is. Messages are not held up if
// nobody reads it.
func (t *Terminal) WriteStdout(p []byte) error {
	n, err := t.Stdout.Write(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outCursor.wrote(p[:n])
	return err
}

// WriteStderr writes output of a job on stderr as it is.
func (t *Terminal) WriteStderr(p []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.Stderr.Write(p)
	t.errCursor.wrote(p[:n])
	return err
}

// WriteMessage writes a message about a job on stderr, dimmed. It begins on a line of
// its own; text ends with a newline unless more of the line follows.
func (t *Terminal) WriteMessage(text string) error {
	if t.quiet {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.inMessage {
		t.startLine()
	}
	t.inMessage = len(text) > 0 && text[len(text)-1] != '\n'
	_, err := io.WriteString(t.Stderr, t.Dim(ReplaceControls(text)))
	return err
}

// Prompt prints text on stderr, without a newline after it.
func (t *Terminal) Prompt(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.startLine()
	fmt.Fprint(t.Stderr, text)
}

// startLine begins a line on stderr in the terminal's own colors, whatever a job has
// written.
func (t *Terminal) startLine() {
	t.clearBar()
	c := t.errCursor
	unfinished := c.modes.finish()
	if c.styled && t.stderrTTY {
		fmt.Fprint(t.Stderr, unfinished+"\x1b[0m")
	}
	if c.midLine || t.inMessage {
		fmt.Fprintln(t.Stderr)
	}
	c.midLine, c.styled, t.inMessage = false, false, false
}

// EndOutput undoes what the output of a job has changed in the terminal for those who
// use it next: the alternate screen, a hidden cursor, reports of the mouse and the like.
// Files and pipes stay as they are.
func (t *Terminal) EndOutput() {
	t.mu.Lock()
	out, err := t.outCursor.modes.restore(), ""
	if t.errCursor != t.outCursor {
		err = t.errCursor.modes.restore()
	}
	if err != "" && t.stderrTTY {
		_, _ = io.WriteString(t.Stderr, err)
	}
	t.mu.Unlock()
	if out != "" && t.isTTY {
		_, _ = io.WriteString(t.Stdout, out) // as WriteStdout, not under the lock
	}
}
