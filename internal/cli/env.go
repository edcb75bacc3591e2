package cli

import (
	"strings"

	"github.com/errandhq/errand/internal/terminal"
)

// parseEnv reads NAME=VALUE, and NAME for what the variable is here.
func parseEnv(list []string, lookup func(string) (string, bool)) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	env := make(map[string]string, len(list))
	for _, s := range list {
		name, value, given := strings.Cut(s, "=")
		if name == "" {
			return nil, terminal.UsageErrorf("--env must be NAME=VALUE or NAME, got %q", s)
		}
		if !given {
			var ok bool
			if value, ok = lookup(name); !ok {
				return nil, terminal.UsageErrorf("--env %s: this variable is not set here; use NAME=VALUE", name)
			}
		}
		env[name] = value
	}
	return env, nil
}
