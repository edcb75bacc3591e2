package cli

import (
	"bytes"
	"regexp"
	"strconv"
	"time"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// allLines is the value of --tail that selects all of a log.
const allLines = -1

// tailValue is the value of --tail: a number of lines; shown as nothing if it is allLines.
type tailValue struct{ n *int }

func (v *tailValue) Type() string { return "int" }

func (v *tailValue) String() string {
	if v.n == nil || *v.n == allLines {
		return ""
	}
	return strconv.Itoa(*v.n)
}

func (v *tailValue) Set(s string) (err error) {
	*v.n, err = strconv.Atoi(s)
	return err
}

// A logFilter passes on the pieces of a log that the flags of errand logs select.
type logFilter struct {
	out    func(api.LogFrame) error
	since  time.Time         // zero: all
	starts map[int]time.Time // of the attempts that had started before
	grep   *regexp.Regexp
	lines  bool // pieces are whole lines

	tail    int
	holding bool           // lines are held until the last ones are known
	held    []api.LogFrame // the last tail lines and one before them

	partial []*api.LogFrame // lines without their ends, one of a stream
}

// selectsByLine reports whether not only the number of lines decides.
func (l *logFilter) selectsByLine() bool { return l.grep.String() != "" || !l.since.IsZero() }

// window is about how many bytes of the log's end have the lines that are wanted.
func (l *logFilter) window() int64 { return 64<<10 + int64(min(l.tail, 1<<20))<<8 }

// add passes on a piece of the log of an attempt.
func (l *logFilter) add(attempt int, f api.LogFrame) error {
	if at := l.starts[attempt].Add(time.Duration(f.ElapsedMs) * time.Millisecond); !l.starts[attempt].IsZero() && at.Before(l.since) {
		return nil
	}
	if !l.lines {
		return l.out(f)
	}
	line := l.takePartial(f.Stream)
	for rest := f.Data; len(rest) > 0; {
		if line == nil {
			line = &api.LogFrame{Stream: f.Stream, Offset: f.Offset + int64(len(f.Data)-len(rest)), ElapsedMs: f.ElapsedMs, Command: f.Command}
		}
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			line.Data = append(line.Data, rest...)
			l.partial = append(l.partial, line)
			return nil
		}
		line.Data = append(line.Data, rest[:end]...)
		rest = rest[end:]
		if err := l.addLine(*line); err != nil {
			return err
		}
		line = nil
	}
	return nil
}

func (l *logFilter) takePartial(stream string) *api.LogFrame {
	for i, line := range l.partial {
		if line.Stream == stream {
			l.partial = append(l.partial[:i], l.partial[i+1:]...)
			return line
		}
	}
	return nil
}

func (l *logFilter) addLine(line api.LogFrame) error {
	var plain terminal.Plain
	if text := bytes.TrimRight(plain.Strip(line.Data), "\r\n"); !l.grep.Match(text) {
		return nil
	}
	if !l.holding {
		return l.out(line)
	}
	if l.held = append(l.held, line); len(l.held) > l.tail+1 {
		l.held = l.held[1:]
	}
	return nil
}

// flush passes on the lines that have no end.
func (l *logFilter) flush() error {
	rest := l.partial
	l.partial = nil
	for _, line := range rest {
		if err := l.addLine(*line); err != nil {
			return err
		}
	}
	return nil
}

func (l *logFilter) reset() { l.held, l.partial = nil, nil }

// release passes on the last lines; those that follow are not held.
func (l *logFilter) release() error {
	if !l.holding {
		return nil
	}
	held := l.held[max(0, len(l.held)-l.tail):]
	l.holding, l.held = false, nil
	for _, line := range held {
		if err := l.out(line); err != nil {
			return err
		}
	}
	return nil
}
