package hostile

import (
	"encoding/json"
	"hash/crc32"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// batches are DynamoDB's, each with the member of the answer that says what was
// left.
var batches = map[string]string{"BatchWriteItem": "UnprocessedItems", "BatchGetItem": "UnprocessedKeys"}

// A batch is the RequestItems of one: what is asked of each table.
type batch map[string]*share

// A share is one table's: of a BatchGetItem, Keys and what else there is to
// say; of a BatchWriteItem, entries alone.
type share struct {
	Entries []json.RawMessage
	others  map[string]json.RawMessage // nil: a list of entries
}

// UnmarshalJSON reads either form.
func (s *share) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &s.Entries) == nil {
		return nil
	}
	if err := json.Unmarshal(b, &s.others); err != nil {
		return err
	}
	err := json.Unmarshal(s.others["Keys"], &s.Entries)
	return err
}

// MarshalJSON writes it in the form that it had.
func (s *share) MarshalJSON() ([]byte, error) {
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

func (s *share) with(entries []json.RawMessage) *share { return &share{entries, s.others} }

// split takes some of b's entries out, and leaves at least one.
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

// partial serves a part of a batch and answers that the rest is unprocessed.
func (t *Tables) partial(w http.ResponseWriter, r *http.Request, op string, body []byte) {
	var request struct{ RequestItems batch }
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &request) != nil || json.Unmarshal(body, &members) != nil {
		t.Next.ServeHTTP(w, withBody(r, body)) // to be refused
		return
	}
	now, later := request.RequestItems.split(func(n int64) int64 { return t.Source.N("dynamodb.partial", n) })
	if len(later) == 0 {
		t.Next.ServeHTTP(w, withBody(r, body))
		return
	}
	answer := &kept{header: http.Header{}, status: http.StatusOK}
	t.Next.ServeHTTP(answer, withBody(r, replaced(members, "RequestItems", now)))
	if answer.status == http.StatusOK {
		answer.leave(batches[op], later)
	}
	answer.copyTo(w)
}

// replaced is an object with one member set. What is written here was read.
func replaced(members map[string]json.RawMessage, name string, value any) []byte {
	members[name], _ = json.Marshal(value)
	body, _ := json.Marshal(members)
	return body
}

// kept is an answer that was kept back.
type kept struct {
	header http.Header
	status int
	body   []byte
}

func (k *kept) Header() http.Header    { return k.header }
func (k *kept) WriteHeader(status int) { k.status = status }
func (k *kept) Write(p []byte) (int, error) {
	k.body = append(k.body, p...)
	return len(p), nil
}

// leave adds to what an answer says was left; the engine may have left some, too.
func (k *kept) leave(member string, later batch) {
	var members map[string]json.RawMessage
	if json.Unmarshal(k.body, &members) != nil {
		return
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
	k.body = replaced(members, member, later)
}

func (k *kept) copyTo(w http.ResponseWriter) {
	h := w.Header()
	maps.Copy(h, k.header)
	h.Set("Content-Length", strconv.Itoa(len(k.body)))
	if h.Get("X-Amz-Crc32") != "" { // SDKs check it
		h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(k.body)), 10))
	}
	w.WriteHeader(k.status)
	_, _ = w.Write(k.body)
}
