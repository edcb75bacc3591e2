package localstack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// TestMain is also the Child function of testdata/stack.yaml.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_FUNCTION") == "child" {
		awslambda.Start(func() (map[string]string, error) {
			return map[string]string{"endpoint": os.Getenv("AWS_ENDPOINT_URL"), "greeting": os.Getenv("GREETING")}, nil
		})
		return
	}
	goleak.VerifyTestMain(m)
}

// product is a stack of testdata/stack.yaml with what its functions saw.
type product struct {
	*Stack
	swept chan json.RawMessage
	clock *ManualClock
	hung  chan error // why the hanging function ended
}

func startProduct(t *testing.T, change ...func(*Config)) *product {
	t.Helper()
	source, err := os.ReadFile("testdata/stack.yaml")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &product{swept: make(chan json.RawMessage, 10), hung: make(chan error, 1), clock: NewManualClock(time.Now())}
	c := Config{
		Template: source, Clock: p.clock, NoSync: true, Logf: t.Logf,
		Functions: map[string]FunctionCode{
			"echo":  {New: p.echo},
			"Sweep": {New: p.sweep},
			"child": {Command: []string{program}},
		},
	}
	for _, ch := range change {
		ch(&c)
	}
	p.Stack = start(t, c)
	return p
}

func start(t *testing.T, c Config) *Stack {
	t.Helper()
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (p *product) echo(env map[string]string) (Handler, error) {
	return awslambda.NewHandler(func(ctx context.Context, event map[string]any) (any, error) {
		if event["routeKey"] == "GET /api/hang" {
			<-ctx.Done()
			p.hung <- ctx.Err()
			return nil, ctx.Err()
		}
		return map[string]any{"statusCode": 201, "body": env["GREETING"] + " " + event["body"].(string)}, nil
	}), nil
}

func (p *product) sweep(map[string]string) (Handler, error) {
	return awslambda.NewHandler(func(_ context.Context, event json.RawMessage) error {
		p.swept <- event
		return nil
	}), nil
}

func get(t *testing.T, h http.Handler, r *http.Request) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestAPI(t *testing.T) {
	p := startProduct(t, func(c *Config) { c.Parameters = map[string]string{"Greeting": "hi"} })
	fallback := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") })
	api := p.API(APIOptions{Fallback: fallback})
	post := httptest.NewRequest("POST", "/api/echo/1", strings.NewReader("there"))
	post.Header.Set("Content-Type", "text/plain")
	for _, tt := range []struct {
		r    *http.Request
		code int
		body string
	}{
		{post, 201, "hi there"},
		{httptest.NewRequest("GET", "/api/child", nil), 200, `{"endpoint":"","greeting":"hi"}`},
		{httptest.NewRequest("GET", "/", nil), 200, "page"},
		{httptest.NewRequest("POST", "/", nil), 200, "page"}, // SQS is not served here
	} {
		if code, body := get(t, api, tt.r); code != tt.code || body != tt.body {
			t.Errorf("%s %s: %d %q, want %d %q", tt.r.Method, tt.r.URL, code, body, tt.code, tt.body)
		}
	}
	if code, body := get(t, p.API(APIOptions{}), httptest.NewRequest("GET", "/", nil)); code != 404 || body != `{"message":"Not Found"}` {
		t.Errorf("with no fallback: %d %s", code, body)
	}
	if n := p.Usage()["lambda.Invoke"].Calls; n != 2 {
		t.Errorf("%d invocations counted, want 2", n)
	}
}

// TestAPIClientGone: what a client that goes away started is cancelled.
func TestAPIClientGone(t *testing.T) {
	p := startProduct(t)
	server := httptest.NewServer(p.API(APIOptions{}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for p.Usage()["lambda.Invoke"].Calls == 0 {
			runtime.Gosched()
		}
		cancel()
	}()
	r, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/hang", nil)
	if _, err := server.Client().Do(r); !errors.Is(err, context.Canceled) {
		t.Errorf("the client saw %v", err)
	}
	if err := <-p.hung; !errors.Is(err, context.Canceled) {
		t.Errorf("the function saw %v", err)
	}
}

// TestIntegrationTimeout: 503, and the function runs on until the stack closes.
func TestIntegrationTimeout(t *testing.T) {
	p := startProduct(t, func(c *Config) { c.IntegrationTimeout = 20 * time.Millisecond })
	if code, body := get(t, p.API(APIOptions{}), httptest.NewRequest("GET", "/api/hang", nil)); code != 503 || body != `{"message":"Service Unavailable"}` {
		t.Errorf("%d %s", code, body)
	}
	select {
	case err := <-p.hung:
		t.Errorf("the function ended with the wait: %v", err)
	default:
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-p.hung; !errors.Is(err, context.Canceled) {
		t.Errorf("at Close the function saw %v", err)
	}
}

// TestSchedule: ticks by the injected clock; those that are missed coalesce.
func TestSchedule(t *testing.T) {
	p := startProduct(t)
	p.clock.Advance(59 * time.Second)
	select {
	case <-p.swept:
		t.Error("swept before a minute had passed")
	default:
	}
	p.clock.Advance(time.Second)
	var e struct {
		Source     string
		DetailType string `json:"detail-type"`
		Time       time.Time
		Resources  []string
		Detail     map[string]any
	}
	if err := json.Unmarshal(<-p.swept, &e); err != nil {
		t.Fatal(err)
	}
	if e.Source != "aws.events" || e.DetailType != "Scheduled Event" || e.Detail == nil || e.Resources[0] != "arn:aws:events:us-east-1:000000000000:rule/SweepMinute" {
		t.Errorf("event %+v", e)
	}
	if err := p.Tick(t.Context(), "sweep"); err != nil {
		t.Error(err)
	}
	if len(p.swept) != 1 {
		t.Errorf("%d sweeps after Tick, want 1", len(p.swept))
	}
	if err := p.Tick(t.Context(), "echo"); !errors.Is(err, ErrNoSchedule) {
		t.Errorf("Tick of a function without a schedule: %v", err)
	}
}

func TestScheduleCoalesces(t *testing.T) {
	p := startProduct(t, func(c *Config) { c.Rates = map[string]time.Duration{"sweep": time.Second} })
	sch := p.schedules[0]
	sch.busy <- struct{}{} // as if one ran
	p.clock.Advance(10 * time.Second)
	<-sch.busy
	<-p.swept
	// Of ten ticks one may have waited for busy and one stands in due: no more.
	if err := p.Tick(t.Context(), "sweep"); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(p.swept); n < 1 || n > 2 {
		t.Errorf("%d more sweeps, want the one of Tick and at most one that was due", n)
	}
}

// TestProvisioned: what the template names is there, by the services' own APIs.
func TestProvisioned(t *testing.T) {
	p := startProduct(t)
	q := sqs.NewFromConfig(p.AWSConfig())
	url, err := q.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("local-Queue.fifo")})
	if err != nil {
		t.Fatal(err)
	}
	if want := p.template.Queues[0].URL; *url.QueueUrl != want {
		t.Errorf("queue URL %s, the template's is %s", *url.QueueUrl, want)
	}
	attrs, err := q.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"VisibilityTimeout", "RedrivePolicy"}})
	if err != nil || attrs.Attributes["VisibilityTimeout"] != "60" || !strings.Contains(attrs.Attributes["RedrivePolicy"], "local-Dead.fifo") {
		t.Errorf("attributes %v, %v", attrs, err)
	}
	d := dynamodb.NewFromConfig(p.AWSConfig())
	table, err := d.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("local-Jobs")})
	if err != nil || len(table.Table.GlobalSecondaryIndexes) != 1 || table.Table.TableStatus != "ACTIVE" {
		t.Errorf("table %+v, %v", table, err)
	}
	ttl, err := d.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: aws.String("local-Jobs")})
	if err != nil || aws.ToString(ttl.TimeToLiveDescription.AttributeName) != "ttl" {
		t.Errorf("TTL %+v, %v", ttl, err)
	}
	b := s3.NewFromConfig(p.AWSConfig())
	rules, err := b.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: aws.String("local-objects")})
	if err != nil || len(rules.Rules) != 1 || *rules.Rules[0].Expiration.Days != 7 {
		t.Errorf("lifecycle %+v, %v", rules, err)
	}
}

