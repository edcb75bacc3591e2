package agent

import (
	"fmt"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/spool"
)

// logLines are the worker's own lines in a job's log. Those before the commands go into a file
// that the supervisor's log begins with: the log exists only when the commands may have begun.
// Those after the commands follow what the supervisor wrote. If the agent is killed, the next
// process finds them in the file: the outcome on disk says how far the supervisor's part goes.
type logLines struct {
	path    string
	command int       // that they belong to; -1: none
	since   time.Time // when what precedes them was written

	mu     sync.Mutex
	out    *spool.Spool // nil: no line is written yet
	closed bool
}

// linesBefore are the lines before the commands.
func (t *attempt) linesBefore() *logLines {
	return &logLines{path: t.dir.Stages(), command: -1, since: t.agent.Clock.Now()}
}

// linesAfter are the lines after the commands, of which the outcome is on disk.
func (t *attempt) linesAfter(out *attemptdir.Outcome) *logLines {
	return &logLines{path: t.dir.Log(), command: len(out.Result.Commands) - 1, since: t.agent.Clock.Now()}
}

// note writes a line of the worker's own into the log and has it uploaded.
func (t *attempt) note(format string, args ...any) {
	l := t.lines
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	err := t.openLines()
	if err == nil {
		err = l.out.Write(errand.System, l.command, fmt.Appendf(nil, "errand: "+format+"\n", args...))
	}
	if err != nil {
		l.closed = true
		t.agent.Log.Warn("the job's log lacks what the worker does before or after the commands", "job", t.JobID, "err", err)
		return
	}
	t.spool.SetEnd(l.out.End())
}

func (t *attempt) noteLine(line string) { t.note("%s", line) }

// openLines opens the file for the first line.
func (t *attempt) openLines() (err error) {
	l := t.lines
	if l.out != nil {
		return nil
	}
	if l.out, err = spool.Append(l.path, l.since, t.agent.Clock.Now); err != nil {
		return err
	}
	if err := t.openLog(); err != nil {
		return err
	}
	t.spool.SetEnd(l.out.End())
	t.logs.start(t.spool)
	return nil
}

// close ends the lines, and returns the end and the sum of the log; ok is false if there are
// none.
func (l *logLines) close() (end spool.Pos, log errand.Log, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.out == nil {
		return end, log, false
	}
	l.out.Close()
	return l.out.End(), l.out.Log(), true
}

// closeLines ends the lines after the commands, and notes in the outcome how far the log goes
// with them.
func (t *attempt) closeLines(out *attemptdir.Outcome) {
	if end, log, ok := t.lines.close(); ok {
		out.End, out.Result.Log = end, log
	}
}

// findLines notes in the outcome what an earlier process wrote behind the supervisor's part of
// the log. Some of it may be uploaded.
func (t *attempt) findLines(out *attemptdir.Outcome) {
	if !t.spool.IsLonger(out.End) {
		return
	}
	log, err := t.spool.Scan()
	if end := t.spool.End(); err == nil && end.File > out.End.File {
		out.End, out.Result.Log = end, log
	}
}
