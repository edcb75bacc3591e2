package dynamodbwire

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash/crc32"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/clock"
	"github.com/errandhq/errand/localstack/internal/dynamodb"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// FuzzAttribute: what is read as a value says the same when it is written, on
// the wire and in the store; what isn't valid never gets that far.
func FuzzAttribute(f *testing.F) {
	for _, s := range []string{
		`{"S":"x"}`, `{"S":"\u0000\ud83d\ude00\ufffd"}`, `{"N":"-12.50e3"}`, `{"N":"1e126"}`, `{"N":1}`, `{"B":"AP8="}`, `{"B":"AP9"}`, `{"BOOL":true}`, `{"BOOL":"yes"}`,
		`{"NULL":false}`, `{"SS":["a","a"]}`, `{"SS":[]}`, `{"NS":["1","1.0"]}`, `{"BS":["AA==",""]}`, `{"L":[{"S":"x"},{}]}`, `{"M":{"":{"S":"x"}}}`, `{"M":{"k":{"L":[]}}}`,
		`{"S":"x","N":"1"}`, `[]`, `null`, `{"X":1}`, strings.Repeat(`{"L":[`, 40) + strings.Repeat(`]}`, 40),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		tree, ok := parsed(in)
		if !ok {
			return
		}
		v, err := attribute(tree, true)
		if err != nil {
			return
		}
		it := value.Item{"a": v}
		if it.Validate() != nil {
			return
		}
		wire, err := v.MarshalJSON()
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		again, ok := parsed(wire)
		if !ok {
			t.Fatalf("%s is written as %s, which isn't JSON", in, wire)
		}
		if w, err := attribute(again, true); err != nil || !value.Equal(v, w) {
			t.Fatalf("%s is written as %s, which is read as %v, %v", in, wire, w, err)
		}
		stored, err := value.Decode(it.Encode())
		if err != nil || !value.EqualItems(stored, it) {
			t.Fatalf("%s is stored as %v, %v", in, stored, err)
		}
		if it.Size() != stored.Size() || it.PagedSize("") < len("a") {
			t.Fatalf("%s: sizes %d and %d", in, it.Size(), stored.Size())
		}
		sameStored(t, it)
	})
}

// sameStored holds what is told of a stored item to what is of the item.
func sameStored(t *testing.T, it value.Item) {
	stored := value.Stored(it.Encode())
	for _, sortKey := range []string{"", "a"} {
		size, paged, err := stored.Measure(sortKey)
		if err != nil || size != it.Size() || paged != it.PagedSize(sortKey) {
			t.Fatalf("%v: stored, it measures %d and %d, %v; want %d and %d", it, size, paged, err, it.Size(), it.PagedSize(sortKey))
		}
	}
	want, err := it.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := stored.AppendJSON(nil); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("stored, it is shown as %s, %v; want %s", got, err, want)
	}
	for cut := range len(stored) {
		_, _, measured := stored[:cut].Measure("")
		if _, shown := stored[:cut].AppendJSON(nil); measured == nil || shown == nil {
			t.Fatalf("%v: cut at %d of %d bytes, it is taken for whole", it, cut, len(stored))
		}
	}
}

