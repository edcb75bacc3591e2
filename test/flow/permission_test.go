package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/wire"
)

// TestPermissions: the embedded stack grants everything, AWS what template.yaml
// says. Each endpoint is used; no function may call what its role doesn't allow,
// and no role allows what its function doesn't call, but for what is in rare.
// (What is presigned isn't a call of the function's: those are listed by hand.)
func TestPermissions(t *testing.T) {
	seen := &callLog{calls: map[string]map[string]bool{}}
	stack, srv, svc := apiServer(t, seen.of)
	useEverything(t, srv.URL, svc)
	if err := stack.Tick(t.Context(), "sweep"); err != nil {
		t.Fatal(err)
	}
	seen.add("jobs-get-job", "s3:PutObject Bucket/logs/*", "s3:PutObject Bucket/artifacts/*", "s3:GetObject Bucket/uploads/*")
	seen.add("workers-heartbeat", "s3:PutObject Bucket/logs/*", "s3:PutObject Bucket/artifacts/*")
	seen.add("uploads", "s3:PutObject Bucket/uploads/*")
	for name, calls := range rare {
		for _, c := range calls {
			if seen.calls[name][c.call] {
				t.Errorf("%s calls %s: it needs no place in the list of what is rare (%s)", name, c.call, c.when)
			}
			seen.add(name, c.call)
		}
	}
	allowed := permissions(t)
	for _, e := range api.Endpoints() {
		if len(seen.calls[e.Name]) == 0 {
			t.Errorf("%s made no call: the test doesn't use it", e.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen.calls)) {
		for _, call := range slices.Sorted(maps.Keys(seen.calls[name])) {
			if !slices.Contains(allowed[name], call) {
				t.Errorf("%s calls %s, which its role doesn't allow", name, call)
			}
		}
		for _, call := range allowed[name] {
			if !seen.calls[name][call] {
				t.Errorf("%s may call %s, and doesn't", name, call)
			}
		}
	}
}

// rare is what a function needs on ways that TestPermissions doesn't go: after
// faults, or after time that a real clock would take. test/flow's other tests go
// there, without roles.
var rare = map[string][]struct{ call, when string }{
	"execute": {
		{"dynamodb:GetItem JobsTable", "an idempotency key was used before"},
		{"dynamodb:Query JobsTable", "the job that was made with it"},
		{"s3:ListBucket Bucket", headOfNothing},
		{"lambda:InvokeFunction arn:AWS::Partition:lambda:AWS::Region:AWS::AccountId:function:AWS::StackName-direct", "direct mode is on"},
	},
	"jobs-create": {
		{"s3:ListBucket Bucket", headOfNothing},
		{"dynamodb:GetItem JobsTable", "a key whose claim went through and whose answer was lost"},
	},
	"uploads": {{"s3:ListBucket Bucket", headOfNothing}},
	"jobs-get-job": {
		{"dynamodb:GetItem JobsTable", "the state alone, where a poll is asked again or a write lost its race"},
		{"sqs:DeleteMessage DefaultQueue", "a ticket of a job that is over"},
		{"sqs:ChangeMessageVisibility DefaultQueue", "a ticket of a job whose lease lives"},
	},
	"jobs-logs": {
		{"dynamodb:Query JobsTable", "the job, where its state alone isn't enough"},
		{"s3:GetObject Bucket/logs/*", "the log is longer than what rides in the result"},
	},
	"jobs-submit-result": {{"dynamodb:Query JobsTable", "a job that another attempt follows"}},
	"workers-heartbeat":  {{"dynamodb:Query JobsTable", "a write grant, or an attempt that another follows"}},
	wire.SweepName: {
		{"dynamodb:GetItem JobsTable", "a job is due"},
		{"dynamodb:PutItem JobsTable", "and is moved on"},
		{"dynamodb:Query JobsTable", "and is read whole"},
		{"sqs:SendMessage DefaultQueue", "its ticket was lost"},
		{"sqs:SendMessage DefaultBell", "and waiting workers are told"},
		{"sqs:ChangeMessageVisibility DefaultQueue", "its ticket is shown again"},
		{"sqs:DeleteMessage DefaultQueue", "it is over"},
	},
}

// headOfNothing: without it S3 answers 403 where there is no object, not 404.
const headOfNothing = "HEAD of an object that isn't there"

// askAs calls every route with a token, whatever the answer: each function reads
// tokens of every kind before it refuses one.
func askAs(t *testing.T, url, token string) {
	t.Helper()
	for _, e := range api.Endpoints() {
		for _, r := range e.Routes {
			req, err := http.NewRequestWithContext(t.Context(), r.Method, url+r.Path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode >= 500 {
				t.Errorf("%s %s: %s", r.Method, r.Path, resp.Status)
			}
		}
	}
}

// useEverything makes each function do all that it does on its usual ways.
func useEverything(t *testing.T, url string, svc *errand.Service) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for role, token := range map[errand.Role]string{errand.RoleUser: "u", errand.RoleAgent: "a", errand.RoleAdmin: "d"} {
		must(svc.GrantToken(t.Context(), token, role, "ann", nil))
	}
	ctx, user := t.Context(), &api.Client{BaseURL: url, Token: "u"}
	reg, err := user.WithToken("a").Register(ctx, errand.Registration{})
	must(err)
	k := user.WithToken(reg.Token)
	body, r := archive("the folder")
	up, err := user.CreateUpload(ctx, r)
	must(err)
	req, err := http.NewRequestWithContext(ctx, up.Put.Method, up.Put.URL, bytes.NewReader(body))
	must(err)
	for name, value := range up.Put.Header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	must(err)
	resp.Body.Close()
	job := api.CreateJob{Commands: []errand.Command{{Shell: "true"}}, Source: &errand.Source{SHA256: r.SHA256}, MaxAttempts: 2}
	_, err = user.CreateJob(ctx, job, "key")
	must(err)
	_, err = user.CreateJob(ctx, job, "key") // again
	must(err)
	_, err = user.CreateJob(ctx, job, "")
	must(err)
	_, err = user.Execute(ctx, api.Execute{Mode: "distributed", CreateJob: job})
	if code := api.CodeOf(err); code != "" { // the client has no form for the answer, a job
		t.Fatalf("execute: %v", err)
	}
	for _, c := range []*api.Client{user, user.WithToken("d")} {
		_, err = c.Jobs(ctx, "", "", 0, "")
		must(err)
	}
	_, err = user.Workers(ctx, "")
	must(err)

	take := func(poll string) (*errand.Assignment, errand.Heartbeat) {
		a, err := k.GetJob(ctx, reg.WorkerID, reg.Epoch, poll, 0)
		if err != nil || a == nil {
			t.Fatalf("get-job: %+v, %v", a, err)
		}
		return a, errand.Heartbeat{WorkerID: reg.WorkerID, Epoch: reg.Epoch, Holds: []errand.Hold{{JobID: a.JobID, Attempt: a.Attempt, RenewWrites: true}}}
	}
	a, beat := take("p1")
	_, err = user.Logs(ctx, a.JobID, 0, 0, 0)
	must(err)
	_, err = k.Heartbeat(ctx, beat)
	must(err)
	_, err = k.SubmitResult(ctx, api.SubmitResult{WorkerID: reg.WorkerID, Epoch: reg.Epoch, JobID: a.JobID, Attempt: a.Attempt})
	must(err)
	_, err = user.Job(ctx, a.JobID)
	must(err)
	b, beat := take("p2")
	_, err = k.Heartbeat(ctx, beat)
	must(err)
	stopped := errand.Failure{Reason: errand.ReasonWorkerStopped}
	_, err = k.SubmitFailure(ctx, api.SubmitFailure{WorkerID: reg.WorkerID, Epoch: reg.Epoch, JobID: b.JobID, Attempt: b.Attempt, Failure: stopped})
	must(err)
	_, err = user.Cancel(ctx, b.JobID)
	must(err)
	job.Group = "deploy"
	grouped, err := user.CreateJob(ctx, job, "")
	must(err)
	_, err = user.Cancel(ctx, grouped.ID) // which rings for the next of its group
	must(err)
	for _, token := range []string{"u", "a", reg.Token} {
		askAs(t, url, token)
	}
}

// callLog notes what each function calls, as "action resource" of IAM.
type callLog struct {
	mu    sync.Mutex
	calls map[string]map[string]bool
}

func (l *callLog) add(function string, calls ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls[function] == nil {
		l.calls[function] = map[string]bool{}
	}
	for _, c := range calls {
		l.calls[function][c] = true
	}
}

// of notes the calls that a function makes through next.
func (l *callLog) of(function string, next http.RoundTripper) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			var err error
			if body, err = io.ReadAll(r.Body); err != nil {
				return nil, err
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		l.add(function, iamCall(r, body))
		return next.RoundTrip(r)
	})
}

