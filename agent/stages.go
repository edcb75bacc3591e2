package agent

import (
	"fmt"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/meter"
)

// slowStage is how long what precedes the commands may take without a line in the log.
const slowStage = time.Second

// stages times what is done before the commands, and says in the log how far it is.
type stages struct {
	clock clock.Clock
	meter *meter.Meter
	say   func(line string)
	step  func(name string, began, ended time.Time, err error)

	name  string // of the current one; empty: none
	began time.Time
	quiet func() // ends its lines
}

// begin ends the current stage, and begins another.
func (s *stages) begin(name string) {
	s.end("")
	s.name, s.began = name, s.clock.Now()
	s.quiet = s.meter.Say(s.clock, name, s.say)
}

// end ends the current stage. what says what was done.
func (s *stages) end(what string) {
	if s.name == "" {
		return
	}
	s.quiet()
	now := s.clock.Now()
	s.step(s.name, s.began, now, nil)
	if took := now.Sub(s.began); took >= slowStage {
		s.say(fmt.Sprintf("%s took %.1f s%s", s.name, took.Seconds(), what))
	}
	s.name = ""
}

// fail ends the current stage with an error.
func (s *stages) fail(err error) {
	if s.name != "" {
		s.quiet()
		s.step(s.name, s.began, s.clock.Now(), err)
	}
}

// stageLog is the log until the commands begin. It is a file of its own: that of the log
// exists only when they may have begun.
type stageLog struct {
	mu     sync.Mutex
	out    *spool.Spool // nil: no line is written yet
	closed bool
}

// note writes a line of the worker's own into the log, before the commands begin, and has
// it uploaded.
func (t *attempt) note(format string, args ...any) {
	l := &t.stageLog
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	err := t.openStages()
	if err == nil {
		err = l.out.Write(errand.System, -1, fmt.Appendf(nil, "errand: "+format+"\n", args...))
	}
	if err != nil {
		l.closed = true
		t.agent.Log.Warn("the job's log lacks what the worker does before the commands", "job", t.JobID, "err", err)
		return
	}
	t.spool.SetEnd(l.out.End())
}

func (t *attempt) noteLine(line string) { t.note("%s", line) }

func (t *attempt) openStages() (err error) {
	l := &t.stageLog
	if l.out != nil {
		return nil
	}
	if l.out, err = spool.Append(t.dir.Stages(), t.agent.Clock.Now); err != nil {
		return err
	}
	if err := t.openLog(); err != nil {
		return err
	}
	t.spool.SetEnd(l.out.End())
	t.logs.start(t.spool)
	return nil
}

// closeStages ends what is written before the commands: the supervisor goes on with it.
func (t *attempt) closeStages() {
	l := &t.stageLog
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.out != nil {
		l.out.Close()
	}
}
