package dynamodbwire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkHandler is what the stack's own code costs for an operation: no
// client, no connection, no signature, no disk.
func BenchmarkHandler(b *testing.B) {
	record := strings.Repeat("state of a job; ", 16)
	put := `{"Item":{"pk":{"S":"%s"},"doc":{"S":"` + record + `"},"rev":{"N":"1"},"sk":{"S":"%d"}},"TableName":"jobs"}`
	for _, bm := range []struct {
		op   string
		body func(i int) string
	}{
		{"PutItem", func(i int) string { return fmt.Sprintf(put, fmt.Sprint("job-", i), i%10) }},
		{"GetItem", func(i int) string {
			return fmt.Sprintf(`{"ConsistentRead":true,"Key":{"pk":{"S":"p"},"sk":{"S":"%d"}},"TableName":"jobs"}`, i%10)
		}},
		{"UpdateItem", func(i int) string {
			return fmt.Sprintf(`{"ConditionExpression":"attribute_not_exists(rev) OR rev < :rev","ExpressionAttributeValues":{":doc":{"S":"%s"},":rev":{"N":"%d"}},"Key":{"pk":{"S":"own"},"sk":{"S":"1"}},"TableName":"jobs","UpdateExpression":"SET doc = :doc, rev = :rev"}`, record, i+1)
		}},
		{"Query", func(int) string {
			return `{"ExpressionAttributeValues":{":pk":{"S":"p"}},"KeyConditionExpression":"pk = :pk","TableName":"jobs"}`
		}},
		{"TransactWriteItems", func(i int) string {
			item := `{"Put":{"Item":{"pk":{"S":"%s"},"doc":{"S":"` + record + `"},"sk":{"S":"%d"}},"TableName":"jobs"%s}}`
			job := fmt.Sprint("pair-", i)
			return fmt.Sprintf(`{"ClientRequestToken":"%d","TransactItems":[`, i) + fmt.Sprintf(item, job, 1, `,"ConditionExpression":"attribute_not_exists(pk)"`) + "," + fmt.Sprintf(item, job, 2, "") + "]}"
		}},
	} {
		b.Run(bm.op, func(b *testing.B) {
			h := seeded(b)
			call(b, h, "CreateTable", `{"TableName":"jobs","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"S"}]}`)
			for i := range 10 {
				call(b, h, "PutItem", fmt.Sprintf(put, "p", i))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				call(b, h, bm.op, bm.body(i))
				i++
			}
		})
	}
}

// call makes a request that must succeed.
func call(t testing.TB, h http.Handler, op, body string) {
	r := &http.Request{Method: http.MethodPost, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Header: http.Header{
		"X-Amz-Target": {targetPrefix + op}, "Content-Type": {"application/x-amz-json-1.0"},
	}}
	w := &httptest.ResponseRecorder{Body: &bytes.Buffer{}, Code: http.StatusOK}
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", op, body, w.Code, w.Body)
	}
}
