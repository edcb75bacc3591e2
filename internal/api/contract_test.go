package api_test

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/api/apitest"
)

// TestDocumentRoutes: docs/openapi.yaml has the routes that there are, with
// their parameters and bodies.
func TestDocumentRoutes(t *testing.T) {
	type route struct {
		Params []string
		Body   bool
	}
	want, got := map[string]route{}, map[string]route{}
	for _, e := range api.Endpoints() {
		for _, r := range e.Routes {
			params := slices.Clone(r.Params())
			slices.Sort(params)
			want[r.Method+" "+r.Path] = route{params, r.HasBody()}
		}
	}
	for path, item := range apitest.Document(t).Paths.Map() {
		for method, op := range item.Operations() {
			var params []string
			for _, p := range op.Parameters {
				if p.Value.In == openapi3.ParameterInQuery {
					params = append(params, p.Value.Name)
				}
			}
			slices.Sort(params)
			got[method+" "+path] = route{params, op.RequestBody != nil}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-code +document):\n%s", diff)
	}
}

// wireTypes are the types that the document describes under their names.
var wireTypes = []any{
	api.CreateJob{}, api.Job{}, api.JobList{}, api.Worker{}, api.WorkerList{}, api.SubmitResult{}, api.SubmitFailure{},
	api.Submitted{}, api.Sync{}, api.AttemptReport{}, api.Synced{}, api.ReportAnswer{}, api.SyncProblem{}, errand.Failure{}, api.CancelJob{}, api.LogPage{}, api.LogFrame{}, api.Execute{}, api.Executed{}, api.Problem{},
	errand.Source{}, errand.Result{}, errand.CommandResult{}, errand.Output{}, errand.Log{}, errand.UploadRequest{}, errand.Upload{}, errand.UploadBatch{}, errand.Uploads{},
	errand.SignedRequest{}, errand.SourceGrant{}, errand.WriteGrant{}, errand.Registration{}, errand.Registered{}, errand.Heartbeat{},
	errand.Hold{}, errand.HeartbeatAnswer{}, errand.Order{}, errand.Assignment{}, errand.DirectCommand{}, errand.Bell{},
	errand.Terminal{}, errand.RetryOnExit{}, errand.Limits{}, errand.Workspace{}, errand.JobAttempt{}, errand.Silence{}, api.NamedQueue{}, api.NamedWorker{}, api.Queue{}, api.QueueList{}, api.QueueRemoval{},
	api.CreateSchedule{}, api.NamedSchedule{}, api.Schedule{}, api.ScheduleList{}, api.ScheduledRun{},
	api.JobSource{}, api.ArtifactPage{}, api.ArtifactDownload{}, api.SignArtifacts{}, api.SignedArtifacts{}, errand.Artifacts{}, errand.Content{},
	api.StartSession{}, api.SessionCode{}, api.Session{}, api.Token{}, api.TokenList{},
	api.QueueFigures{}, errand.AwaitedJobs{}, errand.Dependency{}, errand.Explanation{}, errand.JobsBefore{}, errand.GroupBefore{}, errand.WorkersForJob{},
	errand.ArtifactUpload{}, errand.ArtifactPart{}, errand.ArtifactGrant{}, errand.TestReport{}, errand.FailedTest{},
	errand.Cache{}, api.AskCache{}, errand.CacheAnswer{}, errand.CacheGrant{},
}

// TestDocumentTypes: each object has the members of its Go type, and requires
// those that are always there. Requests refuse what the document doesn't name.
func TestDocumentTypes(t *testing.T) {
	schemas := apitest.Document(t).Components.Schemas
	left := maps.Clone(schemas)
	for _, v := range wireTypes {
		typ := reflect.TypeOf(v)
		ref, ok := schemas[typ.Name()]
		if !ok {
			t.Errorf("the document lacks %s", typ.Name())
			continue
		}
		delete(left, typ.Name())
		got := map[string]bool{}
		for name := range ref.Value.Properties {
			got[name] = slices.Contains(ref.Value.Required, name)
		}
		if diff := cmp.Diff(api.Members(typ), got); diff != "" {
			t.Errorf("%s (-code +document), true: required\n%s", typ.Name(), diff)
		}
	}
	for name, ref := range left {
		if name != "Env" && name != "Labels" && name != "Requires" && ref.Value.Type.Is(openapi3.TypeObject) {
			t.Errorf("no test compares %s with a Go type", name)
		}
	}
}

