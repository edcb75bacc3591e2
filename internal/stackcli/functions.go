package stackcli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/localstack"
)

// DirectName is the function that runs user commands, and directLogicalID its
// name in template.yaml.
const (
	DirectName      = "direct"
	directLogicalID = "DirectFunction"
)

// DirectFunction returns the source of the function that runs user commands: a
// process for each request, without credentials.
func DirectFunction(command ...string) localstack.FunctionCode {
	return localstack.FunctionCode{Command: command, OneShot: true, Path: os.Getenv("PATH")}
}

// FindFunctions returns the programs dir/NAME/bootstrap by name. make functions
// names them by the last element of CodeUri, sam build by logical ID.
func FindFunctions(dir string) (map[string]localstack.FunctionCode, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("find functions: %w", err)
	}
	all := map[string]localstack.FunctionCode{}
	for _, e := range entries {
		program, err := filepath.Abs(filepath.Join(dir, e.Name(), "bootstrap"))
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue // not a function
		}
		if e.Name() == DirectName || e.Name() == directLogicalID {
			all[e.Name()] = DirectFunction(program)
		} else {
			all[e.Name()] = localstack.FunctionCode{Command: []string{program}, Credentials: true}
		}
	}
	if len(all) == 0 {
		return nil, terminal.WithHint(fmt.Errorf("no functions in %s: no NAME/bootstrap found", dir), "make functions builds them into bin/functions")
	}
	return all, nil
}

// LogFunc returns a function that logs what the stack reports in the background.
func LogFunc(log *slog.Logger) func(string, ...any) {
	return func(format string, args ...any) { log.Warn(strings.TrimRight(fmt.Sprintf(format, args...), "\n")) }
}
