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

// queryJSON is the protocol of a query request with Accept: application/json, as
// AWS has it and the SQS integration of API Gateway needs it: the elements of the
// XML are objects, maps are lists of pairs, and empty members are null.
type queryJSON struct{ requestID string }

func (p queryJSON) writeOutput(w http.ResponseWriter, action string, out any) {
	response := map[string]any{"ResponseMetadata": map[string]any{"RequestId": p.requestID}}
	if v := reflect.ValueOf(out).Elem(); v.NumField() > 0 {
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
	body, _ := json.Marshal(doc) // never fails
	awswire.WriteBody(w, status, "application/json", body)
}

// lowerNames are the lists whose names are in lower case here.
var lowerNames = map[string]string{"Messages": "messages", "QueueUrls": "queueUrls"}

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
