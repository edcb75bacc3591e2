package dynamodbwire

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strings"
	"sync"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// decode puts a JSON tree into an input. Names are exact, unknown members are
// ignored, null is absent; a member of the wrong type is a
// SerializationException with AWS's words.
func decode(tree, into any) error {
	m, ok := tree.(map[string]any)
	if !ok {
		return serialization("Start of structure or map expected")
	}
	return decodeStruct(m, reflect.ValueOf(into).Elem())
}

func decodeStruct(m map[string]any, v reflect.Value) error {
	for i, name := range wireNames(v.Type()) {
		if tree, ok := m[name]; ok && tree != nil {
			if err := decodeInto(tree, v.Field(i), false); err != nil {
				return err
			}
		}
	}
	return nil
}

var names sync.Map // by reflect.Type: []string

// wireNames are the names of a type's members on the wire, by field.
func wireNames(t reflect.Type) []string {
	if n, ok := names.Load(t); ok {
		return n.([]string)
	}
	all := make([]string, t.NumField())
	for i := range all {
		f := t.Field(i)
		if all[i], _, _ = strings.Cut(f.Tag.Get("json"), ","); all[i] == "" {
			all[i] = f.Name
		}
	}
	names.Store(t, all)
	return all
}

const (
	structureFound = "Start of structure or map found where not expected"
	fieldType      = "Unexpected field type"
	service        = "com.amazonaws.dynamodb.v20120810."
)

// decodeInto sets v from a tree that isn't null. member is true inside a list
// or map, where some of AWS's words differ.
func decodeInto(tree any, v reflect.Value, member bool) error {
	if v.Type() == reflect.TypeFor[value.Value]() {
		av, err := attribute(tree, member)
		v.Set(reflect.ValueOf(av))
		return err
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if err := decodeInto(tree, p.Elem(), member); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case reflect.Struct:
		m, err := object(tree, v.Type(), member)
		if err != nil {
			return err
		}
		return decodeStruct(m, v)
	case reflect.Slice:
		return decodeList(tree, v)
	case reflect.Map:
		return decodeMap(tree, v)
	default:
		return decodeScalar(tree, v)
	}
}

func object(tree any, t reflect.Type, member bool) (map[string]any, error) {
	switch x := tree.(type) {
	case map[string]any:
		return x, nil
	case []any:
		return nil, serialization("Unrecognized collection type class " + className(t))
	}
	if member {
		return nil, serialization("Unexpected value type in payload")
	}
	return nil, serialization(fieldType)
}

// className is the Java name of a type, as AWS's messages say it.
func className(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return className(t.Elem())
	case reflect.String:
		return "java.lang.String"
	case reflect.Slice:
		return "java.util.List<" + className(t.Elem()) + ">"
	}
	name, ok := map[string]string{
		"Value": "AttributeValue", "Expected": "ExpectedAttributeValue", "ConditionInput": "Condition",
		"AttributeUpdate": "AttributeValueUpdate", "Throughput": "ProvisionedThroughput",
		"TTLSpecification": "TimeToLiveSpecification", "Index": "GlobalSecondaryIndex", "LocalIndex": "LocalSecondaryIndex",
		"IndexUpdate": "GlobalSecondaryIndexUpdate", "CreateIndex": "CreateGlobalSecondaryIndexAction",
		"UpdateIndex": "UpdateGlobalSecondaryIndexAction", "DeleteIndex": "DeleteGlobalSecondaryIndexAction",
	}[t.Name()]
	if !ok {
		name = t.Name()
	}
	return service + name
}

func decodeList(tree any, v reflect.Value) error {
	list, ok := tree.([]any)
	if !ok {
		if _, isMap := tree.(map[string]any); isMap {
			return serialization(structureFound)
		}
		return serialization(fieldType)
	}
	s := reflect.MakeSlice(v.Type(), len(list), len(list))
	for i, e := range list {
		if e == nil {
			continue
		}
		if err := decodeInto(e, s.Index(i), true); err != nil {
			return err
		}
	}
	v.Set(s)
	return nil
}

func decodeMap(tree any, v reflect.Value) error {
	m, ok := tree.(map[string]any)
	if !ok {
		if _, isList := tree.([]any); isList {
			return serialization("Unrecognized collection type java.util.Map<java.lang.String, " + className(v.Type().Elem()) + ">")
		}
		return serialization(fieldType)
	}
	out := reflect.MakeMapWithSize(v.Type(), len(m))
	for k, e := range m {
		if e == nil {
			continue
		}
		el := reflect.New(v.Type().Elem()).Elem()
		if err := decodeInto(e, el, true); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(k), el)
	}
	v.Set(out)
	return nil
}

// javaScalars are the names that AWS's messages give the types of scalars.
var javaScalars = map[reflect.Kind]string{reflect.String: "String", reflect.Bool: "Boolean", reflect.Int32: "Integer", reflect.Int64: "Long"}

func decodeScalar(tree any, v reflect.Value) error {
	kind := javaScalars[v.Kind()]
	switch x := tree.(type) {
	case []any:
		return serialization("Unrecognized collection type class java.lang." + kind)
	case map[string]any:
		return serialization(structureFound)
	case string:
		return setString(x, v)
	case bool:
		if v.Kind() == reflect.Bool {
			v.SetBool(x)
			return nil
		}
		return serialization(map[bool]string{true: "TRUE_VALUE", false: "FALSE_VALUE"}[x] + " cannot be converted to " + kind)
	case json.Number:
		if v.CanInt() {
			return setInt(x, v)
		}
		token := "NUMBER_VALUE"
		if n, err := x.Int64(); err != nil || n != 0 && strings.Contains(x.String(), ".") {
			token = "DECIMAL_VALUE"
		}
		return serialization(token + " cannot be converted to " + kind)
	}
	return serialization(fieldType)
}

func setString(s string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		switch strings.ToUpper(s) {
		case "TRUE", "1", "YES":
			v.SetBool(true)
		case "FALSE", "0", "NO":
			v.SetBool(false)
		default:
			return serialization("Unexpected token received from parser")
		}
	default:
		return serialization("STRING_VALUE cannot be converted to " + javaScalars[v.Kind()])
	}
	return nil
}

// setInt cuts a fraction off, as AWS does, and keeps to the bounds of the type.
func setInt(n json.Number, v reflect.Value) error {
	i, err := n.Int64()
	if err != nil {
		f, ok := new(big.Float).SetString(n.String())
		if !ok || len(n) > 64 {
			return serialization("NUMBER_VALUE cannot be converted to " + javaScalars[v.Kind()])
		}
		i, _ = f.Int64()
	}
	if v.Kind() == reflect.Int32 {
		i = min(max(i, math.MinInt32), math.MaxInt32)
	}
	v.SetInt(i)
	return nil
}
