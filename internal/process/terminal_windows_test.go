package process_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/process"
)

func needTerminals(t *testing.T) {
	t.Helper()
	if !process.HasTerminals(console(t)) {
		t.Skip("there are no pseudo consoles, or they lack what it takes")
	}
}

// console runs commands under consoles.
func console(t *testing.T) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{exe, "console"}
}

// onConsole is a sequence of this binary's roles under a console, and what it writes.
func onConsole(t *testing.T, roles ...string) (*process.Sequence, *line) {
	t.Helper()
	out := newLine()
	s := &process.Sequence{
		Dir: t.TempDir(), Terminal: &errand.Terminal{Columns: 97, Rows: 31}, Console: console(t),
		Output: func(_ int, s errand.Stream) io.Writer {
			if s == errand.Stderr {
				return nil
			}
			return out
		},
	}
	for _, role := range roles {
		s.Commands = append(s.Commands, errand.Command{Argv: []string{s.Console[0], "role=" + role}})
	}
	return s, out
}

// Commands see a console of the size that was asked for on stdout and stderr, and nothing
// on stdin. Both streams are one, in the order of writing, and whole when the next
// command begins.
func TestTerminal(t *testing.T) {
	t.Parallel()
	needTerminals(t)
	s, out := onConsole(t, "console", "lines", "exit")
	steps, err := s.Run(t.Context())
	if err != nil || len(steps) != 3 || steps[2].Code != 3 {
		t.Fatalf("got %+v, %v", steps, err)
	}
	want := "console of 97x31, input 0 bytes <nil>\n"
	for range 50 {
		want += "out\nerr\n"
	}
	if got := plain(out.String()); got != want+"exiting\n" {
		t.Errorf("got %q (%q), want %q", got, out, want)
	}
}

// plain is what a reader sees, without sequences and what is left at the ends of lines.
func plain(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		if end := strings.IndexAny(s[1:], "ABCDGHJKXhlm"); s[0] == '\x1b' && end >= 0 {
			s = s[end+2:]
			continue
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return strings.ReplaceAll(b.String(), "\r", "")
}

// A command under a console is asked to end by Ctrl-C.
func TestTerminalCancel(t *testing.T) {
	t.Parallel()
	needTerminals(t)
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("Wine's console ends with Ctrl-C")
	}
	s, out := onConsole(t, "polite")
	s.Grace = func(error) time.Duration { return time.Minute }
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	go func() {
		<-out.came
		cancel(enough)
	}()
	steps, err := s.Run(ctx)
	if !errors.Is(err, enough) || len(steps) != 1 || steps[0].Code != 7 || !strings.Contains(out.String(), "bye") {
		t.Errorf("got %+v, %v, %q", steps, err, out)
	}
}

// A background process that keeps the console ends with the commands, and what it wrote
// is kept.
func TestTerminalInTheBackground(t *testing.T) {
	t.Parallel()
	needTerminals(t)
	s, out := onConsole(t, "orphan", "exit")
	var left []string
	s.OnLeft = func(names []string) { left = names }
	s.Grace = func(error) time.Duration { return 0 }
	steps, err := s.Run(t.Context())
	if err != nil || len(steps) != 2 || steps[1].Code != 3 || len(left) != 1 {
		t.Fatalf("got %+v, %v, left %q, %q", steps, err, left, out)
	}
	for _, want := range []string{"ready", "parent is done", "exiting"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
}
