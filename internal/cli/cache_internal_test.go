package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/errandhq/errand/internal/api"
)

func TestCacheFlags(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`go-{{ checksum "go.sum" }}=~/.cache/go-build,~/go`: `{go-{{ checksum "go.sum" }} [~/.cache/go-build ~/go] [go-]}`,
		`{{ checksum "a=b" }}=a=b`:                          `{{{ checksum "a=b" }} [a=b] []}`,
		"npm=node_modules":                                  "{npm [node_modules] []}",
	} {
		var body api.CreateJob
		f := cacheFlags{[]string{value}}
		if err := f.addTo(&body); err != nil || fmt.Sprint(body.Cache[0]) != want {
			t.Errorf("%s: %v, %v; want %s", value, body.Cache, err, want)
		}
	}
	for value, want := range map[string]string{"a": "KEY=PATH", "=a": "KEY=PATH", "a=": "KEY=PATH", "a b=c": "the key", `{{ checksum "a=b" }}`: "KEY=PATH", "{{ x }}=a": "unknown"} {
		f := cacheFlags{[]string{value}}
		if err := f.addTo(&api.CreateJob{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %q", value, err, want)
		}
	}
}
