package agent

import (
	"cmp"
	"errors"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/internal/source"
)

// traceParent is what the attempt's first command gets as TRACEPARENT.
func (t *attempt) traceParent() string {
	if t.trace == nil { // others may trace the job
		return t.TraceParent
	}
	return t.trace.Commands(1)[0]
}

// traced does something that is a span of the attempt's trace, if it is one.
func (t *attempt) traced(name string, is bool, f func() error) error {
	if t.trace == nil || !is {
		return f()
	}
	began := t.agent.Clock.Now()
	err := f()
	t.trace.Step(name, began, t.agent.Clock.Now(), err)
	return err
}

// traceStage is a stages' step.
func (t *attempt) traceStage(stage string, began, ended time.Time, err error) {
	names := map[string]string{source.StageFetch: "fetch", source.StageUnpack: "unpack"}
	t.trace.Step(cmp.Or(names[stage], stage), began, ended, err)
}

// traceCommands makes the spans of the commands, which another process ran.
func (t *attempt) traceCommands(out *attemptdir.Outcome) {
	if out.Times == nil {
		return
	}
	for i := range out.Result.Commands {
		if i < len(out.Times.Begun) {
			t.trace.Command(i, out.Times.Begun[i], &out.Result.Commands[i])
		}
	}
}

// traceArtifacts makes the span of collecting and sending artifacts.
func (t *attempt) traceArtifacts(out *attemptdir.Outcome, err error) {
	if t.trace != nil && out.Result.Artifacts != nil && out.Times != nil {
		t.trace.Step("artifacts", out.Times.Ended, t.agent.Clock.Now(), err)
	}
}

// endTrace ends the attempt's span, unless a later process does.
func (t *attempt) endTrace(out *attemptdir.Outcome, err error) {
	switch {
	case t.trace == nil || errors.Is(err, errNotReported):
	case out == nil:
		t.trace.End(t.agent.Clock.Now(), 0, errand.ReasonLost)
	default:
		t.trace.End(t.agent.Clock.Now(), out.Result.ExitCode, out.Reason)
	}
}
