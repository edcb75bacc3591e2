package setup

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// routeRE finds the template's routes: each HttpApi event has a method, then a path.
var (
	functionRE = regexp.MustCompile(`(?m)^      CodeUri: functions/([a-z-]+)/$`)
	routeRE    = regexp.MustCompile(`(?m)^            Method: ([A-Z]+)\n            Path: (\S+)$`)
)

// TestTemplateAndAPIAgree: every route of the API is in template.yaml, at its
// function, and every one there has a handler.
func TestTemplateAndAPIAgree(t *testing.T) {
	text := string(errand.Template)
	var got []string
	starts := functionRE.FindAllStringSubmatchIndex(text, -1)
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		for _, r := range routeRE.FindAllStringSubmatch(text[at[0]:end], -1) {
			got = append(got, text[at[2]:at[3]]+" "+r[1]+" "+r[2])
		}
	}
	want := []string{"jobs-status ANY /api/{proxy+}"} // answers what is not there
	for _, e := range api.Endpoints() {
		for _, r := range e.Routes {
			want = append(want, e.Name+" "+r.Method+" "+r.Path)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("template.yaml has\n  %s\nthe API has\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
