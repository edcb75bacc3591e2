package dynamodb

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// TestTableARN: a request may name a table by its ARN, and then the response does,
// too. Tables of other regions and accounts don't exist.
func TestTableARN(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	arn := tableARN("us-east-1", "tab")
	makeTable(t, e, arn)
	d, err := e.DescribeTable(t.Context(), &TableNameInput{&arn})
	if err != nil || d.Table.TableName != "tab" || d.Table.TableArn != arn {
		t.Fatalf("%+v, %v", d, err)
	}
	it := Item{"pk": value.S("p"), "sk": value.N("1")}
	if _, err := e.PutItem(t.Context(), &PutItemInput{TableName: &arn, Item: it}); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]func() (*ConsumedCapacity, error){
		"put": func() (*ConsumedCapacity, error) {
			out, err := e.PutItem(t.Context(), &PutItemInput{TableName: &arn, Item: it, ReturnConsumedCapacity: "TOTAL"})
			return out.ConsumedCapacity, err
		},
		"query": func() (*ConsumedCapacity, error) {
			out, err := e.Query(t.Context(), &QueryInput{TableName: &arn, KeyConditionExpression: ptr("pk = :p"), ExpressionAttributeValues: Item{":p": value.S("p")}, ReturnConsumedCapacity: "TOTAL"})
			return out.ConsumedCapacity, err
		},
		"transaction": func() (*ConsumedCapacity, error) {
			out, err := e.TransactWriteItems(t.Context(), &TransactWriteItemsInput{ReturnConsumedCapacity: "TOTAL", TransactItems: []TransactWriteItem{{Put: &TransactAction{TableName: &arn, Item: it}}}})
			return &out.ConsumedCapacity[0], err
		},
		"transactional get": func() (*ConsumedCapacity, error) {
			out, err := e.TransactGetItems(t.Context(), &TransactGetItemsInput{ReturnConsumedCapacity: "TOTAL", TransactItems: []TransactGetItem{{&TransactGet{TableName: &arn, Key: it}}}})
			return &out.ConsumedCapacity[0], err
		},
		"batch write": func() (*ConsumedCapacity, error) {
			out, err := e.BatchWriteItem(t.Context(), &BatchWriteItemInput{ReturnConsumedCapacity: "TOTAL", RequestItems: map[string][]WriteRequest{arn: {{PutRequest: &PutRequest{it}}}}})
			return &out.ConsumedCapacity[0], err
		},
		"batch get": func() (*ConsumedCapacity, error) {
			out, err := e.BatchGetItem(t.Context(), &BatchGetItemInput{ReturnConsumedCapacity: "TOTAL", RequestItems: map[string]KeysAndAttributes{arn: {Keys: []Item{it}}}})
			if len(out.Responses[arn]) != 1 {
				t.Errorf("batch get: %v", out.Responses)
			}
			return &out.ConsumedCapacity[0], err
		},
	} {
		if used, err := out(); err != nil || used.TableName != arn {
			t.Errorf("%s: %+v, %v", name, used, err)
		}
	}
	for _, other := range []string{tableARN("eu-west-1", "tab"), strings.Replace(arn, "000000000000", "111111111111", 1)} {
		if _, err := e.GetItem(t.Context(), &GetItemInput{TableName: &other, Key: it}); err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") {
			t.Errorf("%s: %v", other, err)
		}
	}
	for _, bad := range []string{"arn:aws:dynamodb:us-east-1:000000000000:table/", arn + "/index/gsi", "arn:aws:s3:::tab"} {
		if _, err := e.GetItem(t.Context(), &GetItemInput{TableName: &bad, Key: it}); err == nil || !strings.Contains(err.Error(), "regular expression pattern") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := e.DeleteTable(t.Context(), &TableNameInput{&arn}); err != nil {
		t.Error(err)
	}
}
