package localstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	awslambda "github.com/aws/aws-lambda-go/lambda"
)

// failing is a template of functions of these names, at /NAME each.
func failing(names ...string) []byte {
	var b strings.Builder
	b.WriteString("Transform: AWS::Serverless-2016-10-31\nResources:\n")
	for _, n := range names {
		fmt.Fprintf(&b, "  %s: {Type: AWS::Serverless::Function, Properties: {CodeUri: %s/, Timeout: 1, Events: {Any: {Type: HttpApi, Properties: {Method: ANY, Path: /%s}}}}}\n", n, n, n)
	}
	return []byte(b.String())
}

// TestFunctionFailures: whatever ends a function, the caller of an HTTP API hears
// of a 500, and of nothing else: docs/gateway.md has the sources.
func TestFunctionFailures(t *testing.T) {
	handler := func(f any) FunctionCode {
		return FunctionCode{New: func(map[string]string) (Handler, error) { return awslambda.NewHandler(f), nil }}
	}
	functions := map[string]FunctionCode{
		"Panic":  handler(func() error { panic("the cause, which stays inside") }),
		"Error":  handler(func() error { return errors.New("the cause, which stays inside") }),
		"Slow":   handler(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }),
		"Large":  handler(func() (string, error) { return strings.Repeat("x", 6<<20+101), nil }),
		"Start":  {New: func(map[string]string) (Handler, error) { return nil, errors.New("the cause, which stays inside") }},
		"Crash":  {Command: []string{os.Args[0], "-test.list=^none$"}}, // exits before it asks for work
		"Absent": {Command: []string{"/nowhere/bootstrap"}},
	}
	names := []string{"Panic", "Error", "Slow", "Large", "Start", "Crash", "Absent"}
	s := start(t, Config{Template: failing(names...), Functions: functions, Logf: t.Logf})
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			code, body := get(t, s.API(APIOptions{}), httptest.NewRequest("GET", "/"+name, nil))
			if code != 500 || body != `{"message":"Internal Server Error"}` {
				t.Errorf("%d %s", code, body)
			}
		})
	}
}

// TestRefusedInvocations: an event over Lambda's 6 MB is a 413, though the body
// is below API Gateway's 10; a function whose share of the concurrency is used
// up is a 500.
func TestRefusedInvocations(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	wait := func() { entered <- struct{}{}; <-leave }
	s := start(t, Config{
		Template: failing("Busy"), Logf: t.Logf, Concurrency: 1,
		Functions: map[string]FunctionCode{"Busy": {New: func(map[string]string) (Handler, error) { return awslambda.NewHandler(wait), nil }}},
	})
	api := s.API(APIOptions{})
	large := httptest.NewRequest("POST", "/Busy", bytes.NewReader(make([]byte, 6<<20)))
	if code, body := get(t, api, large); code != 413 || body != `{"message":"Request Entity Too Large"}` {
		t.Errorf("a large event: %d %s", code, body)
	}
	first := make(chan int)
	go func() {
		code, _ := get(t, api, httptest.NewRequest("GET", "/Busy", nil))
		first <- code
	}()
	<-entered
	if code, body := get(t, api, httptest.NewRequest("GET", "/Busy", nil)); code != 500 || body != `{"message":"Internal Server Error"}` {
		t.Errorf("one too many: %d %s", code, body)
	}
	close(leave)
	if code := <-first; code != 200 {
		t.Errorf("the first: %d", code)
	}
}
