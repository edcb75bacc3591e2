package setup

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/template"
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

// TestHeldRequestsAreNotLimited: where requests are held, a worker with a job holds a
// heartbeat, so the functions of workers have no concurrency of their own, which is a limit.
func TestHeldRequestsAreNotLimited(t *testing.T) {
	t.Parallel()
	for wait, limited := range map[string]bool{"0s": true, "20s": false} {
		tmpl, err := template.Parse(errand.Template, template.Options{
			StackName: "s", Region: "us-east-1", Account: "000000000000", Endpoint: "http://queue.invalid", Parameters: map[string]string{"PollWait": wait},
		})
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, f := range tmpl.Functions {
			switch path.Base(strings.TrimSuffix(f.CodeURI, "/")) {
			case "workers-heartbeat", "jobs-submit-result":
				if seen++; (f.Reserved != nil) != limited {
					t.Errorf("PollWait %s: %s has a limit: %v, want %v", wait, f.CodeURI, f.Reserved != nil, limited)
				}
			}
		}
		if seen != 2 {
			t.Errorf("%d functions of workers, want 2", seen)
		}
	}
}
