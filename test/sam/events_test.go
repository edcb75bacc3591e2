package sam

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/localstack"
)

const eventsDir = "../events"

// eventToken stands in the recorded events.
const eventToken = "eru_recorded-events-carry-this-token-0123456789"

// answer is what a function answered to API Gateway.
type answer struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

// wantAnswers are the recorded events of routes, NAME.aws.json as AWS documents
// them and NAME.sam.json as SAM sends them. Both get the same answer.
var wantAnswers = []struct {
	function, name string
	status         int
	body           string // a part of it
}{
	{"jobs-create", "jobs-create", 201, `"status":"pending"`},
	{"jobs-create", "jobs-create-form", 415, `"code":"unsupported_media"`},
	{"jobs-status", "jobs-status-unrouted", 404, `"code":"not_found"`},
}

// TestEvents gives each recorded event to its function, over the embedded
// stack, with the environment that sam local gives it.
func TestEvents(t *testing.T) {
	f := newFunctions(t)
	for _, tt := range wantAnswers {
		for _, kind := range []string{"aws", "sam"} {
			var a answer
			f.invoke(t, tt.function, tt.name+"."+kind, &a)
			if a.StatusCode != tt.status || !strings.Contains(a.Body, tt.body) {
				t.Errorf("%s.%s: %d %s; want %d %s", tt.name, kind, a.StatusCode, a.Body, tt.status, tt.body)
			}
			if a.Headers["X-Content-Type-Options"] != "nosniff" {
				t.Errorf("%s.%s: headers %v", tt.name, kind, a.Headers)
			}
		}
	}
	var r control.SweepReport
	f.invoke(t, setup.SweepName, "sweep.aws", &r)
}

// functions invokes functions as Lambda does, with bytes.
type functions struct {
	stack *localstack.Stack
	env   map[string]string
}

func newFunctions(t *testing.T) *functions {
	t.Helper()
	stack, err := localstack.Start(t.Context(), localstack.Config{Template: errand.Template, ResourcesOnly: true, StackName: "errand"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &functions{stack: stack, env: samEnvironment(t)}
	settings, err := setup.ParseSettings(f.getenv)
	if err != nil {
		t.Fatal(err)
	}
	svc := setup.NewService(setup.Process{AWS: stack.AWSConfig(), Log: slog.New(slog.DiscardHandler)}, settings)
	if err := svc.GrantToken(t.Context(), eventToken, errand.RoleUser, "events", nil); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *functions) getenv(name string) string { return f.env[name] }

func (f *functions) invoke(t *testing.T, function, event string, out any) {
	t.Helper()
	h, err := setup.Handler(function, f.getenv, setup.Process{AWS: f.stack.AWSConfig(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := os.ReadFile(filepath.Join(eventsDir, event+".json"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("%s: %v in %s", event, err, b)
	}
}

// samEnvironment is what env.json gives each function: SAM resolves a !Ref to
// the resource's logical ID, and Fn::If to nothing.
func samEnvironment(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("env.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Parameters map[string]string }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	return file.Parameters
}

// resourceVariable finds the variables that the template makes of resources.
var resourceVariable = regexp.MustCompile(`(?m)^        (ERRAND_[A-Z_]+): !(?:Ref [A-Za-z]*(?:Table|Bucket|Queue)|Sub .*\$\{[A-Za-z]*(?:Table|Bucket|Queue)[^}]*\}.*)$`)

// TestEnvironmentIsWhole: env.json has each variable that SAM can't resolve.
func TestEnvironmentIsWhole(t *testing.T) {
	env := samEnvironment(t)
	found := resourceVariable.FindAllStringSubmatch(string(errand.Template), -1)
	if len(found) < 5 {
		t.Fatalf("the template has only %v", found)
	}
	for _, m := range found {
		if env[m[1]] == "" {
			t.Errorf("%s is made of a resource, and not in env.json", m[1])
		}
	}
}

// TestEveryEventIsUsed: an event that nobody checks is wrong one day.
func TestEveryEventIsUsed(t *testing.T) {
	used := map[string]bool{"sweep.aws.json": true}
	for _, tt := range wantAnswers {
		used[tt.name+".aws.json"], used[tt.name+".sam.json"] = true, true
	}
	files, err := filepath.Glob(filepath.Join(eventsDir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if !used[filepath.Base(f)] {
			t.Errorf("%s is used by no test", f)
		}
	}
}
