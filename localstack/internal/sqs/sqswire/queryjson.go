package sqswire

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// queryJSON answers a query request whose Accept header asks for JSON, as AWS
// does (API Gateway's integration with SQS lives on it): the elements of the
// XML as objects, maps as lists of pairs, and null for what is empty.
type queryJSON struct{ requestID string }

func (p queryJSON) writeOutput(w http.ResponseWriter, action string, out any) {
	response := map[string]any{"ResponseMetadata": map[string]any{"RequestId": p.requestID}}
	if v := reflect.ValueOf(out); v.NumField() > 0 {
		response[action+"Result"] = toJSON(v)
	}
	p.write(w, http.StatusOK, map[string]any{action + "Response": response})
}

func (p queryJSON) writeError(w http.ResponseWriter, err *awswire.Error) {
	p.write(w, err.Status, map[string]any{
		"Error":     map[string]any{"Type": fault(err), "Code": sqs.QueryCode(err.Code), "Message": queryMessage(err), "Detail": nil},
		"RequestId": p.requestID,
	})
}

func (p queryJSON) write(w http.ResponseWriter, status int, doc any) {
	body, _ := json.Marshal(doc) // maps, strings and numbers: always marshals
	write(w, status, "application/json", body)
}

// lowerNames are the lists whose names begin with a small letter there.
var lowerNames = map[string]string{"Messages": "messages", "QueueUrls": "queueUrls"}

// plain is a value as maps, lists and scalars.
func toJSON(v reflect.Value) any {
	switch v.Kind() {
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
		return v.String()
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return toJSON(v.Elem())
	case reflect.Slice:
		return sliceToJSON(v)
	case reflect.Map:
		return mapToJSON(v)
	case reflect.Struct:
		members := map[string]any{}
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if lower, ok := lowerNames[name]; ok {
				name = lower
			}
			members[name] = toJSON(v.Field(i))
		}
		return members
	}
	return v.Interface()
}

func sliceToJSON(v reflect.Value) any {
	switch {
	case v.Len() == 0:
		return nil
	case v.Type().Elem().Kind() == reflect.Uint8:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	list := make([]any, v.Len())
	for i := range list {
		list[i] = toJSON(v.Index(i))
	}
	return list
}

func mapToJSON(v reflect.Value) any {
	values := map[string]any{}
	for key, value := range v.Seq2() {
		if value.Kind() == reflect.String {
			values[key.String()] = value.String() // an empty one, too
		} else {
			values[key.String()] = toJSON(value)
		}
	}
	var pairs []any
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, map[string]any{"Name": name, "Value": values[name]})
	}
	return pairs
}
