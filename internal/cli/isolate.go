package cli

import (
	"github.com/spf13/pflag"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/stackcli"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/localstack"
)

// isolateFlags say whether the functions are processes of their own.
type isolateFlags struct {
	isolate   bool
	functions string // directory of NAME/bootstrap; empty: this program is all of them
}

func (f *isolateFlags) addIsolateFlags(fl *pflag.FlagSet) {
	fl.BoolVar(&f.isolate, "isolate", false, "run the API's functions in processes of their own, as AWS Lambda does")
	fl.StringVar(&f.functions, "functions", "", "with --isolate: `directory` of compiled functions, NAME/bootstrap")
}

func (f *isolateFlags) check() error {
	if f.functions != "" && !f.isolate {
		return terminal.UsageErrorf("--functions requires --isolate")
	}
	return nil
}

// processSources are all functions as programs that speak the Lambda Runtime API.
// Errors: no program there.
func (f *isolateFlags) processSources(direct localstack.FunctionCode) (map[string]localstack.FunctionCode, error) {
	if f.functions != "" {
		return stackcli.FindFunctions(f.functions)
	}
	self := direct.Command[0]
	all := map[string]localstack.FunctionCode{stackcli.DirectName: direct}
	for _, name := range functionNames() {
		all[name] = localstack.FunctionCode{Command: []string{self, "function", name}, Credentials: true}
	}
	return all, nil
}

// functionNames are the functions that use AWS: all but the direct one.
func functionNames() []string {
	names := []string{sweepName}
	for _, e := range api.Endpoints() {
		names = append(names, e.Name)
	}
	return names
}
