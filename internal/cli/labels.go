package cli

import (
	"errors"
	"strings"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/terminal"
)

// parseLabels reads the values NAME=VALUE of a flag.
func parseLabels(flag string, values []string) (map[string]string, error) {
	if len(values) == 0 {
		return nil, nil
	}
	labels := make(map[string]string, len(values))
	for _, v := range values {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" || value == "" {
			return nil, terminal.UsageErrorf("%s must be NAME=VALUE, got %q", flag, v)
		}
		if _, ok := labels[name]; ok {
			return nil, terminal.UsageErrorf("%s names %s twice", flag, name)
		}
		labels[name] = value
	}
	return labels, nil
}

// parseRequires reads the values of --requires: NAME=VALUE, NAME>=NUMBER, or NAME alone
// for any value.
func parseRequires(values []string) (map[string]string, error) {
	pairs := make([]string, 0, len(values))
	for _, v := range values {
		name, least, number := strings.Cut(v, ">=")
		switch {
		case number && !strings.Contains(name, "="):
			v = name + "=>=" + least
		case !strings.Contains(v, "="):
			v += "=" + errand.AnyValue
		}
		pairs = append(pairs, v)
	}
	return parseLabels("--requires", pairs)
}

// messageOf is an error's sentence, without its code.
func messageOf(err error) string {
	var e *errand.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
