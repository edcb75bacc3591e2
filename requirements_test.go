package errand_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/errandhq/errand"
)

func TestRequirements(t *testing.T) {
	w := &errand.Worker{ID: "w1", OS: "linux", Arch: "arm64", Labels: map[string]string{"gpu": "h200", "cpus": "8", "memory": "15872M"}, Features: []string{"terminal"}}
	for _, c := range []struct {
		requires map[string]string
		lacking  string
	}{
		{nil, ""},
		{map[string]string{"os": "linux", "arch": "arm64", "gpu": "*"}, ""},
		{map[string]string{"os": "darwin", "gpu": "a100", "zone": "*"}, "gpu=a100 os=darwin zone"},
		{map[string]string{"cpus": ">=8", "memory": ">=15G"}, ""},
		{map[string]string{"cpus": ">=9", "memory": ">=16G", "gpu": ">=1"}, "cpus>=9 gpu>=1 memory>=16G"},
		{map[string]string{"memory": ">=15.5G"}, ""},
	} {
		if got := strings.Join((errand.Requirements{Labels: c.requires}).Lacking(w), " "); got != c.lacking {
			t.Errorf("%v: lacking %q, want %q", c.requires, got, c.lacking)
		}
	}
	r := errand.Requirements{Worker: "w2", Features: []string{"limits", "terminal"}}
	if got := strings.Join(r.Lacking(w), " "); got != "the ID w2 limits" {
		t.Errorf("lacking %q", got)
	}
}

// TestKinds: equal requirements have one kind, others another, and none is empty.
func TestKinds(t *testing.T) {
	kind := func(s errand.Spec) string { return s.Requirements().Kind() }
	if got := kind(errand.Spec{}); got != "" {
		t.Errorf("no requirements have the kind %q", got)
	}
	a := kind(errand.Spec{Requires: map[string]string{"a": "1", "b": "2"}})
	if b := kind(errand.Spec{Requires: map[string]string{"b": "2", "a": "1"}}); a != b || len(a) != 15 {
		t.Errorf("kinds %q and %q", a, b)
	}
	if b := kind(errand.Spec{Worker: "a"}); a == b {
		t.Errorf("both have the kind %q", a)
	}
}

func TestValidateRequires(t *testing.T) {
	many := map[string]string{}
	for _, c := range "abcdefghijklmnopq" {
		many[string(c)] = "x"
	}
	for field, requires := range map[string]map[string]string{
		"requires":      many,
		"requires.cpus": {"cpus": ">=many"},
		"requires.gpu":  {"gpu": "two words"},
	} {
		s := errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Requires: requires}
		s.Normalise(errand.DefaultTiming())
		var err *errand.Error
		if !errors.As(s.Validate(), &err) || err.Field != field {
			t.Errorf("%v: %v", requires, err)
		}
	}
	if err := errand.ValidateLabels("labels", map[string]string{"os": "plan9"}); err == nil {
		t.Error("a worker may set os")
	}
}
