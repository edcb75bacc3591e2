package hostile

import (
	"encoding/json"
	"hash/crc32"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// batches are the batch operations, with the member of the output that holds the
// unprocessed items.
var batches = map[string]string{"BatchWriteItem": "UnprocessedItems", "BatchGetItem": "UnprocessedKeys"}

// A batch is the RequestItems of an operation, by table.
type batch map[string]*tableItems

// tableItems are the items of one table: in a BatchGetItem an object with Keys, in a
// BatchWriteItem a list.
type tableItems struct {
	Entries []json.RawMessage
	others  map[string]json.RawMessage // nil: a list of entries
}

// UnmarshalJSON decodes either form.
func (s *tableItems) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &s.Entries) == nil {
		return nil
	}
	if err := json.Unmarshal(b, &s.others); err != nil {
		return err
	}
	err := json.Unmarshal(s.others["Keys"], &s.Entries)
	return err
}

// MarshalJSON encodes it in the form that it had.
func (s *tableItems) MarshalJSON() ([]byte, error) {
	if s.others == nil {
		return json.Marshal(s.Entries)
	}
	entries, err := json.Marshal(s.Entries)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(s.others)
	all["Keys"] = entries
	return json.Marshal(all)
}

func (s *tableItems) with(entries []json.RawMessage) *tableItems {
	return &tableItems{entries, s.others}
}

// split divides b's entries at random, with at least one in now.
func (b batch) split(n func(int64) int64) (now, later batch) {
	now, later = batch{}, batch{}
	for _, table := range slices.Sorted(maps.Keys(b)) {
		var first, rest []json.RawMessage
		for _, e := range b[table].Entries {
			if len(now) == 0 && len(first) == 0 || n(2) == 0 {
				first = append(first, e)
			} else {
				rest = append(rest, e)
			}
		}
		if len(first) > 0 {
			now[table] = b[table].with(first)
		}
		if len(rest) > 0 {
			later[table] = b[table].with(rest)
		}
	}
	return now, later
}

// partial serves a part of a batch, and reports the rest as unprocessed.
func (t *DynamoDBMiddleware) partial(w http.ResponseWriter, r *http.Request, op string, body []byte) {
	var request struct{ RequestItems batch }
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &request) != nil || json.Unmarshal(body, &members) != nil {
		t.Next.ServeHTTP(w, withBody(r, body)) // which fails
		return
	}
	now, later := request.RequestItems.split(func(n int64) int64 { return t.Random.IntN("dynamodb.partial", n) })
	if len(later) == 0 {
		t.Next.ServeHTTP(w, withBody(r, body))
		return
	}
	response := awswire.NewRecorder()
	t.Next.ServeHTTP(response, withBody(r, replaced(members, "RequestItems", now)))
	out := response.Body.Bytes()
	if response.Status == http.StatusOK {
		out = addUnprocessed(out, batches[op], later)
	}
	h := w.Header()
	maps.Copy(h, response.Header())
	if h.Get("X-Amz-Crc32") != "" { // SDKs check it
		h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(out)), 10))
	}
	awswire.WriteBody(w, response.Status, "", out)
}

// replaced returns an object with one member set. Encoding can't fail: all of it
// was decoded before.
func replaced(members map[string]json.RawMessage, name string, value any) []byte {
	members[name], _ = json.Marshal(value)
	body, _ := json.Marshal(members)
	return body
}

// addUnprocessed returns the body of a response with later added to its unprocessed
// items, of which the engine may have returned some.
func addUnprocessed(body []byte, member string, later batch) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return body
	}
	var left batch
	if json.Unmarshal(members[member], &left) == nil {
		for table, s := range left {
			if mine := later[table]; mine != nil {
				s = s.with(append(s.Entries, mine.Entries...))
			}
			later[table] = s
		}
	}
	return replaced(members, member, later)
}
