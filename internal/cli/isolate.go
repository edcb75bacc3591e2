package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/localstack"
)

// isolateFlags say whether the functions are processes of their own.
type isolateFlags struct {
	isolate   bool
	functions string // directory of NAME/bootstrap; empty: this program is all of them
}

func (f *isolateFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.isolate, "isolate", false, "run the API's functions as processes, as AWS Lambda does")
	cmd.Flags().StringVar(&f.functions, "functions", "", "with --isolate: a directory of compiled functions, NAME/bootstrap")
}

func (f *isolateFlags) check() error {
	if f.functions != "" && !f.isolate {
		return usageErrorf("--functions is of use with --isolate alone")
	}
	return nil
}

// processSources are all functions as programs that speak the Lambda Runtime API.
// Errors: no program there.
func (f *isolateFlags) processSources(direct localstack.FunctionSource) (map[string]localstack.FunctionSource, error) {
	if f.functions != "" {
		return bootstraps(f.functions, direct)
	}
	self := direct.Command[0]
	all := map[string]localstack.FunctionSource{directName: direct}
	for _, name := range functionNames() {
		all[name] = localstack.FunctionSource{Command: []string{self, "function", name}, Credentials: true}
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

// bootstraps are the programs in dir, which are named as make functions and sam
// build do: dir/NAME/bootstrap, by the last element of CodeUri or by logical ID.
func bootstraps(dir string, direct localstack.FunctionSource) (map[string]localstack.FunctionSource, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look for functions: %w", err)
	}
	all := map[string]localstack.FunctionSource{}
	for _, e := range entries {
		program, err := filepath.Abs(filepath.Join(dir, e.Name(), "bootstrap"))
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue // another file
		}
		source := localstack.FunctionSource{Command: []string{program}, Credentials: true}
		if e.Name() == directName || e.Name() == directLogicalID {
			source = direct
			source.Command = []string{program}
		}
		all[e.Name()] = source
	}
	if len(all) == 0 {
		return nil, &hintError{fmt.Errorf("no NAME/bootstrap below %s", dir), "make functions builds them below bin/functions"}
	}
	return all, nil
}
