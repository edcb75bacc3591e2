package agent

import (
	"fmt"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/meter"
)

// slowStage is how long what the worker does before and after the commands may take without
// a line in the log.
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

// sending sends something that the commands left, and says in the log how far that is.
func (t *attempt) sending(what string, m *meter.Meter, send func() error) error {
	began := t.agent.Clock.Now()
	quiet := m.Say(t.agent.Clock, what+": sending", t.noteLine)
	err := send()
	quiet()
	if took := t.agent.Clock.Now().Sub(began); err == nil && took >= slowStage && m.Done() > 0 {
		t.note("%s: sent %s in %.1f s", what, meter.SizeText(m.Done()), took.Seconds())
	}
	return err
}
