package sqswire

import (
	"bytes"
	"encoding/base64"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// encodeXML writes an output as an element of the query protocol. Lists and maps
// are flattened, and empty members are left out.
func encodeXML(b *bytes.Buffer, name string, out any) {
	encodeValue(b, name, reflect.ValueOf(out))
}

func encodeValue(b *bytes.Buffer, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.Len() > 0 {
			awswire.WriteElement(b, name, v.String())
		}
	case reflect.Int32, reflect.Int64:
		awswire.WriteElement(b, name, strconv.FormatInt(v.Int(), 10))
	case reflect.Bool:
		awswire.WriteElement(b, name, strconv.FormatBool(v.Bool()))
	case reflect.Pointer:
		if !v.IsNil() {
			encodeValue(b, name, v.Elem())
		}
	case reflect.Slice:
		encodeSlice(b, name, v)
	case reflect.Map:
		encodeMap(b, name, v)
	case reflect.Struct:
		encodeStruct(b, name, v)
	}
}

func encodeStruct(b *bytes.Buffer, name string, v reflect.Value) {
	var members bytes.Buffer
	for i := range v.NumField() {
		encodeValue(&members, queryName(v.Type().Field(i)), v.Field(i))
	}
	switch {
	case members.Len() > 0:
		b.WriteString("<" + name + ">")
		b.Write(members.Bytes())
		b.WriteString("</" + name + ">")
	case v.NumField() > 0: // an output type without members has no element
		b.WriteString("<" + name + "/>")
	}
}

func encodeSlice(b *bytes.Buffer, name string, v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if v.Len() > 0 {
			awswire.WriteElement(b, name, base64.StdEncoding.EncodeToString(v.Bytes()))
		}
		return
	}
	for i := range v.Len() {
		encodeValue(b, name, v.Index(i))
	}
}

func encodeMap(b *bytes.Buffer, name string, v reflect.Value) {
	values := map[string]reflect.Value{}
	for key, value := range v.Seq2() {
		values[key.String()] = value
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		b.WriteString("<" + name + ">")
		awswire.WriteElement(b, keyName(name), key)
		if value := values[key]; value.Kind() == reflect.String {
			awswire.WriteElement(b, "Value", value.String()) // an empty one, too
		} else {
			encodeValue(b, "Value", value)
		}
		b.WriteString("</" + name + ">")
	}
}
