package localstack

import (
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/errandhq/errand/localstack/internal/dynamodb/dynamodbwire"
)

// Usage is the use of an operation, in the units that AWS bills.
type Usage struct {
	Calls int64
	// ReadUnits and WriteUnits are DynamoDB's.
	ReadUnits, WriteUnits float64
}

// usage counts by "service.Operation".
type usage struct {
	mu sync.Mutex
	by map[string]Usage
}

func (u *usage) add(operation string, more Usage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.by == nil {
		u.by = map[string]Usage{}
	}
	sum := u.by[operation]
	sum.Calls += more.Calls
	sum.ReadUnits += more.ReadUnits
	sum.WriteUnits += more.WriteUnits
	u.by[operation] = sum
}

// Usage returns the use of each operation since Start: "sqs.SendMessage",
// "dynamodb.PutItem", "s3.PutObject", "lambda.Invoke" (of any origin),
// "apigateway.Request". It doesn't count what Start does for the template.
func (s *Stack) Usage() map[string]Usage {
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	return maps.Clone(s.usage.by)
}

// counted counts the requests of a handler.
func (s *Stack) counted(service string, operation func(*http.Request) string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.usage.add(service+"."+operation(r), Usage{Calls: 1})
		h.ServeHTTP(w, r)
	})
}

// metered returns DynamoDB's handler with its calls and billed units counted.
func (s *Stack) metered() http.Handler {
	h := dynamodbwire.New(s.services.dynamodb, dynamodbwire.Options{Billed: func(operation string, units float64) {
		u := Usage{ReadUnits: units}
		if writes[operation] {
			u = Usage{WriteUnits: units}
		}
		s.usage.add("dynamodb."+operation, u)
	}})
	return s.counted("dynamodb", targetOperation, h)
}

// writes are the operations that are billed in write units.
var writes = map[string]bool{
	"PutItem": true, "UpdateItem": true, "DeleteItem": true, "BatchWriteItem": true, "TransactWriteItems": true,
}

// targetOperation returns the operation of a request in a JSON protocol.
func targetOperation(r *http.Request) string {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return cleanOperation(op)
}

// sqsOperation returns the operation of a request of SQS, and "Query" if it is in the
// body, which only the handler reads.
func sqsOperation(r *http.Request) string {
	if r.Header.Get("X-Amz-Target") != "" {
		return targetOperation(r)
	}
	if a := r.URL.Query().Get("Action"); a != "" {
		return cleanOperation(a)
	}
	return "Query"
}

// cleanOperation returns "Unknown" for a name that no operation can have: counters
// take memory as long as the stack runs, and any client can send any name.
func cleanOperation(op string) string {
	if op == "" || len(op) > 64 || strings.ContainsFunc(op, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		return "Unknown"
	}
	return op
}

type s3Request struct {
	object bool
	method string
	sub    string
}

// s3Operations are the operations that AWS bills separately.
var s3Operations = map[s3Request]string{
	{false, "PUT", ""}: "CreateBucket", {false, "HEAD", ""}: "HeadBucket", {false, "DELETE", ""}: "DeleteBucket",
	{false, "GET", ""}: "ListObjects", {false, "GET", "list-type"}: "ListObjectsV2",
	{false, "GET", "uploads"}: "ListMultipartUploads", {false, "POST", "delete"}: "DeleteObjects",
	{false, "POST", ""}: "PostObject",
	{true, "GET", ""}:   "GetObject", {true, "HEAD", ""}: "HeadObject", {true, "PUT", ""}: "PutObject",
	{true, "DELETE", ""}: "DeleteObject", {true, "POST", "uploads"}: "CreateMultipartUpload",
	{true, "PUT", "uploadId"}: "UploadPart", {true, "GET", "uploadId"}: "ListParts",
	{true, "POST", "uploadId"}: "CompleteMultipartUpload", {true, "DELETE", "uploadId"}: "AbortMultipartUpload",
}

func s3Operation(r *http.Request) string {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case bucket == "":
		return "ListBuckets"
	case r.Method == http.MethodOptions:
		return "Preflight"
	case r.Header.Get("X-Amz-Copy-Source") != "":
		return "CopyObject"
	}
	k := s3Request{object: key != "", method: r.Method}
	query := r.URL.Query()
	for _, sub := range []string{"uploadId", "uploads", "list-type", "delete"} {
		if query.Has(sub) {
			k.sub = sub
			break
		}
	}
	for _, sub := range []string{"lifecycle", "cors", "location", "versioning"} {
		if !k.object && query.Has(sub) {
			return "BucketConfiguration"
		}
	}
	if op, ok := s3Operations[k]; ok {
		return op
	}
	return "Unknown"
}
