package agent

import (
	"fmt"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// slowStage is how long what precedes the commands may take without a line in the log.
const slowStage = time.Second

// stages times what is done before the commands.
type stages struct {
	clock clock.Clock
	name  string // of the current one; empty: none
	began time.Time
	notes *[]string // a line for each that was slow
	step  func(name string, began, ended time.Time, err error)
}

// begin ends the current stage, and begins another.
func (s *stages) begin(name string) {
	s.end("")
	s.name, s.began = name, s.clock.Now()
}

// end ends the current stage. what says what was done.
func (s *stages) end(what string) {
	now := s.clock.Now()
	if s.name != "" {
		s.step(s.name, s.began, now, nil)
	}
	if took := now.Sub(s.began); s.name != "" && took >= slowStage {
		*s.notes = append(*s.notes, fmt.Sprintf("%s took %.1f s%s", s.name, took.Seconds(), what))
	}
	s.name = ""
}

// fail ends the current stage with an error.
func (s *stages) fail(err error) {
	if s.name != "" {
		s.step(s.name, s.began, s.clock.Now(), err)
	}
}
