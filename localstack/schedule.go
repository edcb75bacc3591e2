// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html

package localstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/errandhq/errand/internal/template"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/lambda"
)

// schedule invokes a function at a rate, by the stack's clock: one invocation at a
// time. Ticks during an invocation are combined into one.
type schedule struct {
	stack    *Stack
	function *template.Function
	template.Schedule

	busy chan struct{} // capacity 1: full during an invocation
}

func (s *Stack) startSchedules() {
	ctx, cancel := context.WithCancel(context.Background())
	s.scheduler.Go(func() { <-s.scheduler.Closing(); cancel() })
	for i := range s.template.Functions {
		f := &s.template.Functions[i]
		for _, decl := range f.Schedules {
			sch := &schedule{stack: s, function: f, Schedule: decl, busy: make(chan struct{}, 1)}
			if rate, ok := lookup(s.cfg.Rates, f); ok {
				sch.Every = rate
			}
			s.schedules = append(s.schedules, sch)
			if !sch.Disabled {
				s.scheduler.StartPass(sch.Name, sch.untilNext, func() error { return sch.run(ctx) })
			}
		}
	}
}

func (s *schedule) untilNext(time.Time) time.Duration { return s.Every + s.stack.lateBy() }

// run is deliver, whose failure is no error once ctx has ended.
func (s *schedule) run(ctx context.Context) error {
	if err := s.deliver(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

// deliver delivers an event, under the hostile profile possibly twice: EventBridge
// delivers at least once.
func (s *schedule) deliver(ctx context.Context) error {
	if s.stack.twice() {
		if err := s.tick(ctx); err != nil {
			return err
		}
	}
	return s.tick(ctx)
}

// tick invokes the function, after an invocation in progress has ended.
func (s *schedule) tick(ctx context.Context) error {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r, err := s.stack.invoke(ctx, lambda.InvokeInput{Function: s.function.Name, Payload: s.event()})
	if err == nil && r.FunctionError != "" {
		err = fmt.Errorf("%s failed: %.2000s", s.function.Name, r.Payload)
	}
	return err
}

// event returns the template's input or, without one, the default event of
// EventBridge or of EventBridge Scheduler.
func (s *schedule) event() []byte {
	if s.Input != "" {
		return []byte(s.Input)
	}
	region := s.stack.cfg.Region
	e := map[string]any{
		"version":     "0",
		"id":          awswire.RequestID(),
		"detail-type": "Scheduled Event",
		"source":      "aws.events",
		"account":     Account,
		"time":        s.stack.cfg.Clock.Now().UTC().Format(time.RFC3339),
		"region":      region,
		"resources":   []string{"arn:aws:events:" + region + ":" + Account + ":rule/" + s.Name},
		"detail":      map[string]any{},
	}
	if s.V2 {
		e["source"], e["detail"] = "aws.scheduler", "{}"
		e["resources"] = []string{"arn:aws:scheduler:" + region + ":" + Account + ":schedule/default/" + s.Name}
	}
	b, _ := json.Marshal(e) // strings: can't fail
	return b
}

// ErrNoSchedule is returned by Tick for a function without a schedule.
var ErrNoSchedule = errors.New("the function has no schedule")

// Tick runs the schedules of a function now, also disabled ones, and waits for them.
// The function is named by logical ID, name, or the last element of its CodeUri. Errors: ErrNoSchedule; the function's; ctx's.
func (s *Stack) Tick(ctx context.Context, function string) error {
	found := false
	for _, sch := range s.schedules {
		if !isNamed(sch.function, function) {
			continue
		}
		found = true
		if err := sch.deliver(ctx); err != nil {
			return fmt.Errorf("schedule %s: %w", sch.Name, err)
		}
	}
	if !found {
		return fmt.Errorf("%s: %w", function, ErrNoSchedule)
	}
	return nil
}
