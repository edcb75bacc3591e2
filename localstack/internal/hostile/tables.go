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

// Tables stands before DynamoDB, behind its Door: it does what takes a look at
// the request.
type Tables struct {
	Source   *Source
	DynamoDB DynamoDB
	Fail     func(http.ResponseWriter, *http.Request, *awswire.Error)
	Next     http.Handler

	mu            sync.Mutex
	transactional map[string]bool // tables that were written by transactions
}

// singles are the writes that a transaction can be in the way of.
var singles = map[string]bool{"PutItem": true, "UpdateItem": true, "DeleteItem": true}

// ServeHTTP implements http.Handler.
func (t *Tables) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	looksAt := batches[op] != "" && t.DynamoDB.Partial > 0 || (singles[op] || transactions[op]) && t.DynamoDB.Conflict > 0
	if !looksAt {
		t.Next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, awswire.MaxBufferedBody+1))
	switch {
	case err != nil: // the caller has gone, or sends what can't be read
		t.Fail(w, r, awswire.Errorf(http.StatusBadRequest, "SerializationException", ""))
	case batches[op] != "" && t.Source.Hit("dynamodb.partial", t.DynamoDB.Partial):
		t.partial(w, r, op, body)
	case transactions[op] && t.cancelled(w, r, body), singles[op] && t.conflicting(w, r, body):
	default:
		t.Next.ServeHTTP(w, withBody(r, body))
	}
}

// transactions are the operations that another transaction can cancel.
var transactions = map[string]bool{"TransactWriteItems": true, "TransactGetItems": true}

// cancelled answers that a transaction met another, if that is decided.
func (t *Tables) cancelled(w http.ResponseWriter, r *http.Request, body []byte) bool {
	var request struct {
		TransactItems []map[string]struct{ TableName string }
	}
	if json.Unmarshal(body, &request) != nil || len(request.TransactItems) == 0 {
		return false
	}
	t.note(request.TransactItems)
	if !t.Source.Hit("dynamodb.cancelled", t.DynamoDB.Conflict) {
		return false
	}
	n := len(request.TransactItems)
	reasons, codes := make([]map[string]string, n), make([]string, n)
	for i := range reasons {
		reasons[i], codes[i] = map[string]string{"Code": "None"}, "None"
	}
	i := t.Source.N("dynamodb.cancelled", int64(n))
	reasons[i] = map[string]string{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
	codes[i] = "TransactionConflict"
	e := awswire.Errorf(http.StatusBadRequest, "TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", "))
	e.Fields = map[string]any{"CancellationReasons": reasons}
	t.Fail(w, r, e)
	return true
}

// note remembers which tables know transactions.
func (t *Tables) note(items []map[string]struct{ TableName string }) {
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

// conflicting answers that a write met a transaction, if that is decided, and
// there are transactions on its table.
func (t *Tables) conflicting(w http.ResponseWriter, r *http.Request, body []byte) bool {
	var request struct{ TableName string }
	if json.Unmarshal(body, &request) != nil {
		return false
	}
	t.mu.Lock()
	known := t.transactional[request.TableName]
	t.mu.Unlock()
	if !known || !t.Source.Hit("dynamodb.conflict", t.DynamoDB.Conflict) {
		return false
	}
	t.Fail(w, r, awswire.Errorf(http.StatusBadRequest, "TransactionConflictException", "Transaction is ongoing for the item"))
	return true
}

// withBody is r with a body that was read already, or another one.
func withBody(r *http.Request, body []byte) *http.Request {
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return r
}
