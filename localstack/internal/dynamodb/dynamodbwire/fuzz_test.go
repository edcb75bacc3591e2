package dynamodbwire

import (
	"bytes"
	"hash/crc32"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/dynamodb"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/engine"
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
		v, err := attribute(in)
		if err != nil {
			return
		}
		it := value.Item{"a": v}
		if it.Validate() != nil {
			return
		}
		wire, err := json.Marshal(v, jsonOptions)
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		if w, err := attribute(wire); err != nil || !value.Equal(v, w) {
			t.Fatalf("%s is written as %s, which is read as %v, %v", in, wire, w, err)
		}
		stored, err := value.Decode(it.Encode())
		if err != nil || !value.EqualItems(stored, it) {
			t.Fatalf("%s is stored as %v, %v", in, stored, err)
		}
		if it.Size() != stored.Size() || it.PagedSize("") < len("a") {
			t.Fatalf("%s: sizes %d and %d", in, it.Size(), stored.Size())
		}
		for cut := range it.Encode() {
			if _, err := value.Decode(it.Encode()[:cut]); err == nil {
				t.Fatalf("%v: cut at %d, its encoding is taken for whole", it, cut)
			}
		}
	})
}

func attribute(in []byte) (value.Value, error) {
	return decodeValue(jsontext.NewDecoder(bytes.NewBuffer(in), jsonOptions), true, 0)
}

// FuzzDecode: how a request is spelled (white space, escapes) changes nothing.
func FuzzDecode(f *testing.F) {
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
	var in, again In
	if decode(body, &in) != nil {
		return
	}
	spelled := jsontext.Value(bytes.Clone(body))
	if err := spelled.Format(jsonOptions, jsontext.Multiline(true), jsontext.EscapeForHTML(true)); err != nil {
		t.Fatalf("%q isn't JSON: %v", body, err)
	}
	if err := decode(spelled, &again); err != nil || !reflect.DeepEqual(in, again) {
		t.Fatalf("%q is %+v; %q is %+v, %v", body, in, spelled, again, err)
	}
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
		if len(got) > 0 && !validJSON(got) {
			t.Fatalf("%s %s is answered %s", op, body, got)
		}
		if sum := w.Header().Get("X-Amz-Crc32"); sum != strconv.FormatUint(uint64(crc32.ChecksumIEEE(got)), 10) {
			t.Fatalf("%s %s: checksum %s", op, body, sum)
		}
	})
}

const seedTable = `{"TableName":"seed","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}]}`

// seeded is a handler with the table "seed".
func seeded(f testing.TB) *handler {
	store, err := kv.Open("db", kv.Options{FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		f.Fatal(err)
	}
	e, err := dynamodb.Open(dynamodb.Config{Config: engine.Config{Store: store, Clock: clock.NewManual(time.Unix(1_800_000_000, 0))}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		e.Close()
		if err := store.Close(); err != nil {
			f.Error(err)
		}
	})
	h := &handler{engine: e, operations: operations(e)}
	call(f, h, "CreateTable", seedTable)
	return h
}