// TestPresignedAtAPI: of AWS, the API's address serves only presigned requests for
// the bucket, for the Host that was signed.
func TestPresignedAtAPI(t *testing.T) {
	p := startProduct(t)
	server := httptest.NewServer(p.API(APIOptions{}))
	defer server.Close()
	b := s3.NewFromConfig(p.AWSConfig(), func(o *s3.Options) { o.BaseEndpoint = &server.URL; o.UsePathStyle = true })
	presign := s3.NewPresignClient(b)
	put, err := presign.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("local-objects"), Key: aws.String("a b"), Body: strings.NewReader("body")})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequest(put.Method, put.URL, strings.NewReader("body"))
	for k, v := range put.SignedHeader {
		if k != "Host" {
			r.Header[k] = v
		}
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("presigned PUT: %s", resp.Status)
	}
	out, err := s3.NewFromConfig(p.AWSConfig()).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("local-objects"), Key: aws.String("a b")})
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(out.Body)
	if _ = out.Body.Close(); string(body) != "body" {
		t.Errorf("body %q", body)
	}
	plain, err := server.Client().Get(server.URL + "/local-objects/a%20b")
	if err != nil {
		t.Fatal(err)
	}
	_ = plain.Body.Close()
	if plain.StatusCode != 403 {
		t.Errorf("unsigned GET: %s", plain.Status)
	}
	if u := p.Usage(); u["s3.PutObject"].Calls != 1 || u["s3.GetObject"].Calls != 2 {
		t.Errorf("usage %v", u)
	}
}

