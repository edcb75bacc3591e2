package dynamodbwire

import (
	"encoding/base64"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// decodeValue reads an AttributeValue: {"S": "…"}. What has the wrong JSON type
// is an error now; what isn't a value by DynamoDB's rules is an Invalid value,
// which the engine reports after what it checks before.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
func decodeValue(d *jsontext.Decoder, member bool, depth int) (value.Value, error) {
	if depth > value.MaxDepth { // which the engine reports
		return value.Value{}, d.SkipValue()
	}
	found := value.Value{Str: "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"}
	n := 0
	err := decodeMembers(d, valueType, scalarForObject(member), func(name []byte) error {
		kind := value.KindOf(string(name))
		if kind == value.Invalid || d.PeekKind() == jsontext.KindNull {
			return d.SkipValue()
		}
		v, err := decodeKind(d, kind, depth)
		if n++; n == 1 || v.Kind == value.Invalid && found.Kind != value.Invalid {
			found = v
		}
		return err
	})
	if n > 1 && found.Kind != value.Invalid {
		found = value.Value{Str: "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"}
	}
	return found, err
}

// decodeKind reads the member of an AttributeValue that has this kind.
func decodeKind(d *jsontext.Decoder, kind value.Kind, depth int) (value.Value, error) {
	switch kind {
	case value.KindS:
		s, err := decodeString(d)
		return value.S(s), err
	case value.KindN:
		s, err := decodeString(d)
		return value.N(s), err
	case value.KindB:
		b, err := decodeBinary(d)
		return value.B([]byte(b)), err
	case value.KindBool:
		b, err := decodeBool(d)
		return value.Bool(b), err
	case value.KindNull:
		b, err := decodeBool(d)
		if !b {
			return value.Value{Str: "One or more parameter values were invalid: Null attribute value types must have the value of true"}, err
		}
		return value.Null(), err
	case value.KindSS:
		members, err := decodeSet(d, decodeString)
		return value.SS(members...), err
	case value.KindNS:
		members, err := decodeSet(d, decodeString)
		return value.NS(members...), err
	case value.KindBS:
		members, err := decodeSet(d, decodeBinary)
		return value.BS(members...), err
	case value.KindL:
		return decodeList(d, depth)
	default:
		return decodeDocument(d, depth)
	}
}

func decodeBinary(d *jsontext.Decoder) (string, error) {
	t, err := d.ReadToken()
	if err != nil {
		return "", err
	}
	switch t.Kind() {
	case jsontext.KindString:
	case jsontext.KindBeginArray:
		return "", serialization("Unrecognized collection type class java.nio.ByteBuffer")
	case jsontext.KindBeginObject:
		return "", serialization(structureFound)
	default:
		return "", serialization("only base-64-encoded strings are convertible to bytes")
	}
	s := t.String()
	if len(s)%4 != 0 {
		return "", serialization(fmt.Sprintf("Base64 encoded length is expected a multiple of 4 bytes but found: %d", len(s)))
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return "", serialization("Invalid last non-pad Base64 character dectected")
	}
	return string(b), nil
}

func decodeSet(d *jsontext.Decoder, decodeMember func(*jsontext.Decoder) (string, error)) ([]string, error) {
	members := []string{}
	err := decodeElements(d, fieldType, func() error {
		m, err := decodeMember(d)
		members = append(members, m)
		return err
	})
	return members, err
}

func decodeList(d *jsontext.Decoder, depth int) (value.Value, error) {
	list := []value.Value{}
	err := decodeElements(d, fieldType, func() error {
		v, err := decodeValue(d, true, depth+1)
		list = append(list, v)
		return err
	})
	return value.L(list...), err
}

func decodeDocument(d *jsontext.Decoder, depth int) (value.Value, error) {
	document := map[string]value.Value{}
	err := decodeMembers(d, itemType, fieldType, func(n []byte) error {
		name := string(n)
		v, err := decodeValue(d, true, depth+1)
		document[name] = v
		return err
	})
	return value.M(document), err
}
