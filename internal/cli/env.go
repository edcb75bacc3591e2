package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/terminal"
)

// parseEnv reads NAME=VALUE, and NAME for what the variable is here.
func parseEnv(list []string, lookup func(string) (string, bool)) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	env := make(map[string]string, len(list))
	for _, s := range list {
		if err := addEnv(env, s, lookup); err != nil {
			return nil, terminal.UsageErrorf("--env %w", err)
		}
	}
	return env, nil
}

var envNameRE = regexp.MustCompile(errand.EnvPattern)

// addEnv adds NAME=VALUE to env, or NAME with the value that the variable has here.
// Its errors never quote the value.
func addEnv(env map[string]string, s string, lookup func(string) (string, bool)) error {
	name, value, given := strings.Cut(s, "=")
	if name == "" {
		return errors.New("must be NAME=VALUE or NAME; the name is missing")
	}
	if !envNameRE.MatchString(name) {
		return fmt.Errorf("must be NAME=VALUE or NAME; the name must match %s", errand.EnvPattern)
	}
	if !given {
		var ok bool
		if value, ok = lookup(name); !ok {
			return fmt.Errorf("%s: this variable is not set here; use NAME=VALUE", name)
		}
	}
	env[name] = value
	return nil
}
