package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/terminal"
)

// jobEnvFlags say what the commands of an agent's jobs find in their environment.
type jobEnvFlags struct {
	env      []string
	envFiles []string
	home     string
}

func (f *jobEnvFlags) add(cmd *cobra.Command) {
	terminal.AddFlags(cmd, "Environment of jobs", func(fl *pflag.FlagSet) {
		fl.StringArrayVar(&f.env, "env", nil, "set an environment variable for all jobs, `NAME=VALUE`; NAME alone copies its value from here; can be repeated")
		fl.StringArrayVar(&f.envFiles, "env-file", nil, "set the environment variables in this `file` for all jobs, one NAME=VALUE or NAME per line; can be repeated")
		fl.StringVar(&f.home, "home", homeAgent, "home directory of jobs, `agent|job`: that of the agent's user, or a new one for each job")
	})
}

const (
	homeAgent = "agent"
	homeJob   = "job"
)

// parse reads the files and the flags, which override them.
func (f *jobEnvFlags) parse(lookup func(string) (string, bool)) (agent.Environment, error) {
	e := agent.Environment{Variables: map[string]string{}, JobHome: f.home == homeJob}
	if f.home != homeJob && f.home != homeAgent {
		return e, terminal.UsageErrorf("--home must be %s or %s, got %q", homeAgent, homeJob, f.home)
	}
	for _, name := range f.envFiles {
		if err := readEnvFile(e.Variables, name, lookup); err != nil {
			return e, fmt.Errorf("--env-file %s: %w", name, err)
		}
	}
	for _, s := range f.env {
		if err := addEnv(e.Variables, s, lookup); err != nil {
			return e, terminal.UsageErrorf("--env %w", err)
		}
	}
	return e, nil
}

const maxEnvLine = 1 << 20

// readEnvFile adds the variables in a file. Its errors quote nothing of the file,
// which may have secrets in it, also on lines that are none of ours.
func readEnvFile(env map[string]string, name string, lookup func(string) (string, bool)) error {
	f, err := os.Open(name)
	if err != nil {
		return errors.Unwrap(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxEnvLine)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if n == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if addEnv(env, line, lookup) != nil {
			return fmt.Errorf("line %d must be NAME=VALUE, or the NAME of a variable that is set here", n)
		}
	}
	return lines.Err()
}