// FuzzRead: what the short way reads, the long one reads likewise.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`{"TableName":"t","Item":{"a":{"S":"x"},"b":{"N":"-1.50"},"c":{"B":"AP8="},"d":{"BOOL":true},"e":{"NULL":true},"f":{"SS":["a"]},"g":{"NS":["1","1.0"]},"h":{"BS":["AA=="]},"i":{"L":[{"S":"x"},{"M":{}}]}}}`,
		` { "TableName" : "\u0041\ud83d\ude00\ud800" , "Item" : { } } `, `{"TableName":"a","TableName":"b","Item":{"a":{"S":"1"},"a":{"S":"2"}}}`,
		`{"Item":{"a":{"S":"x","N":"1"}}}`, `{"Item":{"a":{"B":"AA==\n"}}}`, `{"Item":{"a":{"B":"AB=="}}}`, `{"Item":{"a":{"S":null}}}`, `{"Expected":{"a":{"Exists":"yes","Value":{"N":1}}}}`,
		"{\"TableName\":\"\xff\x00\"}", `{"X":1}`, `{"TableName":null}`, `{"TableName":"t"} x`, `{"TableName":"t",}`, `{"TableName":"t"`, `[]`, ``,
		`{"Item":` + strings.Repeat(`{"a":{"L":[`, 1) + strings.Repeat(`{"L":[`, 120) + strings.Repeat(`]}`, 120) + `]}}}`,
		`{"Limit":1.5,"Segment":01,"TotalSegments":-0}`, `{"Limit":10,"Segment":999999999,"ConsistentRead":true,"AttributesToGet":["a"],"ExpressionAttributeNames":{"#a":"b"}}`, `{"Limit":9999999999}`,
		`{"TransactItems":[{"Put":{"TableName":"t","Item":{}}},{"Put":{"Item":{}},"Put":{"TableName":"u"}}],"ClientRequestToken":"t"}`,
		`{"RequestItems":{"t":[{"PutRequest":{"Item":{"a":{"S":"x"}}}},{"DeleteRequest":{"Key":{}}}]}}`, `{"RequestItems":{"t":{"Keys":[{"a":{"S":"x"}}],"ConsistentRead":true}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sameReading[dynamodb.PutItemInput](t, body)
		sameReading[dynamodb.ScanInput](t, body)
		sameReading[dynamodb.TransactWriteItemsInput](t, body)
		sameReading[dynamodb.BatchWriteItemInput](t, body)
		sameReading[dynamodb.BatchGetItemInput](t, body)
	})
}

func sameReading[In any](t *testing.T, body []byte) {
	var fast, slow In
	if !readFast(string(body), &fast) {
		return
	}
	if err := readSlow(string(body), &slow); err != nil {
		t.Fatalf("%q is %+v, or %v", body, fast, err)
	}
	if !reflect.DeepEqual(fast, slow) {
		t.Fatalf("%q is %+v, or %+v", body, fast, slow)
	}
}

// TestReadFast: what an SDK sends takes the short way.
func TestReadFast(t *testing.T) {
	body := `{"TableName":"t","Item":{"a":{"S":"x\né"},"l":{"L":[{"M":{"b":{"B":"AP8="}}}]}},"Expected":{"a":{"Exists":false}},"ExpressionAttributeNames":{"#a":"a"},"ReturnValues":"NONE"}`
	if !readFast(body, new(dynamodb.PutItemInput)) {
		t.Error("it doesn't")
	}
}

func parsed(b []byte) (tree any, ok bool) {
	tree, err := parse(string(b))
	return tree, err == nil && tree != nil
}

// FuzzRequest: any body to any operation gets an answer of ours: JSON, with its
// checksum, never a 500.
func FuzzRequest(f *testing.F) {
	for op, body := range map[string]string{
		"CreateTable":        `{"TableName":"tab","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}]}`,
		"UpdateTable":        `{"TableName":"seed","AttributeDefinitions":[{"AttributeName":"g","AttributeType":"S"}],"GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"byG","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}}]}`,
		"PutItem":            `{"TableName":"seed","Item":{"pk":{"S":"p"},"n":{"N":"1"}},"ConditionExpression":"attribute_not_exists(pk)","ReturnValues":"ALL_OLD"}`,
		"UpdateItem":         `{"TableName":"seed","Key":{"pk":{"S":"p"}},"UpdateExpression":"SET #n = if_not_exists(#n, :one) + :one REMOVE l[0]","ExpressionAttributeNames":{"#n":"n"},"ExpressionAttributeValues":{":one":{"N":"1"}}}`,
		"DeleteItem":         `{"TableName":"seed","Key":{"pk":{"S":"p"}},"Expected":{"n":{"Exists":false}}}`,
		"GetItem":            `{"TableName":"seed","Key":{"pk":{"S":"p"}},"ProjectionExpression":"n, l[1].x"}`,
		"Query":              `{"TableName":"seed","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"p"}},"Limit":1,"Select":"COUNT"}`,
		"Scan":               `{"TableName":"seed","ScanFilter":{"n":{"ComparisonOperator":"BETWEEN","AttributeValueList":[{"N":"1"},{"N":"2"}]}},"Segment":0,"TotalSegments":2}`,
		"BatchGetItem":       `{"RequestItems":{"seed":{"Keys":[{"pk":{"S":"p"}}]}},"ReturnConsumedCapacity":"INDEXES"}`,
		"BatchWriteItem":     `{"RequestItems":{"seed":[{"PutRequest":{"Item":{"pk":{"S":"p"}}}},{"DeleteRequest":{"Key":{"pk":{"S":"q"}}}}]}}`,
		"TransactWriteItems": `{"ClientRequestToken":"t","TransactItems":[{"ConditionCheck":{"TableName":"seed","Key":{"pk":{"S":"p"}},"ConditionExpression":"attribute_exists(pk)"}}]}`,
		"TransactGetItems":   `{"TransactItems":[{"Get":{"TableName":"seed","Key":{"pk":{"S":"p"}}}}]}`,
		"UpdateTimeToLive":   `{"TableName":"seed","TimeToLiveSpecification":{"AttributeName":"e","Enabled":true}}`,
		"TagResource":        `{"ResourceArn":"arn:aws:dynamodb:us-east-1:000000000000:table/seed","Tags":[{"Key":"k","Value":"v"}]}`,
		"ListTables":         `{"Limit":1.5,"ExclusiveStartTableName":"abc"}`,
		"ExecuteStatement":   `{}`,
	} {
		f.Add(op, []byte(body))
	}
	h := seeded(f)
	f.Fuzz(func(t *testing.T, op string, body []byte) {
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		r.Header.Set("X-Amz-Target", targetPrefix+op)
		w := httptest.NewRecorder()
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		h.ServeHTTP(w, r)
		got := w.Body.Bytes()
		if w.Code != 200 && w.Code != 400 {
			t.Fatalf("%s %s: %d %s", op, body, w.Code, got)
		}
		if len(got) > 0 && !json.Valid(got) {
			t.Fatalf("%s %s is answered %s", op, body, got)
		}
		if sum := w.Header().Get("X-Amz-Crc32"); sum != strconv.FormatUint(uint64(crc32.ChecksumIEEE(got)), 10) {
			t.Fatalf("%s %s: checksum %s", op, body, sum)
		}
	})
}

// seeded is a handler with the table "seed".
func seeded(f testing.TB) *handler {
	store, err := kv.Open("db", kv.Options{FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		f.Fatal(err)
	}
	e, err := dynamodb.Open(dynamodb.Config{Store: store, Clock: clock.NewManual(time.Unix(1_800_000_000, 0))})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := errors.Join(e.Close(), store.Close()); err != nil {
			f.Error(err)
		}
	})
	h := &handler{operations: operations(e)}
	const table = `{"TableName":"seed","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}]}`
	if _, err := h.operations["CreateTable"](f.Context(), table); err != nil {
		f.Fatal(err)
	}
	return h
}
