package localstack

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// metered counts DynamoDB's calls with the units that they are billed. It has
// each operation say what it consumed, and hides that from callers who didn't
// ask. Refused writes, which AWS bills too, count no units: they don't say.
func (s *Stack) metered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := targetOperation(r)
		bills, ok := billed[op]
		if !ok {
			s.usage.add("dynamodb."+op, Usage{Calls: 1})
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, awswire.MaxBufferedBody))
		if err != nil {
			fail(w, r, awswire.Errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "The request is too large."))
			return
		}
		body, hide := askConsumed(body)
		r = r.Clone(r.Context())
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		answer := &recorder{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		units := answer.consumed(hide)
		u := Usage{Calls: 1}
		if bills == writes {
			u.WriteUnits = units
		} else {
			u.ReadUnits = units
		}
		s.usage.add("dynamodb."+op, u)
		answer.copyTo(w)
	})
}

type bill int

const (
	reads bill = iota
	writes
)

// billed are the operations on items.
var billed = map[string]bill{
	"GetItem": reads, "BatchGetItem": reads, "Query": reads, "Scan": reads, "TransactGetItems": reads,
	"PutItem": writes, "UpdateItem": writes, "DeleteItem": writes, "BatchWriteItem": writes, "TransactWriteItems": writes,
}

const wantConsumed = `"ReturnConsumedCapacity"`

// askConsumed adds the wish for consumed capacity to a request. hide: the
// caller has none. A body that is no object is left to be refused.
func askConsumed(body []byte) (_ []byte, hide bool) {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return body, false
	}
	if bytes.Contains(body, []byte(wantConsumed)) {
		var members map[string]json.RawMessage
		if json.Unmarshal(body, &members) != nil {
			return body, false
		}
		switch string(members["ReturnConsumedCapacity"]) {
		case `"NONE"`, "null", "":
			members["ReturnConsumedCapacity"] = json.RawMessage(`"TOTAL"`)
			changed, err := json.Marshal(members)
			return changed, err == nil
		}
		return body, false
	}
	rest := bytes.TrimLeft(trimmed[1:], " \t\r\n")
	comma := ","
	if len(rest) > 0 && rest[0] == '}' {
		comma = ""
	}
	return append([]byte("{"+wantConsumed+`:"TOTAL"`+comma), rest...), true
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recorder) Header() http.Header         { return a.header }
func (a *recorder) WriteHeader(status int)      { a.status = status }
func (a *recorder) Write(p []byte) (int, error) { return a.body.Write(p) }

// consumed is the sum of what an answer says was consumed, which hide removes.
func (a *recorder) consumed(hide bool) float64 {
	if a.status != http.StatusOK {
		return 0
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(a.body.Bytes(), &members) != nil || members["ConsumedCapacity"] == nil {
		return 0
	}
	units := sumUnits(members["ConsumedCapacity"])
	if hide {
		delete(members, "ConsumedCapacity")
		if body, err := json.Marshal(members); err == nil {
			a.body.Reset()
			a.body.Write(body)
		}
	}
	return units
}

// sumUnits reads one table's consumption, or a list of several.
func sumUnits(raw json.RawMessage) float64 {
	type consumed struct{ CapacityUnits float64 }
	var list []consumed
	if strings.HasPrefix(string(raw), "[") {
		_ = json.Unmarshal(raw, &list)
	} else {
		list = make([]consumed, 1)
		_ = json.Unmarshal(raw, &list[0])
	}
	sum := 0.0
	for _, c := range list {
		sum += c.CapacityUnits
	}
	return sum
}

func (a *recorder) copyTo(w http.ResponseWriter) {
	h := w.Header()
	for k, v := range a.header {
		h[k] = v
	}
	h.Set("Content-Length", strconv.Itoa(a.body.Len()))
	if h.Get("X-Amz-Crc32") != "" { // SDKs check it
		h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(a.body.Bytes())), 10))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}
