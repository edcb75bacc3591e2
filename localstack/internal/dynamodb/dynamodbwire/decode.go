package dynamodbwire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// jsonOptions read and write JSON as AWS does: of two members with the same
// name the last counts, and bytes that aren't UTF-8 are replaced.
var jsonOptions = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), json.Deterministic(true))

var decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(new(bytes.Buffer)) }}

func validJSON(body []byte) bool { return jsontext.Value(body).IsValid(jsonOptions) }

// decode reads a request into an input. Names are exact, unknown members are
// ignored, null is absent. Bad JSON is a SerializationException without a
// message; a member of the wrong type is one with AWS's words.
func decode(body []byte, into any) error {
	d := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(d)
	d.Reset(bytes.NewBuffer(body), jsonOptions)
	err := decodeInput(d, reflect.ValueOf(into).Elem())
	if err == nil {
		if _, err = d.ReadToken(); errors.Is(err, io.EOF) {
			return nil
		}
	}
	var wrongType *awswire.Error
	if errors.As(err, &wrongType) && validJSON(body) {
		return wrongType
	}
	return serialization("")
}

func decodeInput(d *jsontext.Decoder, v reflect.Value) error {
	if d.PeekKind() != jsontext.KindBeginObject {
		return serialization("Start of structure or map expected")
	}
	return decodeStruct(d, v, false)
}

var (
	valueType = reflect.TypeFor[value.Value]()
	itemType  = reflect.TypeFor[value.Item]()
)

const (
	structureFound = "Start of structure or map found where not expected"
	fieldType      = "Unexpected field type"
	service        = "com.amazonaws.dynamodb.v20120810."
)

// begin reads the beginning of an object or an array, of which t is made. other
// is the message for a scalar.
func begin(d *jsontext.Decoder, want jsontext.Kind, t reflect.Type, other string) error {
	switch got := d.PeekKind(); got {
	case want:
		_, err := d.ReadToken()
		return err
	case jsontext.KindBeginArray:
		return serialization("Unrecognized collection type " + collectionName(t))
	case jsontext.KindBeginObject:
		return serialization(structureFound)
	}
	return serialization(other)
}

