package setup

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// throttled refuses as AWS does, and counts.
type throttled struct{ calls int }

func (t *throttled) RoundTrip(r *http.Request) (*http.Response, error) {
	t.calls++
	return &http.Response{
		StatusCode: http.StatusBadRequest, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:   io.NopCloser(strings.NewReader(`{"__type":"com.amazon.coral.availability#ThrottlingException","message":"Rate exceeded"}`)),
	}, nil
}

// TestPatience: five attempts, unless the configuration says otherwise.
func TestPatience(t *testing.T) {
	at := patient(aws.Config{}).Retryer()
	if n := at.MaxAttempts(); n != 5 {
		t.Errorf("%d attempts", n)
	}
	if d, err := at.RetryDelay(4, nil); err != nil || d > time.Second {
		t.Errorf("a delay of %v, %v", d, err)
	}
	for _, tt := range []struct {
		cfg   aws.Config
		calls int
	}{
		{aws.Config{RetryMaxAttempts: 1}, 1},
		{aws.Config{Retryer: func() aws.Retryer { return quick(5) }}, 5},
		{aws.Config{Retryer: func() aws.Retryer { return quick(2) }}, 2},
	} {
		server := &throttled{}
		cfg := tt.cfg
		cfg.Region, cfg.Credentials = "us-east-1", credentials.NewStaticCredentialsProvider("id", "secret", "")
		cfg.HTTPClient = &http.Client{Transport: server}
		_, err := sqs.NewFromConfig(patient(cfg)).ListQueues(t.Context(), &sqs.ListQueuesInput{})
		if err == nil || server.calls != tt.calls {
			t.Errorf("%d attempts, want %d: %v", server.calls, tt.calls, err)
		}
	}
}

// cutting ends the answers to its first requests in the middle of their bodies.
type cutting struct{ left int }

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	body := io.Reader(strings.NewReader(`{"QueueUrls":["u"]}`))
	if c.left > 0 {
		c.left--
		body = io.MultiReader(strings.NewReader(`{"QueueU`), cut{})
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(body),
	}, nil
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestCutAnswer: the SDK by itself gives up where an answer ends in its middle.
func TestCutAnswer(t *testing.T) {
	cfg := aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient: &http.Client{Transport: &cutting{left: 2}},
	}
	out, err := sqs.NewFromConfig(patient(cfg)).ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if err != nil || len(out.QueueUrls) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

func quick(n int) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = n
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
}
