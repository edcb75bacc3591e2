package localstack

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// TestWrongKey: every service refuses a key that isn't the stack's, with the
// error that its SDK knows, and nothing is counted.
func TestWrongKey(t *testing.T) {
	s := start(t, Config{})
	c := s.AWSConfig()
	c.Credentials = credentials.NewStaticCredentialsProvider("AKIAWRONG", "x", "")
	c.RetryMaxAttempts = 1
	ctx := t.Context()
	_, sqsErr := sqs.NewFromConfig(c).ListQueues(ctx, &sqs.ListQueuesInput{})
	_, dynamoErr := dynamodb.NewFromConfig(c).ListTables(ctx, &dynamodb.ListTablesInput{})
	_, s3Err := s3.NewFromConfig(c).ListBuckets(ctx, &s3.ListBucketsInput{})
	_, lambdaErr := lambda.NewFromConfig(c).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	for _, tt := range []struct {
		service string
		err     error
		code    string
	}{
		{"sqs", sqsErr, "UnrecognizedClientException"}, {"dynamodb", dynamoErr, "UnrecognizedClientException"},
		{"s3", s3Err, "InvalidAccessKeyId"}, {"lambda", lambdaErr, "UnrecognizedClientException"},
	} {
		var e smithy.APIError
		if !errors.As(tt.err, &e) || e.ErrorCode() != tt.code {
			t.Errorf("%s: %v, want %s", tt.service, tt.err, tt.code)
		}
	}
	if u := s.Usage(); len(u) != 0 {
		t.Errorf("refused calls were counted: %v", u)
	}
}

func TestEdgeUnsigned(t *testing.T) {
	locked, open := start(t, Config{}), start(t, Config{NoAuth: true})
	if err := locked.services.s3.CreateBucket("bucket", "us-east-1"); err != nil {
		t.Fatal(err)
	}
	list := func(origin string) *http.Request {
		r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
		r.Header.Set("X-Amz-Target", "AmazonSQS.ListQueues")
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		return r
	}
	for _, tt := range []struct {
		name string
		s    *Stack
		r    *http.Request
		code int
	}{
		{"locked", locked, list(""), 403},
		{"locked, S3", locked, httptest.NewRequest("GET", "/b/k", nil), 403},
		{"locked, form", locked, form(), 403},
		{"locked, health", locked, httptest.NewRequest("GET", healthPath, nil), 200},
		{"open", open, list(""), 200},
		{"open, loopback page", open, list("http://localhost:3000"), 200},
		{"open, foreign page", open, list("https://evil.example"), 403},
		{"open, named like loopback", open, list("http://localhost.evil.example"), 403},
		{"open, STS", open, signedFor("sts", "Action=GetCallerIdentity"), 200},
		{"open, other service", open, signedFor("iam", "Action=ListUsers"), 501},
	} {
		if code, body := get(t, tt.s.Edge(), tt.r); code != tt.code {
			t.Errorf("%s: %d %s, want %d", tt.name, code, body, tt.code)
		}
	}
}

// form is an upload whose permission would stand in its body, and doesn't.
func form() *http.Request {
	body := "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n"
	r := httptest.NewRequest("POST", "/bucket", strings.NewReader(body))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	return r
}

// signedFor is a request in the query protocol, with a signature in the scope of the
// service that isn't valid.
func signedFor(service, body string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/20261124/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

// TestUnsignedRegion: with no signature, a queue's URL says where it is.
func TestUnsignedRegion(t *testing.T) {
	s := start(t, Config{NoAuth: true})
	c := s.AWSConfig()
	c.Region = "eu-west-1"
	made, err := sqs.NewFromConfig(c).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	for url, status := range map[string]int{*made.QueueUrl: 200, s.Endpoint() + "/000000000000/q": 400} {
		w := httptest.NewRecorder()
		s.Edge().ServeHTTP(w, httptest.NewRequest("GET", url+"?Action=GetQueueAttributes", nil))
		if w.Code != status {
			t.Errorf("%s: %d %s", url, w.Code, w.Body)
		}
	}
}

// TestStandalone: a stack with no template serves plain SDK clients, in memory.
func TestStandalone(t *testing.T) {
	s := start(t, Config{Region: "eu-central-1"})
	q := sqs.NewFromConfig(s.AWSConfig())
	made, err := q.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil || !strings.HasPrefix(*made.QueueUrl, s.Endpoint()+"/") {
		t.Fatalf("%+v, %v", made, err)
	}
	b := s3.NewFromConfig(s.AWSConfig())
	_, err = b.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("bucket"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("bucket"), Key: aws.String("k"), Body: strings.NewReader(strings.Repeat("x", 1<<20)),
	})
	if err != nil {
		t.Fatal(err)
	}
	head, err := b.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k")})
	if err != nil || *head.ContentLength != 1<<20 {
		t.Errorf("%+v, %v", head, err)
	}
}

// TestClockApart: clients keep working however far the stack's clock is from
// the machine's, which their signatures are timed by.
func TestClockApart(t *testing.T) {
	clk := NewManualClock(time.Now())
	s := start(t, Config{Clock: clk})
	clk.Advance(15 * 24 * time.Hour)
	c := s.AWSConfig()
	c.RetryMaxAttempts = 1
	if _, err := sqs.NewFromConfig(c).ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil {
		t.Error(err)
	}
	if _, err := s3.NewFromConfig(c).ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil {
		t.Error(err)
	}
}

// TestAddr: what a process elsewhere on the machine does with endpoint and key.
func TestAddr(t *testing.T) {
	s := start(t, Config{Addr: "127.0.0.1:0"})
	c := s.AWSConfig()
	client := &http.Client{Transport: &http.Transport{}}
	c.HTTPClient = client
	if _, err := dynamodb.NewFromConfig(c).ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
		t.Error(err)
	}
	client.CloseIdleConnections()
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := Start(b.Context(), Config{DataDir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// TestUnsignedDynamoDB: what is wrong with a request to DynamoDB is told before
// that it has no signature.
func TestUnsignedDynamoDB(t *testing.T) {
	s := start(t, Config{})
	for _, c := range []struct{ method, target, contentType, body, want string }{
		{"POST", "", "application/json", "hi", "400 SerializationException"},
		{"POST", "", "application/json", "{}", "400 UnknownOperationException"},
		{"POST", "DynamoDB_20120810.Nothing", "application/x-amz-json-1.0", "{}", "400 UnknownOperationException"},
		{"POST", "DynamoDB_20120810.ListTables", "application/x-amz-json-1.0", "{}", "400 MissingAuthenticationTokenException"},
		{"POST", "DynamoDB_20120810.ListTables", "application/json", "{}", "400 MissingAuthenticationTokenException"},
		{"POST", "DynamoDB_20120810.ListTables", "text/plain", "{}", "404 UnknownOperationException"},
		{"GET", "", "", "", "403 AccessDenied"}, // S3's
	} {
		r := httptest.NewRequest(c.method, "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		r.Header.Set("X-Amz-Target", c.target)
		w := httptest.NewRecorder()
		s.Edge().ServeHTTP(w, r)
		status, code, _ := strings.Cut(c.want, " ")
		if strconv.Itoa(w.Code) != status || !strings.Contains(w.Body.String(), code) {
			t.Errorf("%s %s %s: %d %s, want %s", c.method, c.target, c.contentType, w.Code, w.Body, c.want)
		}
	}
}
