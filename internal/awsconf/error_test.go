package awsconf

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestFailed: an operator reads what the service answered, or why there is no answer, and
// what to do about it.
func TestFailed(t *testing.T) {
	t.Parallel()
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	noKeys := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("there are none")
	})
	gone := httptest.NewServer(nil)
	gone.Close()
	table := func(url string, keys aws.CredentialsProvider) error {
		c := dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &url, Credentials: keys, RetryMaxAttempts: 1})
		_, err := c.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("T")})
		return err
	}
	answer := func(code, message string) error { return table(answers(t, code, message), keys) }
	bucket := func(status int) error {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(srv.Close)
		c := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: &srv.URL, UsePathStyle: true, Credentials: keys, RetryMaxAttempts: 1})
		_, err := c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("b")})
		return err
	}
	for name, tt := range map[string]struct {
		err        error
		want, hint string
		missing    bool
	}{
		"no table":       {answer("ResourceNotFoundException", "no T"), "find it: ResourceNotFoundException: no T", "", true},
		"no bucket":      {bucket(http.StatusNotFound), "find it: NotFound", "", true},
		"other bucket":   {bucket(http.StatusForbidden), "find it: Forbidden", "AWS_SECRET_ACCESS_KEY", false},
		"wrong key":      {answer("InvalidSignatureException", "other"), "find it: InvalidSignatureException: other", "AWS_SECRET_ACCESS_KEY", false},
		"not permitted":  {answer("AccessDeniedException", "no"), "find it: AccessDeniedException: no", "what they permit", false},
		"out of service": {answer("InternalServerError", "oh"), "find it: InternalServerError: oh", "", false},
		"unreachable":    {table(gone.URL, keys), `find it: no answer: Post "` + gone.URL, "AWS_ENDPOINT_URL_DYNAMODB", false},
		"no keys":        {table(gone.URL, noKeys), "there are none", "set AWS_ACCESS_KEY_ID", false},
		"part of it":     {Failed("its index", answer("AccessDeniedException", "no")), "find it: its index: AccessDeniedException: no", "what they permit", false},
	} {
		err := Failed("find it", tt.err)
		if tt.err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
		if hint := Hint(err); !strings.Contains(hint, tt.hint) || (hint == "") != (tt.hint == "") || IsMissing(err) != tt.missing {
			t.Errorf("%s: hint %q, missing %v; want %q, %v", name, hint, IsMissing(err), tt.hint, tt.missing)
		}
	}
	if err := Failed("find it", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

// answers serves an error of DynamoDB.
func answers(t *testing.T, code, message string) (url string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":%q}`, code, message)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}
