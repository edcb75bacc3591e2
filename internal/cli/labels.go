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
		name, value, _ := strings.Cut(v, "=")
		if name == "" || value == "" {
			return nil, terminal.UsageErrorf("%s must be NAME=VALUE, got %q", flag, v)
		}
		if err := addLabel(labels, flag, name, value); err != nil {
			return nil, err
		}
	}
	return labels, nil
}

func addLabel(labels map[string]string, flag, name, value string) error {
	if _, ok := labels[name]; ok {
		return terminal.UsageErrorf("%s names %s twice", flag, name)
	}
	labels[name] = value
	return nil
}

// parseRequires reads the values of --requires: NAME=VALUE, NAME>=NUMBER, or NAME alone
// for any value.
func parseRequires(values []string) (map[string]string, error) {
	if len(values) == 0 {
		return nil, nil
	}
	labels := make(map[string]string, len(values))
	for _, v := range values {
		name, value, isPair := strings.Cut(v, "=")
		switch {
		case !isPair:
			value = errand.AnyValue
		case strings.HasSuffix(name, ">"):
			name, value = strings.TrimSuffix(name, ">"), ">="+value
		}
		if name == "" || value == "" || strings.ContainsAny(name, "<>") {
			return nil, terminal.UsageErrorf("--requires must be NAME, NAME=VALUE or NAME>=NUMBER, got %q", v)
		}
		if err := addLabel(labels, "--requires", name, value); err != nil {
			return nil, err
		}
	}
	return labels, nil
}

// messageOf is an error's sentence, without its code.
func messageOf(err error) string {
	var e *errand.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