// decodeMembers reads an object, and calls f with the name of each member. The name
// is valid until f reads on.
func decodeMembers(d *jsontext.Decoder, t reflect.Type, other string, f func(name []byte) error) error {
	if err := begin(d, jsontext.KindBeginObject, t, other); err != nil {
		return err
	}
	for d.PeekKind() != jsontext.KindEndObject {
		quoted, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := f(unquote(quoted)); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// unquote returns the text of a JSON string: a part of it, if nothing is escaped.
func unquote(quoted jsontext.Value) []byte {
	text := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		return text
	}
	text, _ = jsontext.AppendUnquote(nil, quoted) // an error is invalid UTF-8, which is replaced
	return text
}

// decodeElements reads an array, and calls f for each element.
func decodeElements(d *jsontext.Decoder, other string, f func() error) error {
	if err := begin(d, jsontext.KindBeginArray, nil, other); err != nil {
		return err
	}
	for d.PeekKind() != jsontext.KindEndArray {
		if err := f(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// decodeInto reads a value into v. member is true inside a list or map, where
// some of AWS's words differ.
func decodeInto(d *jsontext.Decoder, v reflect.Value, member bool) error {
	if d.PeekKind() == jsontext.KindNull {
		v.SetZero()
		return d.SkipValue()
	}
	// Most of a request is attribute values: they are read without reflection.
	switch into := v.Addr().Interface().(type) {
	case *value.Value:
		var err error
		*into, err = decodeValue(d, member, 0)
		return err
	case *value.Item:
		return decodeItem(d, into, member)
	case *map[string]value.Value:
		return decodeItem(d, (*value.Item)(into), member)
	case *dynamodb.Unsupported:
		*into = true
		return d.SkipValue()
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeInto(d, v.Elem(), member)
	case reflect.Struct:
		return decodeStruct(d, v, member)
	case reflect.Slice:
		return decodeSlice(d, v, member)
	case reflect.Map:
		return decodeMap(d, v)
	default:
		return decodeScalar(d, v)
	}
}

func decodeStruct(d *jsontext.Decoder, v reflect.Value, member bool) error {
	v.SetZero()
	fields := fieldsOf(v.Type())
	return decodeMembers(d, v.Type(), scalarForObject(member), func(name []byte) error {
		i, ok := fields[string(name)]
		if !ok {
			return d.SkipValue()
		}
		return decodeInto(d, v.Field(i), false)
	})
}

// scalarForObject is the message for a scalar in the place of an object.
func scalarForObject(member bool) string {
	if member {
		return "Unexpected value type in payload"
	}
	return fieldType
}

// scalarForCollection is the message for a scalar in the place of an array, or of an
// item. Inside a list or map AWS answers with the text of a Java exception.
func scalarForCollection(member bool) string {
	if member {
		return "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class " +
			"(sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base of loader 'bootstrap')"
	}
	return fieldType
}

var structFields sync.Map // by reflect.Type: map[string]int

// fieldsOf are the indexes of a struct's fields, by their names on the wire.
func fieldsOf(t reflect.Type) map[string]int {
	if f, ok := structFields.Load(t); ok {
		return f.(map[string]int)
	}
	fields := map[string]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		fields[name] = i
	}
	structFields.Store(t, fields)
	return fields
}

// collectionName is how AWS's messages name what an object should be.
func collectionName(t reflect.Type) string {
	if t.Kind() == reflect.Map {
		return className(t)
	}
	return "class " + className(t)
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
	case reflect.Map:
		return "java.util.Map<java.lang.String, " + className(t.Elem()) + ">"
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

func decodeSlice(d *jsontext.Decoder, v reflect.Value, member bool) error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 1))
	return decodeElements(d, scalarForCollection(member), func() error {
		n := v.Len()
		v.Grow(1)
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		return decodeInto(d, v.Index(n), true)
	})
}

func decodeMap(d *jsontext.Decoder, v reflect.Value) error {
	v.Set(reflect.MakeMap(v.Type()))
	return decodeMembers(d, v.Type(), fieldType, func(name []byte) error {
		key := reflect.ValueOf(string(name))
		if d.PeekKind() == jsontext.KindNull {
			v.SetMapIndex(key, reflect.Value{})
			return d.SkipValue()
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := decodeInto(d, e, true); err != nil {
			return err
		}
		v.SetMapIndex(key, e)
		return nil
	})
}

// decodeItem is decodeMap for attribute values.
func decodeItem(d *jsontext.Decoder, into *value.Item, member bool) error {
	// Mostly the item is the rest of the request, and an attribute takes some 40
	// bytes: a map that grows costs twice as much.
	item := make(value.Item, min(len(d.UnreadBuffer())/40, 32))
	*into = item
	return decodeMembers(d, itemType, scalarForCollection(member), func(n []byte) error {
		name := string(n)
		if d.PeekKind() == jsontext.KindNull {
			delete(item, name)
			return d.SkipValue()
		}
		v, err := decodeValue(d, true, 0)
		if err == nil {
			item[name] = v
		}
		return err
	})
}

func decodeScalar(d *jsontext.Decoder, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		s, err := decodeString(d)
		v.SetString(s)
		return err
	case reflect.Bool:
		b, err := decodeBool(d)
		v.SetBool(b)
		return err
	case reflect.Int32:
		n, err := decodeInt(d, "Integer")
		v.SetInt(min(max(n, math.MinInt32), math.MaxInt32))
		return err
	default:
		n, err := decodeInt(d, "Long")
		v.SetInt(n)
		return err
	}
}

func decodeString(d *jsontext.Decoder) (string, error) {
	t, err := d.ReadToken()
	if err != nil {
		return "", err
	}
	if t.Kind() != jsontext.KindString {
		return "", notConvertible(t, "String")
	}
	return t.String(), nil
}

func decodeBool(d *jsontext.Decoder) (bool, error) {
	t, err := d.ReadToken()
	if err != nil {
		return false, err
	}
	switch t.Kind() {
	case jsontext.KindTrue, jsontext.KindFalse:
		return t.Bool(), nil
	case jsontext.KindString:
		switch strings.ToUpper(t.String()) {
		case "TRUE", "1", "YES":
			return true, nil
		case "FALSE", "0", "NO":
			return false, nil
		}
		return false, serialization("Unexpected token received from parser")
	}
	return false, notConvertible(t, "Boolean")
}

// decodeInt cuts off a fraction and keeps to the bounds of an int64, as AWS does.
func decodeInt(d *jsontext.Decoder, javaType string) (int64, error) {
	t, err := d.ReadToken()
	if err != nil {
		return 0, err
	}
	if t.Kind() != jsontext.KindNumber {
		return 0, notConvertible(t, javaType)
	}
	n, _ := t.Int() // an error comes with the nearest integer
	return n, nil
}

// notConvertible is the error for a token in the place of a scalar.
func notConvertible(t jsontext.Token, javaType string) error {
	var found string
	switch t.Kind() {
	case jsontext.KindBeginArray:
		return serialization("Unrecognized collection type class java.lang." + javaType)
	case jsontext.KindBeginObject:
		return serialization(structureFound)
	case jsontext.KindString:
		found = "STRING_VALUE"
	case jsontext.KindTrue:
		found = "TRUE_VALUE"
	case jsontext.KindFalse:
		found = "FALSE_VALUE"
	case jsontext.KindNumber:
		found = "NUMBER_VALUE"
		if _, err := t.Int(); err != nil {
			found = "DECIMAL_VALUE"
		}
	default:
		return serialization(fieldType)
	}
	return serialization(found + " cannot be converted to " + javaType)
}