// bodyOf is a request's body, which stays there.
func bodyOf(r *http.Request) string {
	if r.Body == nil {
		return ""
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err.Error()
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// iamCall is the action and the resource, by the template's names.
func iamCall(r *http.Request, body []byte) string {
	service, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case service == "AmazonSQS":
		return "sqs:" + op + " " + queueOf(body)
	case strings.HasPrefix(service, "DynamoDB"):
		return "dynamodb:" + op + " " + tableOf(body)
	case strings.HasSuffix(r.URL.Path, "/invocations"):
		return "lambda:InvokeFunction"
	case r.URL.Query().Has("list-type"):
		return "s3:ListBucket Bucket"
	}
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	first, _, _ := strings.Cut(key, "/")
	action := "s3:GetObject" // HEAD too
	if r.Method == http.MethodPut {
		action = "s3:PutObject"
	}
	return action + " Bucket/" + first + "/*"
}

// queueOf is the queue that an SQS request is for.
func queueOf(body []byte) string {
	var in struct{ QueueUrl string }
	if err := json.Unmarshal(body, &in); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(in.QueueUrl[strings.LastIndexByte(in.QueueUrl, '-')+1:], ".fifo")
}

// tableOf is the table, or the index, that a DynamoDB request is for.
func tableOf(body []byte) string {
	var in struct {
		TableName, IndexName string
		RequestItems         map[string]json.RawMessage
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return err.Error()
	}
	for name := range in.RequestItems {
		in.TableName = name
	}
	table := in.TableName[strings.LastIndexByte(in.TableName, '-')+1:]
	if in.IndexName != "" {
		return table + "/index/" + in.IndexName
	}
	return table
}

// permissions are what template.yaml allows each function.
func permissions(t *testing.T) map[string][]string {
	t.Helper()
	var tmpl struct {
		Resources map[string]struct {
			Properties struct {
				CodeUri  string `yaml:"CodeUri"`
				Policies []struct {
					Statement []struct {
						Action   []string `yaml:"Action"`
						Resource []string `yaml:"Resource"` // the text behind !GetAtt or !Sub
					} `yaml:"Statement"`
				} `yaml:"Policies"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(errand.Template, &doc); err != nil {
		t.Fatal(err)
	}
	untag(&doc)
	if err := doc.Decode(&tmpl); err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	name := strings.NewReplacer("${", "", "}", "", ".Arn", "")
	for _, r := range tmpl.Resources {
		function := strings.Trim(strings.TrimPrefix(r.Properties.CodeUri, "functions/"), "/")
		for _, p := range r.Properties.Policies {
			for _, s := range p.Statement {
				for _, action := range s.Action {
					for _, resource := range s.Resource {
						all[function] = append(all[function], action+" "+name.Replace(resource))
					}
				}
			}
		}
	}
	return all
}

// untag makes plain text of CloudFormation's short functions.
func untag(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		untag(c)
	}
}

// TestDirectRole: what runs user commands may write its own logs, and nothing else.
func TestDirectRole(t *testing.T) {
	text := string(errand.Template)
	_, function, _ := strings.Cut(text, "\n  DirectFunction:\n")
	function, _, _ = strings.Cut(function, "\n\n")
	if !strings.Contains(function, "Role: !GetAtt DirectRole.Arn") || strings.Contains(function, "Policies:") {
		t.Errorf("the direct function has another role:\n%s", function)
	}
	_, role, _ := strings.Cut(text, "\n  DirectRole:\n")
	role, _, _ = strings.Cut(role, "\n\n")
	want := "              - Effect: Allow\n                Action: [logs:CreateLogStream, logs:PutLogEvents]\n                Resource:\n                  - !GetAtt DirectLogs.Arn"
	if !strings.HasSuffix(role, want) || strings.Count(role, "Allow") != 2 || strings.Contains(role, "ManagedPolicyArns") {
		t.Errorf("its role:\n%s", role)
	}
}

// TestLifetimes: the bucket keeps an upload as long as the Service counts on it,
// and no job queue has dead letters.
func TestLifetimes(t *testing.T) {
	text := string(errand.Template)
	timing := errand.DefaultTiming()
	if want := fmt.Sprintf("Prefix: uploads/, ExpirationInDays: %d }", int(timing.UploadLifetime.Hours()/24)); !strings.Contains(text, want) {
		t.Errorf("the template lacks %q", want)
	}
	if timing.UploadLifetime-timing.UploadMargin < timing.ExpireAfter {
		t.Errorf("an upload used at its latest lives %s, and its job may wait %s", timing.UploadLifetime-timing.UploadMargin, timing.ExpireAfter)
	}
	if strings.Contains(text, "RedrivePolicy") {
		t.Error("a queue has dead letters: docs/adr/0002")
	}
}
