package template

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var options = Options{StackName: "shop", Region: "eu-west-1", Account: "000000000000", Endpoint: "http://127.0.0.1:4566"}

func parseSample(t *testing.T, parameters map[string]string) *Template {
	t.Helper()
	source, err := os.ReadFile("testdata/sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	o := options
	o.Parameters = parameters
	tmpl, err := Parse(source, o)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestSample(t *testing.T) {
	got := parseSample(t, nil)
	one := 1
	apiID := got.APIs[0].ID
	globals := func(own map[string]string) map[string]string {
		env := map[string]string{
			"TABLE_JOBS": "shop-Jobs", "QUEUE_URL": "http://127.0.0.1:4566/000000000000/shop-Queue.fifo",
			"BUCKET": "shop-bucket-000000000000", "HOLD": "20", "MODE": "test", "AWS_ENDPOINT_URL": "",
		}
		maps.Copy(env, own)
		return env
	}
	want := &Template{
		StackName: "shop",
		APIs: []API{{
			LogicalID: "Api", ID: apiID,
			CORS: &CORS{
				AllowOrigins: []string{"https://a.example", "https://b.example"}, AllowMethods: []string{"GET", "POST"},
				AllowHeaders: []string{"authorization", "content-type"}, MaxAge: 10 * time.Minute,
			},
			Routes: []Route{
				{Method: "ANY", Path: "/api/{proxy+}", Function: "shop-Create", Timeout: 5 * time.Second},
				{Method: "POST", Path: "/api/jobs/{id}", Function: "shop-Create", Timeout: 30 * time.Second},
				{Path: "$default", Function: "shop-Create", Timeout: 30 * time.Second},
			},
		}},
		Functions: []Function{
			{
				LogicalID: "Create", Name: "shop-Create", ARN: "arn:aws:lambda:eu-west-1:000000000000:function:shop-Create",
				CodeURI: "functions/jobs-create/", Handler: "bootstrap", Timeout: 30 * time.Second, MemoryMB: 128,
				Environment: globals(map[string]string{
					"MODE":   "own",
					"ARN":    "arn:aws:sqs:eu-west-1:000000000000:shop-Queue.fifo|eu-west-1|${literal}|" + apiID,
					"JOINED": "a-shop-y",
				}),
			},
			{
				LogicalID: "Sweep", Name: "shop-sweeper", ARN: "arn:aws:lambda:eu-west-1:000000000000:function:shop-sweeper",
				CodeURI: "functions/sweep/", Handler: "bootstrap", Timeout: 55 * time.Second, MemoryMB: 128,
				Reserved: &one, Environment: globals(nil),
				Schedules: []Schedule{
					{ID: "SweepHours", Name: "SweepHours", V2: true, Every: 2 * time.Hour, Input: `{"full":true}`},
					{ID: "SweepMinute", Name: "SweepMinute", Every: time.Minute},
				},
			},
		},
		Tables: []Table{{
			LogicalID: "Jobs", Name: "shop-Jobs", BillingMode: "PAY_PER_REQUEST", TTLAttribute: "ttl",
			Attributes: []Attribute{{"pk", "S"}, {"sk", "S"}, {"due", "N"}},
			Key:        []KeyPart{{"pk", "HASH"}, {"sk", "RANGE"}},
			Global: []Index{{
				Name: "due", Key: []KeyPart{{"sk", "HASH"}, {"due", "RANGE"}},
				Projection: "INCLUDE", Include: []string{"queue", "status"},
			}},
		}},
		Queues: []Queue{
			{
				LogicalID: "Queue", Name: "shop-Queue.fifo", URL: "http://127.0.0.1:4566/000000000000/shop-Queue.fifo",
				Attributes: map[string]string{
					"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId",
					"VisibilityTimeout": "900", "MessageRetentionPeriod": "1209600",
					"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:shop-dead.fifo","maxReceiveCount":5}`,
				},
				Tags: map[string]string{"app": "sample"},
			},
			{
				LogicalID: "Dead", Name: "shop-dead.fifo", URL: "http://127.0.0.1:4566/000000000000/shop-dead.fifo",
				Attributes: map[string]string{"FifoQueue": "true"}, Tags: map[string]string{},
			},
		},
		Buckets: []Bucket{{
			LogicalID: "Bucket", Name: "shop-bucket-000000000000",
			Lifecycle: []LifecycleRule{
				{ID: "uploads", Enabled: true, Prefix: "uploads/", ExpirationDays: 30},
				{ID: "parts", Enabled: true, AbortDays: 1},
			},
			CORS: []CORSRule{{
				AllowedOrigins: []string{"*"}, AllowedMethods: []string{"GET", "PUT"}, AllowedHeaders: []string{"*"},
				ExposedHeaders: []string{"ETag"}, MaxAgeSeconds: 300,
			}},
		}},
		Outputs: map[string]string{
			"Endpoint": "https://" + apiID + ".execute-api.eu-west-1.amazonaws.com",
			"QueueUrl": "http://127.0.0.1:4566/000000000000/shop-Queue.fifo",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(apiID) != 10 {
		t.Errorf("API ID %q: want 10 characters", apiID)
	}
}

func TestSampleOverrides(t *testing.T) {
	got := parseSample(t, map[string]string{"Stage": "prod", "DirectMode": "true"})
	if n := len(got.Functions); n != 3 {
		t.Fatalf("%d functions, want 3: the condition holds", n)
	}
	if f := got.Functions[1]; f.MemoryMB != 512 || !f.Schedules[1].Disabled || f.Environment["MODE"] != "live" {
		t.Errorf("sweep = %+v", f)
	}
	if got.Outputs["Direct"] != "arn:aws:lambda:eu-west-1:000000000000:function:shop-DirectFunction" {
		t.Errorf("outputs = %v", got.Outputs)
	}
}

// TestRefusals: what can't be provided is an error, and never ignored.
func TestRefusals(t *testing.T) {
	const function = "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      "
	const queue = "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      "
	const bucket = "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      "
	tests := []struct{ name, source, want string }{
		{"type", "Resources: {T: {Type: AWS::RDS::DBInstance}}", "resource T (line 1): type AWS::RDS::DBInstance is not supported"},
		{"section", "Rules: {}\nResources: {}", "section Rules is not supported"},
		{"transform", "Transform: AWS::Include\nResources: {}", `transform "AWS::Include" is not supported`},
		{"no transform", "Resources: {F: {Type: AWS::Serverless::Function}}", "needs Transform: AWS::Serverless-2016-10-31"},
		{"globals", "Globals: {Api: {}}\nResources: {}", "Globals.Api is not supported"},
		{"property", function + "FunctionUrlConfig: {AuthType: NONE}", "FunctionUrlConfig is not supported"},
		{"nested property", bucket + "LifecycleConfiguration: {Rules: [{Status: Enabled, TagFilters: [{Key: a}]}]}", "LifecycleConfiguration.Rules[0].TagFilters is not supported"},
		{"event type", function + "Events: {E: {Type: SQS}}", `Events.E.Type "SQS" is not supported`},
		{"cron", function + "Events: {E: {Type: Schedule, Properties: {Schedule: 'cron(0 1 * * ? *)'}}}", "only rate("},
		{"rate unit", function + "Events: {E: {Type: Schedule, Properties: {Schedule: rate(1 minutes)}}}", "in the plural if"},
		{"payload 1.0", function + "Events: {E: {Type: HttpApi, Properties: {Path: /, Method: GET, PayloadFormatVersion: '1.0'}}}", "only 2.0"},
		{"route auth", function + "Events: {E: {Type: HttpApi, Properties: {Path: /, Method: GET, Auth: {}}}}", "Events.E.Properties.Auth is not supported"},
		{"foreign API", function + "Events: {E: {Type: HttpApi, Properties: {Path: /, Method: GET, ApiId: abc}}}", `"abc" is no API of this template`},
		{"route twice", function + "Events: {E: {Type: HttpApi, Properties: {Path: /, Method: GET}}, G: {Type: HttpApi, Properties: {Path: /, Method: get}}}", "is the route of"},
		{"timeout", function + "Timeout: 901", "not between 1 and 900"},
		{"function", queue + "QueueName: !ImportValue x", "ImportValue: this function is not supported"},
		{"unknown ref", queue + "QueueName: !Ref Nobody", "Nobody is neither a parameter nor a resource"},
		{"unknown attribute", queue + "QueueName: !GetAtt R.StreamArn\n  R: {Type: AWS::SQS::Queue}", "attribute StreamArn of R"},
		{"cycle", queue + "QueueName: !GetAtt Q.QueueName", "refers to itself"},
		{"missing condition", "Resources: {Q: {Type: AWS::SQS::Queue, Condition: C}}", "condition C is not declared"},
		{"condition cycle", "Conditions: {C: !Not [!Condition C]}\nResources: {Q: {Type: AWS::SQS::Queue, Condition: C}}", "condition C refers to itself"},
		{"false condition", "Conditions: {C: !Equals [a, b]}\n" + queue + "QueueName: !Ref R\n  R: {Type: AWS::SQS::Queue, Condition: C}", "its condition C is false"},
		{"merge key", queue + "<<: {a: b}", "merge keys are not supported"},
		{"versioning", bucket + "VersioningConfiguration: {Status: Enabled}", "VersioningConfiguration is not supported"},
		{"stream", "Resources:\n  T:\n    Type: AWS::DynamoDB::Table\n    Properties: {AttributeDefinitions: [{AttributeName: a, AttributeType: S}], KeySchema: [{AttributeName: a, KeyType: HASH}], StreamSpecification: {}}", "StreamSpecification is not supported"},
		{"websocket", "Resources: {A: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET}}}", `ProtocolType "WEBSOCKET" is not supported`},
		{"API by OpenAPI", "Resources: {A: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP, Body: {}}}}", "Body is not supported"},
		{"named stage", plain("StageName: prod", "", ""), `StageName "prod" is not supported`},
		{"manual deployments", plain("AutoDeploy: false", "", ""), "AutoDeploy must be true"},
		{"subtype", plain("", "IntegrationSubtype: Kinesis-PutRecord", ""), `IntegrationSubtype "Kinesis-PutRecord" is not supported`},
		{"service parameter", plain("", "RequestParameters: {QueueUrl: q, MessageBody: b, MessageAttributes: a}", ""), "RequestParameters.MessageAttributes is not supported for SQS-SendMessage"},
		{"service parameter missing", plain("", "RequestParameters: {QueueUrl: q}", ""), "RequestParameters.MessageBody is required for SQS-SendMessage"},
		{"plain route key", plain("", "", "RouteKey: BREW /pot"), `RouteKey "BREW /pot" is no METHOD /path`},
		{"plain route auth", plain("", "", "AuthorizationType: JWT"), `AuthorizationType "JWT" is not supported`},
		{"plain route target", plain("", "", "Target: integrations/other"), "Target is no integration of its API"},
		{"plain route API", plain("", "", "ApiId: other"), `ApiId "other" is no API of this template`},
		{"alias bomb", "Resources: {Q: {Type: AWS::SQS::Queue, Properties: &a {QueueName: [*a]}}}", "nested too deeply"},
		{"alias bomb, doubling", "Resources: {Q: {Type: AWS::SQS::Queue, Properties: &a {QueueName: [*a, *a]}}}", "nested too deeply"},
		{"alias bomb, flat", bomb(), "its aliases make it so"},
		{"empty", "Resources: {}", "no Resources"},
		{"not yaml", "{", "parse the template"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.source), options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// plain returns a template with an HTTP API in plain CloudFormation, in which POST
// /ring sends a message. Each argument replaces one property of a resource.
func plain(stage, integration, route string) string {
	properties := func(typ, other string, all ...string) string {
		name, _, _ := strings.Cut(other, ":")
		out := "    Type: AWS::ApiGatewayV2::" + typ + "\n    Properties:\n"
		for _, p := range append(all, other) {
			if n, _, _ := strings.Cut(p, ":"); p != "" && (n != name || p == other) {
				out += "      " + p + "\n"
			}
		}
		return out
	}
	return "Resources:\n" +
		"  R:\n" + properties("Route", route, "ApiId: !Ref A", "RouteKey: POST /ring", "Target: !Sub integrations/${I}") +
		"  I:\n" + properties("Integration", integration, "ApiId: !Ref A", "IntegrationType: AWS_PROXY", "IntegrationSubtype: SQS-SendMessage",
		"PayloadFormatVersion: '1.0'", "CredentialsArn: arn:aws:iam::000000000000:role/r", "TimeoutInMillis: 5000",
		"RequestParameters: {QueueUrl: !Ref Q, MessageBody: $request.body, DelaySeconds: '0'}") +
		"  S:\n" + properties("Stage", stage, "ApiId: !Ref A", "StageName: $default", "AutoDeploy: true", "DefaultRouteSettings: {ThrottlingRateLimit: 5}") +
		"  A:\n" + properties("Api", "", "ProtocolType: HTTP", "Name: bell") +
		"  Q:\n    Type: AWS::SQS::Queue\n"
}

// TestServiceIntegration: a route to SQS without a function.
func TestServiceIntegration(t *testing.T) {
	got, err := Parse([]byte(plain("", "", "")), options)
	if err != nil {
		t.Fatal(err)
	}
	want := []Route{{
		Method: "POST", Path: "/ring", Timeout: 5 * time.Second,
		Service: &Service{Subtype: "SQS-SendMessage", Parameters: map[string]string{
			"QueueUrl": "http://127.0.0.1:4566/000000000000/shop-Q", "MessageBody": "$request.body", "DelaySeconds": "0",
		}},
	}}
	if len(got.APIs) != 1 || got.APIs[0].LogicalID != "A" {
		t.Fatalf("APIs %+v", got.APIs)
	}
	if diff := cmp.Diff(want, got.APIs[0].Routes); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	noStage := strings.Replace(plain("", "", ""), "  S:\n", "  S:\n    Condition: Never\n", 1)
	if _, err := Parse([]byte("Conditions: {Never: !Equals [a, b]}\n"+noStage), options); err == nil || !strings.Contains(err.Error(), "its API has no stage") {
		t.Errorf("without a stage: %v", err)
	}
}

// bomb returns a template of 30 levels, each of which has the previous one twice.
func bomb() string {
	var b strings.Builder
	b.WriteString("Metadata:\n  a0: &a0 x\n")
	for i := range 30 {
		fmt.Fprintf(&b, "  a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	return b.String() + "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: *a30}}}"
}

func TestParameters(t *testing.T) {
	const head = "Resources: {Q: {Type: AWS::SQS::Queue}}\nParameters:\n  P: "
	tests := []struct {
		name, declaration, value, want string
	}{
		{"allowed value", "{Type: String, AllowedValues: [a, b]}", "c", `"c" is not one of AllowedValues`},
		{"pattern", "{Type: String, AllowedPattern: '[a-z]+'}", "a1", "doesn't match"},
		{"number", "{Type: Number}", "x", "is not a number"},
		{"least", "{Type: Number, MinValue: 5}", "4", "under MinValue 5"},
		{"most", "{Type: Number, MaxValue: 5}", "6", "over MaxValue 5"},
		{"length", "{Type: String, MinLength: 2}", "x", "under MinLength 2"},
		{"type", "{Type: 'AWS::SSM::Parameter::Value<String>'}", "x", "is not supported"},
		{"fine", "{Type: 'List<Number>', MaxValue: 3}", "1, 2,3", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options
			o.Parameters = map[string]string{"P": tt.value}
			_, err := Parse([]byte(head+tt.declaration), o)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	o := options
	o.Parameters = map[string]string{"Typo": "x"}
	if _, err := Parse([]byte("Resources: {Q: {Type: AWS::SQS::Queue}}"), o); err == nil || !strings.Contains(err.Error(), "Typo is not declared") {
		t.Errorf("undeclared override: %v", err)
	}
	if _, err := Parse([]byte(head+"{Type: String}"), options); err == nil || !strings.Contains(err.Error(), "no value and no default") {
		t.Errorf("parameter without a value: %v", err)
	}
}
