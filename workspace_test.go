package errand_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/errandhq/errand"
)

func TestWorkspace(t *testing.T) {
	t.Parallel()
	check := func(w errand.Workspace, src *errand.Source) error {
		s := errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Workspace: &w, Source: src}
		s.Normalise(errand.DefaultTiming())
		if !slices.Contains(s.Features(), errand.FeatureWorkspace) {
			t.Error("an old agent would get the job, and give it a new folder")
		}
		return s.Validate()
	}
	for _, name := range []string{"a", "my-app_1.2", "_x", strings.Repeat("x", 100)} {
		if err := check(errand.Workspace{Name: name}, nil); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "-x", "a/b", "a b", "a\x00", "é", strings.Repeat("x", 101)} {
		if err := check(errand.Workspace{Name: name}, nil); err == nil || !strings.Contains(err.Error(), "workspace.name must be 1 to 100 letters") {
			t.Errorf("%q: %v", name, err)
		}
	}
	src := &errand.Source{SHA256: strings.Repeat("0", 64)}
	if err := check(errand.Workspace{Name: "a"}, src); err == nil || !strings.Contains(err.Error(), "requires a source of the format manifest") {
		t.Errorf("with a ZIP: %v", err)
	}
	src.Format = errand.FormatManifest
	if err := check(errand.Workspace{Name: "a"}, src); err != nil {
		t.Errorf("with a manifest: %v", err)
	}
}
