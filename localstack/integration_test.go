package localstack_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand/localstack"
)

// mailbox is an HTTP API in front of a queue, with no function.
const mailbox = `
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: $default, AutoDeploy: true}}
  Send:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      {ApiId: !Ref Api, IntegrationType: AWS_PROXY, IntegrationSubtype: SQS-SendMessage, PayloadFormatVersion: "1.0",
      RequestParameters: {QueueUrl: !Ref Queue, MessageBody: "$request.body.text"}}
  SendRoute: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: POST /messages, Target: !Sub "integrations/${Send}"}}
  Receive:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      {ApiId: !Ref Api, IntegrationType: AWS_PROXY, IntegrationSubtype: SQS-ReceiveMessage, PayloadFormatVersion: "1.0",
      RequestParameters: {QueueUrl: !Ref Queue, WaitTimeSeconds: "20"}}
  ReceiveRoute: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: GET /messages, Target: !Sub "integrations/${Receive}"}}
  Delete:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      {ApiId: !Ref Api, IntegrationType: AWS_PROXY, IntegrationSubtype: SQS-DeleteMessage, PayloadFormatVersion: "1.0",
      RequestParameters: {QueueUrl: !Ref Queue, ReceiptHandle: "$request.querystring.handle"}}
  DeleteRoute: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: DELETE /messages, Target: !Sub "integrations/${Delete}"}}
`

func call(t *testing.T, h http.Handler, ctx context.Context, method, target, body string) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body)).WithContext(ctx)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(out), w.Header()
}

// TestServiceIntegration: messages through the API in SQS's own words, and
// counted as SQS's calls.
func TestServiceIntegration(t *testing.T) {
	s, err := localstack.Start(t.Context(), localstack.Config{Template: []byte(mailbox), Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, ctx := s.API(localstack.APIOptions{}), t.Context()

	text, _ := json.Marshal(map[string]string{"text": "a < b & ä"})
	status, body, header := call(t, h, ctx, "POST", "/messages", string(text))
	if status != 200 || !strings.Contains(body, "<SendMessageResponse xmlns=") || header.Get("Content-Type") != "text/xml" || header.Get("Apigw-Requestid") == "" {
		t.Errorf("send: %d %v %s", status, header, body)
	}
	status, body, _ = call(t, h, ctx, "GET", "/messages", "")
	if status != 200 || !strings.Contains(body, "<Body>a &lt; b &amp; ä</Body>") {
		t.Fatalf("receive: %d %s", status, body)
	}
	_, after, _ := strings.Cut(body, "<ReceiptHandle>")
	handle, _, _ := strings.Cut(after, "</ReceiptHandle>")
	if status, body, _ := call(t, h, ctx, "DELETE", "/messages?handle="+strings.ReplaceAll(handle, "+", "%2B"), ""); status != 200 {
		t.Errorf("delete: %d %s", status, body)
	}
	for _, bad := range []struct{ method, target, body, want string }{
		{"POST", "/messages", `{"other":1}`, "<Code>MissingParameter</Code>"},
		{"DELETE", "/messages", "", "<Code>MissingParameter</Code>"},
		{"DELETE", "/messages?handle=x", "", "<Code>ReceiptHandleIsInvalid</Code>"},
	} {
		if status, body, _ := call(t, h, ctx, bad.method, bad.target, bad.body); status < 400 || !strings.Contains(body, bad.want) {
			t.Errorf("%s %s %s: %d %s", bad.method, bad.target, bad.body, status, body)
		}
	}
	if status, body, _ := call(t, h, ctx, "GET", "/other", ""); status != 404 || body != `{"message":"Not Found"}` {
		t.Errorf("no route: %d %s", status, body)
	}
	u := s.Usage()
	if u["sqs.SendMessage"].Calls != 2 || u["sqs.ReceiveMessage"].Calls != 1 || u["sqs.DeleteMessage"].Calls != 3 || u["apigateway.Request"].Calls != 7 || u["lambda.Invoke"].Calls != 0 {
		t.Errorf("usage %v", u)
	}
}

// TestServiceIntegrationWaits: a receive is held, ends when a message comes, and
// takes none with it when its client goes.
func TestServiceIntegrationWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := localstack.Start(t.Context(), localstack.Config{Template: []byte(mailbox), Logf: t.Logf})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		h := s.API(localstack.APIOptions{})
		gone, leave := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			call(t, h, gone, "GET", "/messages", "")
		}()
		synctest.Wait()
		leave()
		<-left

		begin, got := time.Now(), make(chan string)
		go func() {
			_, body, _ := call(t, h, t.Context(), "GET", "/messages", "")
			got <- body
		}()
		time.Sleep(3 * time.Second)
		call(t, h, t.Context(), "POST", "/messages", `{"text":"now"}`)
		if body := <-got; !strings.Contains(body, "<Body>now</Body>") || time.Since(begin) != 3*time.Second {
			t.Errorf("after %s: %s", time.Since(begin), body)
		}
		begin = time.Now()
		if status, body, _ := call(t, h, t.Context(), "GET", "/messages", ""); status != 200 || strings.Contains(body, "<Message>") || time.Since(begin) != 20*time.Second {
			t.Errorf("an empty receive: %d after %s: %s", status, time.Since(begin), body)
		}
	})
}
