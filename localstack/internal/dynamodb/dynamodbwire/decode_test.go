package dynamodbwire

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// TestSerializationExceptions: AWS's message for each JSON type in the wrong place.
func TestSerializationExceptions(t *testing.T) {
	for body, want := range map[string]string{
		`[]`:               "Start of structure or map expected",
		`null`:             "Start of structure or map expected",
		`{"TableName":"t"`: "", `{"TableName":1}x`: "", `{"Item":{"a":1}`: "", ``: "",
		`{"TableName":1}`:                                       "NUMBER_VALUE cannot be converted to String",
		`{"TableName":1.5}`:                                     "DECIMAL_VALUE cannot be converted to String",
		`{"TableName":true}`:                                    "TRUE_VALUE cannot be converted to String",
		`{"TableName":{}}`:                                      "Start of structure or map found where not expected",
		`{"TableName":[]}`:                                      "Unrecognized collection type class java.lang.String",
		`{"Item":1}`:                                            "Unexpected field type",
		`{"Item":[]}`:                                           "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>",
		`{"Item":{"a":1}}`:                                      "Unexpected value type in payload",
		`{"Item":{"a":[]}}`:                                     "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue",
		`{"Item":{"a":{"S":1}}}`:                                "NUMBER_VALUE cannot be converted to String",
		`{"Item":{"a":{"BOOL":1}}}`:                             "NUMBER_VALUE cannot be converted to Boolean",
		`{"Item":{"a":{"BOOL":"maybe"}}}`:                       "Unexpected token received from parser",
		`{"Item":{"a":{"B":1}}}`:                                "only base-64-encoded strings are convertible to bytes",
		`{"Item":{"a":{"B":[]}}}`:                               "Unrecognized collection type class java.nio.ByteBuffer",
		`{"Item":{"a":{"B":{}}}}`:                               "Start of structure or map found where not expected",
		`{"Item":{"a":{"B":"AAA"}}}`:                            "Base64 encoded length is expected a multiple of 4 bytes but found: 3",
		`{"Item":{"a":{"B":"AB=="}}}`:                           "Invalid last non-pad Base64 character dectected",
		`{"Item":{"a":{"SS":1}}}`:                               "Unexpected field type",
		`{"Item":{"a":{"SS":{}}}}`:                              "Start of structure or map found where not expected",
		`{"Item":{"a":{"SS":[null]}}}`:                          "Unexpected field type",
		`{"Item":{"a":{"L":[null]}}}`:                           "Unexpected value type in payload",
		`{"Item":{"a":{"M":[]}}}`:                               "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>",
		`{"Expected":{"a":[]}}`:                                 "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.ExpectedAttributeValue",
		`{"Expected":{"a":{"Value":1}}}`:                        "Unexpected field type",
		`{"Item":` + strings.Repeat(`{"a":{"M":`, 102) + "null": "",
	} {
		err := decode([]byte(body), new(dynamodb.PutItemInput))
		var e *awswire.Error
		if !errors.As(err, &e) || e.Code != "SerializationException" || e.Message != want {
			t.Errorf("%.99s: %v, want %q", body, err, want)
		}
	}
}

// TestDeepValues: whatever the depth, the engine reports it.
func TestDeepValues(t *testing.T) {
	for _, levels := range []int{32, 33, 4000} {
		in := &dynamodb.PutItemInput{}
		body := `{"Item":{"a":` + strings.Repeat(`{"L":[`, levels) + `{"S":"x"}` + strings.Repeat(`]}`, levels) + `}}`
		if err := decode([]byte(body), in); err != nil {
			t.Fatal(err)
		}
		if err := in.Item.Validate(); err == nil || !strings.HasPrefix(err.Error(), "Nesting Levels have exceeded") {
			t.Errorf("%d levels: %v", levels, err)
		}
	}
}

// TestLenientDecoding: what AWS takes though it isn't of the type.
func TestLenientDecoding(t *testing.T) {
	in := &dynamodb.ScanInput{}
	body := `{"ConsistentRead":"Yes","Limit":2.9,"Segment":1e300,"TotalSegments":-99999999999999999999,"TableName":"old","TableName":null,"ExclusiveStartKey":{"a":null},"Unknown":[{}],"limit":7}`
	if err := decode([]byte(body), in); err != nil {
		t.Fatal(err)
	}
	if !in.ConsistentRead || *in.Limit != 2 || *in.Segment != 1<<31-1 || *in.TotalSegments != -1<<31 || in.TableName != nil || len(in.ExclusiveStartKey) != 0 {
		t.Errorf("%+v", in)
	}
}

// TestEscapedNames: names are compared and kept unescaped, at every level.
func TestEscapedNames(t *testing.T) {
	in := &dynamodb.PutItemInput{}
	body := "{\"\\u0054ableName\":\"t\",\"Item\":{\"\\u00e9\":{\"\\u0053\":\"x\"},\"\\/\":{\"M\":{\"a\\nb\":{\"S\":\"\\\\\"}}},\"\xff\":{\"S\":\"y\"}}}"
	if err := decode([]byte(body), in); err != nil {
		t.Fatal(err)
	}
	want := value.Item{"é": value.S("x"), "/": value.M(value.Item{"a\nb": value.S(`\`)}), "\ufffd": value.S("y")}
	if *in.TableName != "t" || !value.EqualItems(in.Item, want) {
		t.Errorf("table %s, item %v, want %v", *in.TableName, in.Item, want)
	}
}

// TestEmptyMembers: which members of an output are absent when they are empty.
func TestEmptyMembers(t *testing.T) {
	used := &dynamodb.ConsumedCapacity{TableName: "tab", CapacityUnits: 0.5}
	for want, out := range map[string]any{
		`{}`:          dynamodb.GetItemOutput{},
		`{"Item":{}}`: dynamodb.GetItemOutput{Item: dynamodb.Item{}},
		`{"ConsumedCapacity":{"TableName":"tab","CapacityUnits":0.5}}`:                                                 dynamodb.WriteOutput{Attributes: dynamodb.Item{}, ConsumedCapacity: used},
		`{"Count":0,"ScannedCount":0}`:                                                                                 dynamodb.PageOutput{},
		`{"Items":[],"Count":0,"ScannedCount":0}`:                                                                      dynamodb.PageOutput{Items: []dynamodb.Item{}},
		`{"Responses":{"a":[]},"UnprocessedKeys":{"b":{"Keys":[{"k":{"S":"<\u0001é"}}]}}}`:                             dynamodb.BatchGetItemOutput{Responses: map[string][]dynamodb.Item{"a": {}}, UnprocessedKeys: map[string]dynamodb.KeysAndAttributes{"b": {Keys: []dynamodb.Item{{"k": value.S("<\x01é")}}}}},
		`{"Responses":[{},{"Item":{"b":{"B":"AP8="},"l":{"L":[{"BOOL":false}]},"n":{"NULL":true},"s":{"NS":["1"]}}}]}`: dynamodb.TransactGetItemsOutput{Responses: []dynamodb.ItemResponse{{}, {Item: dynamodb.Item{"b": value.B([]byte{0, 255}), "n": value.Null(), "s": value.NS("1"), "l": value.L(value.Bool(false))}}}},
	} {
		got, err := json.Marshal(out, jsonOptions)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}
