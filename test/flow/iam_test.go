package flow

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// callLog notes what each function calls of AWS, as its role would have to grant
// it: by itself, and through the requests that it signs for others.
type callLog struct {
	mu    sync.Mutex
	calls map[string]map[string]bool
	// signers are the functions that signatures are of.
	signers map[string]string
}

func newCallLog() *callLog {
	return &callLog{calls: map[string]map[string]bool{}, signers: map[string]string{}}
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

// guard passes a function's calls on, and fails the test where its role doesn't
// grant one: the embedded stack grants everything, AWS what template.yaml says.
func (l *callLog) guard(t *testing.T, function string, next http.RoundTripper) http.RoundTripper {
	roles, err := templateRoles()
	if err != nil {
		t.Fatal(err)
	}
	allowed := roles.of(function).grants
	return transport(func(r *http.Request) (*http.Response, error) {
		body := bodyOf(r)
		l.noteSignatures(function, body) // an invocation carries them on
		resp, err := next.RoundTrip(r)
		calls := iamCalls(r, body, resp)
		l.add(function, calls...)
		for _, c := range calls {
			if !slices.Contains(allowed, c) {
				t.Errorf("%s calls %s, which its role doesn't grant", function, c)
			}
		}
		return resp, err
	})
}

// signature is one in the query of a URL or among the fields of a form.
var signature = regexp.MustCompile(`X-Amz-Signature(?:=|":")([0-9a-f]{64})`)

// noteSignatures notes which function made the signatures in a text. Two functions
// that sign the same request in the same second make the same signature.
func (l *callLog) noteSignatures(function, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range signature.FindAllStringSubmatch(text, -1) {
		l.signers[m[1]] = function
	}
}

// observeAPI passes on what clients send to the API's address: from a function's
// answers it learns which signatures are whose, and a request that bears one is
// a call of the function that signed it.
func (l *callLog) observeAPI(t *testing.T, function func(*http.Request) string, next http.RoundTripper) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		sent := bodyOf(r)
		resp, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body))
		if name := function(r); name != "" {
			l.noteSignatures(name, string(body))
			return resp, err
		}
		by, call := l.signed(r, sent)
		if by == "" || resp.StatusCode >= 300 {
			t.Errorf("%s %s, signed by %q: HTTP %d %s", r.Method, r.URL.Path, by, resp.StatusCode, body)
		}
		l.add(by, call)
		return resp, err
	})
}

var formField = regexp.MustCompile(`name="(key|X-Amz-Signature)"\r\n\r\n([^\r]*)\r\n`)

// signed says who signed a request for an object, and what that needs.
func (l *callLog) signed(r *http.Request, body string) (function, call string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Method != http.MethodPost {
		return l.signers[r.URL.Query().Get("X-Amz-Signature")], objectCall(r.Method, r.URL.Path)
	}
	fields := map[string]string{}
	for _, m := range formField.FindAllStringSubmatch(body, -1) {
		fields[m[1]] = m[2]
	}
	return l.signers[fields["X-Amz-Signature"]], objectCall(r.Method, r.URL.Path+"/"+fields["key"])
}

// iamCalls are the actions and the resources, by the template's names, that a
// request needs. Sources: the services' pages of the Service Authorization
// Reference; "HeadObject", Amazon S3 API Reference, for what isn't there.
func iamCalls(r *http.Request, body string, resp *http.Response) []string {
	service, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	path, q := r.URL.Path, r.URL.Query()
	switch {
	case service == "AmazonSQS":
		return []string{"sqs:" + strings.TrimSuffix(op, "Batch") + " " + queueOf(body)} // one action is for both
	case strings.HasPrefix(service, "DynamoDB"):
		return []string{"dynamodb:" + op + " " + tableOf(body)}
	case strings.HasSuffix(path, "/invocations"):
		name := strings.Split(strings.Trim(path, "/"), "/")[2]
		return []string{"lambda:InvokeFunction function:" + strings.TrimPrefix(name, "local-")}
	case q.Has("list-type"):
		return []string{"s3:ListBucket Bucket"}
	}
	calls := []string{objectCall(r.Method, path)}
	if resp != nil && resp.StatusCode == http.StatusNotFound { // else S3 would answer 403
		calls = append(calls, "s3:ListBucket Bucket")
	}
	return calls
}

// objectCall is what a request for /BUCKET/PREFIX/… needs.
func objectCall(method, path string) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	first, _, _ := strings.Cut(strings.TrimPrefix(key, "/"), "/")
	action := "s3:PutObject"
	if method == http.MethodGet || method == http.MethodHead {
		action = "s3:GetObject"
	}
	return action + " Bucket/" + first + "/*"
}

// queueOf is the queue that an SQS request is for.
func queueOf(body string) string {
	var in struct{ QueueUrl, QueueName string }
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		return err.Error()
	}
	if strings.Contains(in.QueueUrl+in.QueueName, "-q-") { // people made it
		return "queue:q-*"
	}
	return strings.TrimSuffix(in.QueueUrl[strings.LastIndexByte(in.QueueUrl, '-')+1:], ".fifo")
}

// tableOf is the table, or the index, that a DynamoDB request is for.
func tableOf(body string) string {
	var in struct {
		TableName, IndexName string
		RequestItems         map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(body), &in); err != nil {
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

// bodyOf is a request's body, which stays there.
func bodyOf(r *http.Request) string {
	if r.Body == nil {
		return ""
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return err.Error()
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
