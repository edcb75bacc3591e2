package dynamodbwire

import (
	"encoding/base64"
	"fmt"
	"reflect"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// maxNesting bounds the tree of a value well above DynamoDB's own limit, which
// the engine checks.
const maxNesting = 100

// attribute reads {"S": "…"}. What has the wrong JSON type is an error now;
// what isn't a value by DynamoDB's rules is an Invalid value, for the engine to
// find in its turn.
func attribute(tree any, member bool) (value.Value, error) { return attributeAt(tree, member, 0) }

func attributeAt(tree any, member bool, depth int) (value.Value, error) {
	m, err := object(tree, reflect.TypeFor[value.Value](), member)
	if err != nil {
		return value.Value{}, err
	}
	if depth > maxNesting {
		return value.Value{}, serialization("Nesting Levels have exceeded supported limits")
	}
	found := value.Value{Str: "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"}
	n := 0
	// Each member is read, so that the wrong type of any is told, in this order.
	for _, name := range []string{"S", "B", "N", "BOOL", "NULL", "BS", "NS", "SS", "L", "M"} {
		t, ok := m[name]
		if !ok || t == nil {
			continue
		}
		v, err := typed(name, t, depth)
		if err != nil {
			return v, err
		}
		if n++; n == 1 || v.Kind == value.Invalid && found.Kind != value.Invalid {
			found = v
		}
	}
	if n > 1 && found.Kind != value.Invalid {
		found = value.Value{Str: "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"}
	}
	return found, nil
}

// typed reads the member of one type.
func typed(name string, tree any, depth int) (value.Value, error) {
	switch name {
	case "S", "N":
		s, err := scalar[string](tree)
		if name == "N" {
			return value.N(s), err
		}
		return value.S(s), err
	case "B":
		b, err := blob(tree)
		return value.B([]byte(b)), err
	case "BOOL", "NULL":
		b, err := scalar[bool](tree)
		if name == "BOOL" {
			return value.Bool(b), err
		}
		if !b {
			return value.Value{Str: "One or more parameter values were invalid: Null attribute value types must have the value of true"}, err
		}
		return value.Null(), err
	case "SS", "NS", "BS":
		return set(name, tree)
	case "L":
		return list(tree, depth)
	default:
		return document(tree, depth)
	}
}

func scalar[T any](tree any) (T, error) {
	var x T
	err := decodeScalar(tree, reflect.ValueOf(&x).Elem())
	return x, err
}

func blob(tree any) (string, error) {
	s, ok := tree.(string)
	switch tree.(type) {
	case []any:
		return "", serialization("Unrecognized collection type class java.nio.ByteBuffer")
	case map[string]any:
		return "", serialization(structureFound)
	}
	if !ok {
		return "", serialization("only base-64-encoded strings are convertible to bytes")
	}
	if len(s)%4 != 0 {
		return "", serialization(fmt.Sprintf("Base64 encoded length is expected a multiple of 4 bytes but found: %d", len(s)))
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return "", serialization("Invalid last non-pad Base64 character dectected")
	}
	return string(b), nil
}

func set(name string, tree any) (value.Value, error) {
	l, err := elements(tree)
	if err != nil {
		return value.Value{}, err
	}
	members := make([]string, len(l))
	for i, e := range l {
		read := scalar[string]
		if name == "BS" {
			read = blob
		}
		if members[i], err = read(e); err != nil {
			return value.Value{}, err
		}
	}
	return map[string]func(...string) value.Value{"SS": value.SS, "NS": value.NS, "BS": value.BS}[name](members...), nil
}

func elements(tree any) ([]any, error) {
	switch x := tree.(type) {
	case []any:
		return x, nil
	case map[string]any:
		return nil, serialization(structureFound)
	}
	return nil, serialization(fieldType)
}

func list(tree any, depth int) (value.Value, error) {
	l, err := elements(tree)
	out := make([]value.Value, len(l))
	for i, e := range l {
		if out[i], err = attributeAt(e, true, depth+1); err != nil {
			break
		}
	}
	return value.L(out...), err
}

func document(tree any, depth int) (value.Value, error) {
	m, ok := tree.(map[string]any)
	if !ok {
		if _, isList := tree.([]any); isList {
			return value.Value{}, serialization("Unrecognized collection type java.util.Map<java.lang.String, " + service + "AttributeValue>")
		}
		return value.Value{}, serialization(fieldType)
	}
	out := make(map[string]value.Value, len(m))
	for k, e := range m {
		v, err := attributeAt(e, true, depth+1)
		if err != nil {
			return v, err
		}
		out[k] = v
	}
	return value.M(out), nil
}
