package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/internal/stackcli"
	"github.com/errandhq/errand/internal/tracing"
	"github.com/errandhq/errand/localstack"
)

// sweepName is the scheduled function, as template.yaml calls it.
const sweepName = "sweep"

// maxCalls is how many calls of DynamoDB, and how many of SQS, a server makes at a time: with answers
// after 10 ms, 12,800 a second, which is more than one server can use.
const maxCalls = 128

// functions are the control plane's Lambda functions, run in this process over
// the stack that they are part of.
type functions struct {
	log     *slog.Logger
	started chan struct{} // closed when stack is set
	stack   *localstack.Stack
	changes *control.Changes
	calls   setup.Calls
	observe func(before, after errand.StateRecord)
	traces  *tracing.Tracer
}

func newFunctions(log *slog.Logger, changes *control.Changes, observe func(before, after errand.StateRecord), traces *tracing.Tracer) *functions {
	return &functions{log: log, changes: changes, observe: observe, traces: traces, calls: setup.NewCalls(maxCalls), started: make(chan struct{})}
}

// ready lets the functions begin. Where the stack didn't start, none does.
func (f *functions) ready(stack *localstack.Stack, err error) {
	if err == nil {
		f.stack = stack
	}
	close(f.started)
}

// sources are all functions by name.
func (f *functions) sources(direct localstack.FunctionCode) map[string]localstack.FunctionCode {
	all := map[string]localstack.FunctionCode{stackcli.DirectName: direct}
	for _, name := range functionNames() {
		all[name] = f.source(name)
	}
	return all
}

func (f *functions) source(name string) localstack.FunctionCode {
	return localstack.FunctionCode{New: func(env map[string]string) (localstack.Handler, error) {
		<-f.started
		if f.stack == nil {
			return nil, errors.New("the stack did not start")
		}
		log := f.log.With("function", name)
		return setup.Handler(name, func(v string) string { return env[v] }, setup.Process{
			AWS: f.stack.AWSConfig(), Changes: f.changes, Calls: f.calls, Observe: f.observe, Traces: f.traces, Log: log,
		})
	}}
}

// directSource runs this program as the function that runs user commands: a
// process of its own for each request, without credentials.
func directSource() (localstack.FunctionCode, error) {
	self, err := os.Executable()
	if err != nil {
		return localstack.FunctionCode{}, fmt.Errorf("find the program for direct mode: %w", err)
	}
	return stackcli.DirectFunction(self, "function", stackcli.DirectName), nil
}
