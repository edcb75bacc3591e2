// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html

package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readParameters returns the value of each declared parameter: the override, or the
// default. A list is []any, anything else a string.
func readParameters(n *yaml.Node, overrides map[string]string) (map[string]any, error) {
	values := map[string]any{}
	for _, p := range pairs(n) {
		value, ok := overrides[p.key]
		if d := lookup(p.value, "Default"); !ok && d != nil {
			value, ok = d.Value, true
		}
		if !ok {
			return nil, fmt.Errorf("parameter %s has no value and no default", p.key)
		}
		if err := checkParameter(p.value, value); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", p.key, err)
		}
		values[p.key] = value
		if isList(text(p.value, "Type")) {
			values[p.key] = splitList(value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if _, ok := values[name]; !ok {
			return nil, fmt.Errorf("parameter %s is not declared in the template", name)
		}
	}
	return values, nil
}

func isList(typ string) bool { return typ == "CommaDelimitedList" || typ == "List<Number>" }

func splitList(value string) []any {
	if value == "" {
		return []any{}
	}
	list := []any{}
	for s := range strings.SplitSeq(value, ",") {
		list = append(list, strings.TrimSpace(s))
	}
	return list
}

// checkParameter checks a value against its declaration.
func checkParameter(n *yaml.Node, value string) error {
	items := []any{value}
	switch typ := text(n, "Type"); typ {
	case "String", "Number":
	case "CommaDelimitedList", "List<Number>":
		items = splitList(value)
	default:
		return fmt.Errorf("type %q is not supported", typ)
	}
	for _, item := range items {
		if err := checkItem(n, item.(string)); err != nil {
			return err
		}
	}
	return nil
}

func checkItem(n *yaml.Node, value string) error {
	if allowed := lookup(n, "AllowedValues"); allowed != nil {
		if !slices.ContainsFunc(allowed.Content, func(a *yaml.Node) bool { return a.Value == value }) {
			return fmt.Errorf("%q is not one of AllowedValues", value)
		}
	}
	if pattern := text(n, "AllowedPattern"); pattern != "" {
		re, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return fmt.Errorf("AllowedPattern: %w", err)
		}
		if !re.MatchString(value) {
			return fmt.Errorf("%q doesn't match AllowedPattern %s", value, pattern)
		}
	}
	if strings.Contains(text(n, "Type"), "Number") {
		return checkRange(n, "MinValue", "MaxValue", value)
	}
	return checkRange(n, "MinLength", "MaxLength", strconv.Itoa(len(value)))
}

func checkRange(n *yaml.Node, lowest, highest, value string) error {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return fmt.Errorf("%q is not a number", value)
	}
	if low, err := strconv.ParseFloat(text(n, lowest), 64); err == nil && v < low {
		return fmt.Errorf("%s is under %s %g", value, lowest, low)
	}
	if high, err := strconv.ParseFloat(text(n, highest), 64); err == nil && v > high {
		return fmt.Errorf("%s is over %s %g", value, highest, high)
	}
	return nil
}

// text returns a scalar of a mapping as written; empty if there is none.
func text(n *yaml.Node, key string) string {
	if v := lookup(n, key); v != nil {
		return v.Value
	}
	return ""
}
