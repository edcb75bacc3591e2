package dynamodbwire

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestNestingEverywhere: wherever a request has a value, one that is nested too deeply is
// refused, and at once.
func TestNestingEverywhere(t *testing.T) {
	t.Parallel()
	h := seeded(t)
	const table, key = `"TableName":"seed"`, `"Key":{"pk":{"S":"p"}}`
	for where, c := range map[string]struct{ operation, body string }{
		"Item":                       {"PutItem", `{` + table + `,"Item":{"pk":{"S":"p"},"x":DEEP}}`},
		"Key":                        {"GetItem", `{` + table + `,"Key":{"pk":DEEP}}`},
		"ExpressionAttributeValues":  {"UpdateItem", `{` + table + `,` + key + `,"UpdateExpression":"SET a = :d","ExpressionAttributeValues":{":d":DEEP}}`},
		"a value that gets deeper":   {"UpdateItem", `{` + table + `,` + key + `,"UpdateExpression":"SET a = list_append(:l, :l)","ExpressionAttributeValues":{":l":{"L":[DEEP]}}}`},
		"AttributeUpdates":           {"UpdateItem", `{` + table + `,` + key + `,"AttributeUpdates":{"a":{"Value":DEEP}}}`},
		"Expected":                   {"PutItem", `{` + table + `,"Item":{"pk":{"S":"p"}},"Expected":{"a":{"Value":DEEP}}}`},
		"Expected, compared":         {"DeleteItem", `{` + table + `,` + key + `,"Expected":{"a":{"ComparisonOperator":"EQ","AttributeValueList":[DEEP]}}}`},
		"ScanFilter":                 {"Scan", `{` + table + `,"ScanFilter":{"a":{"ComparisonOperator":"NE","AttributeValueList":[DEEP]}}}`},
		"KeyConditions":              {"Query", `{` + table + `,"KeyConditions":{"pk":{"ComparisonOperator":"EQ","AttributeValueList":[DEEP]}}}`},
		"ExclusiveStartKey":          {"Scan", `{` + table + `,"ExclusiveStartKey":{"pk":DEEP}}`},
		"BatchWriteItem":             {"BatchWriteItem", `{"RequestItems":{"seed":[{"PutRequest":{"Item":{"pk":{"S":"p"},"x":DEEP}}}]}}`},
		"BatchGetItem":               {"BatchGetItem", `{"RequestItems":{"seed":{"Keys":[{"pk":DEEP}]}}}`},
		"TransactWriteItems, Put":    {"TransactWriteItems", `{"TransactItems":[{"Put":{` + table + `,"Item":{"pk":{"S":"p"},"x":DEEP}}}]}`},
		"TransactWriteItems, values": {"TransactWriteItems", `{"TransactItems":[{"Update":{` + table + `,` + key + `,"UpdateExpression":"SET a = :d","ExpressionAttributeValues":{":d":DEEP}}}]}`},
		"TransactGetItems":           {"TransactGetItems", `{"TransactItems":[{"Get":{` + table + `,"Key":{"pk":DEEP}}}]}`},
	} {
		for kind, nest := range map[string][2]string{"maps": {`{"M":{"a":`, `}}`}, "lists": {`{"L":[`, `]}`}} {
			for leaf, levels := range map[string]int{`{"S":"x"}`: 40, `{"N":"no number"}`: 31} {
				deep := strings.Repeat(nest[0], levels) + leaf + strings.Repeat(nest[1], levels)
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.ReplaceAll(c.body, "DEEP", deep)))
				r.Header.Set("X-Amz-Target", targetPrefix+c.operation)
				r.Header.Set("Content-Type", "application/x-amz-json-1.0")
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "#ValidationException") {
					t.Errorf("%s, %d %s: %d %s", where, levels, kind, w.Code, w.Body)
				}
			}
		}
	}
}
