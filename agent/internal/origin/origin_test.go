package origin_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/errandhq/errand/agent/internal/origin"
)

func TestSince(t *testing.T) {
	t.Parallel()
	was := origin.Origin{Boot: "a", Directory: 7, Hardware: []string{"02:00:00:00:00:01", "02:00:00:00:00:02"}}
	for name, c := range map[string]struct {
		change func(*origin.Origin)
		want   origin.Relation
	}{
		"nothing has changed":           {func(*origin.Origin) {}, origin.SameBoot},
		"another boot":                  {func(o *origin.Origin) { o.Boot = "b" }, origin.Restarted},
		"and another network interface": {func(o *origin.Origin) { o.Boot, o.Hardware = "b", o.Hardware[1:] }, origin.Restarted},
		"another machine":               {func(o *origin.Origin) { o.Boot, o.Hardware = "b", []string{"02:00:00:00:00:03"} }, origin.Unknown},
		"no hardware known":             {func(o *origin.Origin) { o.Boot, o.Hardware = "b", nil }, origin.Unknown},
		"a copy":                        {func(o *origin.Origin) { o.Directory = 8 }, origin.Unknown},
		"a copy, another boot":          {func(o *origin.Origin) { o.Boot, o.Directory = "b", 8 }, origin.Unknown},
		"boot not known":                {func(o *origin.Origin) { o.Boot = "" }, origin.Unknown},
	} {
		now := was
		c.change(&now)
		if got := was.Since(now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := (origin.Origin{}).Since(was); got != origin.Unknown {
		t.Errorf("of an earlier version: %v", got)
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := origin.Of(dir)
	if got := first.Since(origin.Of(dir)); got != origin.SameBoot {
		t.Errorf("the same directory: %v of %+v", got, first)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if got := first.Since(origin.Of(copied)); got != origin.Unknown {
		t.Errorf("a copy: %v", got)
	}
}
