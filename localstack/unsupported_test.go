package localstack

import (
	"encoding/xml"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// TestCallerIdentity: STS tells whose credentials a caller has, if they are the stack's,
// and refuses its other operations by name.
func TestCallerIdentity(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Region: "eu-central-1"})
	client := sts.NewFromConfig(s.AWSConfig())
	who, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *who.Account != Account || *who.Arn != "arn:aws:iam::000000000000:root" || *who.UserId != "000000000000" {
		t.Errorf("account %s, ARN %s, user ID %s", *who.Account, *who.Arn, *who.UserId)
	}
	presigned, err := sts.NewPresignClient(client).PresignGetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(presigned.Method, presigned.URL, nil)
	w := httptest.NewRecorder()
	if s.Edge().ServeHTTP(w, r); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<Account>000000000000</Account>") {
		t.Errorf("presigned: %d %s", w.Code, w.Body)
	}
	wantError(t, func() error {
		_, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/r"), RoleSessionName: aws.String("me")})
		return err
	}, "UnsupportedOperationException", "operation AssumeRole of service sts is not supported")
	for key, code := range map[string]string{s.Credentials().AccessKeyID: "SignatureDoesNotMatch", "AKIDOTHER": "InvalidClientTokenId"} {
		c := s.AWSConfig()
		c.Credentials = credentials.NewStaticCredentialsProvider(key, "wrong", "")
		wantError(t, func() error {
			_, err := sts.NewFromConfig(c).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			return err
		}, code, "")
	}
}

func wantError(t *testing.T, call func() error, code, message string) {
	t.Helper()
	var e smithy.APIError
	if err := call(); !errors.As(err, &e) || e.ErrorCode() != code || message != "" && e.ErrorMessage() != message {
		t.Errorf("%v, want %s: %s", err, code, message)
	}
}

// TestUnsupportedServices: a service that isn't there is refused in the protocol of the
// request, with its name and the operation's.
func TestUnsupportedServices(t *testing.T) {
	t.Parallel()
	s := start(t, Config{NoAuth: true})
	get := func(service, target string) *http.Request {
		r := signedFor(service, "")
		r.Method, r.Body, r.RequestURI = http.MethodGet, http.NoBody, target
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
		r.Header.Del("Content-Type")
		return r
	}
	json := signedFor("logs", "{}")
	json.Header.Set("X-Amz-Target", "Logs_20140328.DescribeLogGroups")
	json.Header.Set("Content-Type", "application/x-amz-json-1.1")
	cbor := signedFor("monitoring", "")
	cbor.URL.Path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
	cbor.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
	const message = "service iam is not supported: ListUsers"
	for name, c := range map[string]struct {
		r                 *http.Request
		contentType, want string
	}{
		"query":             {signedFor("iam", "Action=ListUsers&Version=2010-05-08"), "text/xml", "<ErrorResponse><Error><Type>Sender</Type><Code>UnsupportedOperationException</Code><Message>" + message + "</Message></Error><RequestId>"},
		"query in the URL":  {get("iam", "/?Action=ListUsers&Version=2010-05-08"), "text/xml", "<Message>" + message + "</Message>"},
		"query, no action":  {signedFor("cloudformation", "%zz"), "text/xml", "<Message>service cloudformation is not supported: Unknown</Message>"},
		"query, not a name": {signedFor("cloudformation", "Action=<x>"), "text/xml", "<Message>service cloudformation is not supported: Unknown</Message>"},
		"EC2":               {signedFor("ec2", "Action=RunInstances"), "text/xml", "<Response><Errors><Error><Code>UnsupportedOperationException</Code><Message>service ec2 is not supported: RunInstances</Message></Error></Errors><RequestID>"},
		"JSON":              {json, "application/x-amz-json-1.1", `{"__type":"UnsupportedOperationException","message":"service logs is not supported: DescribeLogGroups"}`},
		"CBOR":              {cbor, "application/cbor", "service monitoring is not supported: PutMetricData"},
		"REST JSON":         {get("apigateway", "/restapis"), "application/json", `"message":"service apigateway is not supported: GET /restapis"`},
		"REST XML":          {get("route53", "/2013-04-01/hostedzone"), "text/xml", "<Message>service route53 is not supported: GET /2013-04-01/hostedzone</Message>"},
		"STS":               {signedFor("sts", "Action=GetSessionToken"), "text/xml", `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>UnsupportedOperationException</Code><Message>operation GetSessionToken of service sts is not supported</Message>`},
	} {
		w := httptest.NewRecorder()
		s.Edge().ServeHTTP(w, c.r)
		if w.Code != http.StatusNotImplemented || w.Header().Get("Content-Type") != c.contentType || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s %s, want %s %s", name, w.Code, w.Header().Get("Content-Type"), w.Body, c.contentType, c.want)
		}
		if err := xml.Unmarshal(w.Body.Bytes(), new(struct{ XMLName xml.Name })); c.contentType == "text/xml" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
