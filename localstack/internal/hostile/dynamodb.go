package hostile

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// DynamoDBMiddleware injects the faults that depend on the content of a request:
// conflicts of transactions and unprocessed items of batches.
type DynamoDBMiddleware struct {
	Random   *Random
	DynamoDB DynamoDB
	Fail     func(http.ResponseWriter, *http.Request, *awswire.Error)
	Next     http.Handler

	mu            sync.Mutex
	transactional map[string]bool // tables that transactions have used
}

// singleWrites are the operations that conflict with transactions.
var singleWrites = map[string]bool{"PutItem": true, "UpdateItem": true, "DeleteItem": true}

// ServeHTTP implements http.Handler.
func (t *DynamoDBMiddleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	needsBody := batches[op] != "" && t.DynamoDB.Partial > 0 || (singleWrites[op] || transactions[op]) && t.DynamoDB.Conflict > 0
	if !needsBody {
		t.Next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, awswire.MaxBufferedBody+1))
	switch {
	case err != nil: // the client has gone, or the body can't be read
		t.Fail(w, r, awswire.Errorf(http.StatusBadRequest, "SerializationException", ""))
	case batches[op] != "" && t.Random.Happens("dynamodb.partial", t.DynamoDB.Partial):
		t.partial(w, r, op, body)
	case transactions[op] && t.cancelled(w, r, body), singleWrites[op] && t.conflicting(w, r, body):
	default:
		t.Next.ServeHTTP(w, withBody(r, body))
	}
}

// transactions are the operations that conflict with other transactions.
var transactions = map[string]bool{"TransactWriteItems": true, "TransactGetItems": true}

// cancelled decides whether a transaction conflicts with another, and writes the
// error if so.
func (t *DynamoDBMiddleware) cancelled(w http.ResponseWriter, r *http.Request, body []byte) bool {
	var request struct {
		TransactItems []map[string]struct{ TableName string }
	}
	if json.Unmarshal(body, &request) != nil || len(request.TransactItems) == 0 {
		return false
	}
	t.note(request.TransactItems)
	if !t.Random.Happens("dynamodb.cancelled", t.DynamoDB.Conflict) {
		return false
	}
	n := len(request.TransactItems)
	reasons, codes := make([]map[string]string, n), make([]string, n)
	for i := range reasons {
		reasons[i], codes[i] = map[string]string{"Code": "None"}, "None"
	}
	i := t.Random.IntN("dynamodb.cancelled", int64(n))
	reasons[i] = map[string]string{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
	codes[i] = "TransactionConflict"
	e := awswire.Errorf(http.StatusBadRequest, "TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", "))
	e.Fields = map[string]any{"CancellationReasons": reasons}
	t.Fail(w, r, e)
	return true
}

// note remembers which tables are used in transactions.
func (t *DynamoDBMiddleware) note(items []map[string]struct{ TableName string }) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.transactional == nil {
		t.transactional = map[string]bool{}
	}
	for _, item := range items {
		for _, action := range item {
			t.transactional[action.TableName] = true
		}
	}
}

// conflicting decides whether a write conflicts with a transaction, and writes the
// error if so. Tables that no transaction has used have no conflicts.
func (t *DynamoDBMiddleware) conflicting(w http.ResponseWriter, r *http.Request, body []byte) bool {
	var request struct{ TableName string }
	if json.Unmarshal(body, &request) != nil {
		return false
	}
	t.mu.Lock()
	known := t.transactional[request.TableName]
	t.mu.Unlock()
	if !known || !t.Random.Happens("dynamodb.conflict", t.DynamoDB.Conflict) {
		return false
	}
	t.Fail(w, r, awswire.Errorf(http.StatusBadRequest, "TransactionConflictException", "Transaction is ongoing for the item"))
	return true
}

// withBody returns a copy of r with another body.
func withBody(r *http.Request, body []byte) *http.Request {
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return r
}
