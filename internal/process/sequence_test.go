package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/process"
)

func shell(lines ...string) []errand.Command {
	var cs []errand.Command
	for _, l := range lines {
		cs = append(cs, errand.Command{Shell: l})
	}
	return cs
}

// record makes a sequence that writes what each command says into log.
func record(t *testing.T, log *bytes.Buffer, cs []errand.Command) *process.Sequence {
	t.Helper()
	return &process.Sequence{
		Commands: cs, Dir: t.TempDir(), Env: []string{"PATH=" + os.Getenv("PATH"), "PROCESS_TEST_ROLE=arguments"},
		Output: func(i int, s errand.Stream) io.Writer {
			if s == errand.Stderr {
				return nil
			}
			return log
		},
		Before: func(i int) error { fmt.Fprintf(log, "<%d>", i); return nil },
		After:  func(i int, s process.Step) { fmt.Fprintf(log, "</%d:%d>", i, s.Code) },
	}
}

var withoutLineEnds = strings.NewReplacer("\r", "", "\n", "")

func TestSequence(t *testing.T) {
	t.Parallel()
	echo := []errand.Command{{Argv: []string{os.Args[0], "$HOME;x", "a b"}}}
	noSuch := []errand.Command{{Argv: []string{"no-such"}}, {Shell: "echo b"}}
	for _, tt := range []struct {
		name       string
		commands   []errand.Command
		goOn       bool
		log        string
		codes      []int
		startError bool
	}{
		{"all run", shell("echo a", "echo b"), false, "<0>a</0:0><1>b</1:0>", []int{0, 0}, false},
		{"first failure ends it", shell("echo a"+commandSeparator+"exit 4", "echo b"), false, "<0>a</0:4>", []int{4}, false},
		{"unless it goes on", shell("exit 4", "echo b"), true, "<0></0:4><1>b</1:0>", []int{4, 0}, false},
		{"argv has no shell", echo, false, "<0>$HOME;x|a b</0:0>", []int{0}, false},
		{"what can't start ends it", noSuch, false, "<0></0:-1>", []int{-1}, true},
		{"or is told at the end", noSuch, true, "<0></0:-1><1>b</1:0>", []int{-1, 0}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			s := record(t, &log, tt.commands)
			s.ContinueOnError = tt.goOn
			steps, err := s.Run(t.Context())
			var start *process.StartError
			if errors.As(err, &start) != tt.startError || !tt.startError && err != nil {
				t.Fatalf("error %v", err)
			}
			var codes []int
			for _, st := range steps {
				codes = append(codes, st.Code)
			}
			if said := withoutLineEnds.Replace(log.String()); said != tt.log || fmt.Sprint(codes) != fmt.Sprint(tt.codes) {
				t.Errorf("log %q, codes %v", said, codes)
			}
		})
	}
}

func TestSequenceShell(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := record(t, &log, shell("hello"))
	s.Shell = os.Args[0] // as good a shell as any: it shows its arguments
	if _, err := s.Run(t.Context()); err != nil || log.String() != "<0>-c|hello\n</0:0>" {
		t.Fatalf("%q, %v", log.String(), err)
	}
}

// The timeout is for all commands together, by the clock that was given.
func TestSequenceTimeout(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := record(t, &log, []errand.Command{{Shell: "echo a"}, {Argv: []string{os.Args[0]}}, {Shell: "echo c"}})
	s.Env = append(s.Env, "PROCESS_TEST_ROLE=sleep")
	manual := clock.NewManual(time.Unix(0, 0))
	s.Timeout, s.Clock = time.Hour, manual
	out := newLine()
	s.Output = func(i int, st errand.Stream) io.Writer {
		if i == 1 && st == errand.Stdout {
			return out
		}
		return nil
	}
	go func() {
		<-out.came
		if next, ok := manual.Next(); !ok || next != time.Hour {
			t.Errorf("timer of %v, %v", next, ok)
		}
		manual.Advance(time.Hour)
	}()
	steps, err := s.Run(t.Context())
	if !errors.Is(err, process.ErrTimeout) || len(steps) != 2 || steps[1].Signal != terminated {
		t.Fatalf("got %+v, %v", steps, err)
	}
}

func TestSequenceCancelledBetweenCommands(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ctx, cancel := context.WithCancelCause(t.Context())
	s := record(t, &log, shell("echo a", "echo b"))
	cause := errors.New("enough")
	s.After = func(int, process.Step) { cancel(cause) }
	steps, err := s.Run(ctx)
	if !errors.Is(err, cause) || len(steps) != 1 {
		t.Fatalf("got %+v, %v", steps, err)
	}
}