// TestDocumentSets: closed sets and patterns are those of the code.
func TestDocumentSets(t *testing.T) {
	schemas := apitest.Document(t).Components.Schemas
	enum := func(name, member string) []string {
		s := schemas[name].Value
		if member != "" {
			s = s.Properties[member].Value
		}
		var out []string
		for _, v := range s.Enum {
			out = append(out, v.(string))
		}
		slices.Sort(out)
		return out
	}
	for _, tc := range []struct {
		name string
		got  []string
		want []string
	}{
		{"codes", enum("Problem", "code"), texts(errand.Codes())},
		{"statuses", enum("Status", ""), texts(errand.Statuses)},
		{"outcomes", enum("Outcome", ""), texts(errand.Outcomes)},
		{"causes", enum("Explanation", "cause"), texts(errand.Causes)},
		{"orders", enum("Order", "order"), []string{errand.OrderContinue, errand.OrderCancel, errand.OrderAbandon}},
		{"modes", enum("Execute", "mode"), []string{api.ModeDirect, api.ModeDistributed}},
	} {
		slices.Sort(tc.want)
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%s (-code +document):\n%s", tc.name, diff)
		}
	}
	for name, want := range map[string]string{
		"JobId": errand.JobPattern, "WorkerId": errand.WorkerPattern, "WorkerToken": errand.WorkerTokenPattern,
		"Sha256": errand.HashPattern, "QueueName": errand.QueuePattern, "Group": errand.GroupPattern,
	} {
		if got := schemas[name].Value.Pattern; got != want {
			t.Errorf("%s is %s in the document, %s in the code", name, got, want)
		}
	}
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// TestDocumentLimits: the numbers are those of the code.
func TestDocumentLimits(t *testing.T) {
	schemas := apitest.Document(t).Components.Schemas
	commands, env, name := schemas["Commands"].Value, schemas["Env"].Value, schemas["Name"].Value
	for what, pair := range map[string][2]int{
		"commands":      {int(*commands.MaxItems), errand.MaxCommands},
		"command":       {int(*schemas["Command"].Value.OneOf[0].Value.MaxLength), errand.MaxCommandBytes},
		"argv":          {int(*schemas["Command"].Value.OneOf[1].Value.Properties["argv"].Value.MaxItems), errand.MaxArgs},
		"env":           {int(*env.MaxProps), errand.MaxEnv},
		"env value":     {int(*env.AdditionalProperties.Schema.Value.MaxLength), errand.MaxEnvValueBytes},
		"name":          {int(*name.MaxLength), errand.MaxNameRunes},
		"max attempts":  {int(*schemas["MaxAttempts"].Value.Max), errand.MaxAttemptsLimit},
		"timeout":       {int(*schemas["Timeout"].Value.Max), errand.MaxTimeoutSeconds},
		"lease":         {int(*schemas["Lease"].Value.Max), errand.MaxLeaseSeconds},
		"upload":        {int(*schemas["UploadRequest"].Value.Properties["size"].Value.Max), errand.MaxUploadBytes},
		"packs":         {int(*schemas["Source"].Value.Properties["packs"].Value.MaxItems), errand.MaxPacks},
		"batch":         {int(*schemas["UploadBatch"].Value.Properties["uploads"].Value.MaxItems), errand.MaxPacks},
		"holds":         {int(*schemas["Heartbeat"].Value.Properties["holds"].Value.MaxItems), errand.MaxHolds},
		"slots":         {int(*schemas["Registration"].Value.Properties["slots"].Value.Max), errand.MaxSlots},
		"failure error": {int(*schemas["SubmitFailure"].Value.Properties["error"].Value.MaxLength), errand.MaxErrorBytes},
		"artifacts":     {int(*schemas["ArtifactPatterns"].Value.MaxItems), errand.MaxArtifactPatterns},
		"pattern":       {int(*schemas["ArtifactPattern"].Value.OneOf[0].Value.MaxLength), errand.MaxArtifactPathBytes},
		"files":         {int(*schemas["Artifacts"].Value.Properties["files"].Value.Max), errand.MaxArtifacts},
		"missing":       {int(*schemas["Artifacts"].Value.Properties["missing"].Value.MaxItems), errand.MaxArtifactPatterns},
		"uploads":       {int(*schemas["SignArtifacts"].Value.Properties["uploads"].Value.MaxItems), errand.MaxArtifactUploads},
		"caches":        {int(*schemas["Caches"].Value.MaxItems), errand.MaxCaches},
		"cache paths":   {int(*schemas["Cache"].Value.Properties["paths"].Value.MaxItems), errand.MaxCachePaths},
		"prefixes":      {int(*schemas["Cache"].Value.Properties["prefixes"].Value.MaxItems), errand.MaxCachePrefixes},
		"cache uploads": {int(*schemas["AskCache"].Value.Properties["uploads"].Value.MaxItems), errand.MaxPacks + 1},
		"failing":       {int(*schemas["TestReport"].Value.Properties["failing"].Value.MaxItems), errand.MaxFailedTests},
		"page":          {int(*apitest.Document(t).Components.Parameters["limit"].Value.Schema.Value.Max), errand.MaxPage},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %d in the document, %d in the code", what, pair[0], pair[1])
		}
	}
}

// TestReference: docs/api.md names every route, every code with its status, and
// every reason.
func TestReference(t *testing.T) {
	b, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, e := range api.Endpoints() {
		for _, r := range e.Routes {
			if !strings.Contains(page, r.Method+" "+r.Path+"`") {
				t.Errorf("docs/api.md lacks `%s %s`", r.Method, r.Path)
			}
		}
	}
	for _, c := range errand.Codes() {
		row := "| `" + string(c) + "` | " + itoa(c.Status()) + " |"
		if !strings.Contains(page, row) {
			t.Errorf("docs/api.md lacks the row %s", row)
		}
	}
	for _, r := range apitest.Document(t).Components.Schemas["Reason"].Value.Enum {
		if !strings.Contains(page, "`"+r.(string)+"`") {
			t.Errorf("docs/api.md lacks the reason %s", r)
		}
	}
}