func TestLambdaClient(t *testing.T) {
	p := startProduct(t)
	c := lambda.NewFromConfig(p.AWSConfig(), func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("local-Child")})
	if err != nil || out.StatusCode != 200 || string(out.Payload) != `{"endpoint":"","greeting":"hello"}` || *out.ExecutedVersion != "$LATEST" {
		t.Errorf("%+v, %v", out, err)
	}
	out, err = c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("arn:aws:lambda:us-east-1:000000000000:function:local-Echo"), Payload: []byte(`{"body":1}`)})
	if err != nil || aws.ToString(out.FunctionError) != "Unhandled" || !strings.Contains(string(out.Payload), `"errorMessage":"interface conversion`) {
		t.Errorf("%+v %s, %v", out, out.Payload, err)
	}
	out, err = c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("local-Sweep"), InvocationType: "Event", Payload: []byte(`{"by":"hand"}`)})
	if err != nil || out.StatusCode != 202 {
		t.Errorf("%+v, %v", out, err)
	}
	if e := <-p.swept; string(e) != `{"by":"hand"}` {
		t.Errorf("event %s", e)
	}
	if out, err = c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("local-Sweep"), InvocationType: "DryRun"}); err != nil || out.StatusCode != 204 {
		t.Errorf("%+v, %v", out, err)
	}
	_, err = c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("nobody")})
	var absent *lambdatypes.ResourceNotFoundException
	if !errors.As(err, &absent) || !strings.Contains(err.Error(), "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody") {
		t.Errorf("unknown function: %v", err)
	}

}

// TestRestart: state and credentials stay; Start provisions again without harm.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	onDisk := func(c *Config) { c.DataDir = dir }
	p := startProduct(t, onDisk)
	q := sqs.NewFromConfig(p.AWSConfig())
	url := p.template.Queues[0].URL
	_, err := q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("stays"), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("d")})
	if err != nil {
		t.Fatal(err)
	}
	creds := p.Credentials()
	if _, err := Start(t.Context(), Config{DataDir: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second stack in the directory: %v, want ErrLocked", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, credentialsFile))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("credentials file: %v, %v", info, err)
	}
	// The template has changed meanwhile.
	p = startProduct(t, onDisk, func(c *Config) {
		c.Template = bytes.Replace(c.Template, []byte("VisibilityTimeout: 60"), []byte("VisibilityTimeout: 61"), 1)
	})
	if p.Credentials() != creds {
		t.Error("the credentials changed")
	}
	q = sqs.NewFromConfig(p.AWSConfig())
	url = p.template.Queues[0].URL
	out, err := q.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
	if err != nil || len(out.Messages) != 1 || *out.Messages[0].Body != "stays" {
		t.Errorf("%+v, %v", out, err)
	}
	attrs, err := q.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"VisibilityTimeout"}})
	if err != nil || attrs.Attributes["VisibilityTimeout"] != "61" {
		t.Errorf("attributes %v, %v", attrs, err)
	}
}

func TestStartErrors(t *testing.T) {
	source, err := os.ReadFile("testdata/stack.yaml")
	if err != nil {
		t.Fatal(err)
	}
	echo := FunctionCode{New: func(map[string]string) (Handler, error) { return nil, nil }}
	all := map[string]FunctionCode{"echo": echo, "sweep": echo, "child": echo}
	for _, tt := range []struct {
		c    Config
		want string
	}{
		{Config{Template: source}, "function Echo (functions/echo/) has no source"},
		{Config{Template: source, Functions: map[string]FunctionCode{"echo": {}, "sweep": echo, "child": echo}}, "either New or Command"},
		{Config{Template: source, Functions: map[string]FunctionCode{"echo": {Command: []string{"/x"}, Credentials: true}, "sweep": echo, "child": echo}}, "Addr must be set"},
		{Config{Template: source, Functions: all, Parameters: map[string]string{"No": "x"}}, "parameter No is not declared"},
		{Config{Template: []byte("x")}, "not a mapping"},
		{Config{Addr: "0.0.0.0:0"}, "not a loopback address"},
		{Config{Addr: "x"}, "the AWS edge's address"},
	} {
		s, err := Start(t.Context(), tt.c)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}

// TestResourcesOnly: tables, queues and buckets without the functions that use
// them, which run elsewhere.
func TestResourcesOnly(t *testing.T) {
	source, err := os.ReadFile("testdata/stack.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Config{Template: source, ResourcesOnly: true, StackName: "alone", Addr: "127.0.0.1:0"})
	if !strings.HasPrefix(s.Endpoint(), "http://127.0.0.1:") {
		t.Errorf("endpoint %s, which leads nowhere", s.Endpoint())
	}
	tables, err := dynamodb.NewFromConfig(s.AWSConfig()).ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil || len(tables.TableNames) == 0 || !strings.HasPrefix(tables.TableNames[0], "alone-") {
		t.Errorf("tables %v, %v", tables, err)
	}
	if len(s.gateways) > 0 || len(s.schedules) > 0 {
		t.Errorf("there is an API %v, and schedules %v", s.gateways, s.schedules)
	}
}

func TestHealth(t *testing.T) {
	s := start(t, Config{Addr: "127.0.0.1:0"})
	resp, err := http.Get(s.Endpoint() + "/_localstack/health")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var got struct{ Services map[string]string }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"sqs": "running", "s3": "running", "lambda": "running", "dynamodb": "running", "sts": "running"}
	if diff := cmp.Diff(want, got.Services); diff != "" {
		t.Error(diff)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error("closing again:", err)
	}
}
