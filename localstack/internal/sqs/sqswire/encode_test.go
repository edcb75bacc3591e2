package sqswire

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
)

// EncodeForm is the reverse of decodeForm: an input as the parameters of a
// query request.
func EncodeForm(in any) url.Values {
	form := url.Values{}
	encodeFormStruct(form, "", reflect.ValueOf(in))
	return form
}

func encodeFormStruct(form url.Values, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		name := queryName(v.Type().Field(i))
		encodeFormValue(form, prefix+name, name, v.Field(i))
	}
}

func encodeFormValue(form url.Values, key, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.Len() > 0 {
			form.Set(key, v.String())
		}
	case reflect.Int32, reflect.Int64:
		form.Set(key, strconv.FormatInt(v.Int(), 10))
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if v.Elem().Kind() == reflect.String { // an empty one isn't none
			form.Set(key, v.Elem().String())
			return
		}
		encodeFormValue(form, key, name, v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if v.Len() > 0 {
				form.Set(key, base64.StdEncoding.EncodeToString(v.Bytes()))
			}
			return
		}
		for i := range v.Len() {
			encodeFormElement(form, fmt.Sprintf("%s.%d", key, i+1), name, v.Index(i))
		}
	case reflect.Map:
		keys := map[string]reflect.Value{}
		for k, e := range v.Seq2() {
			keys[k.String()] = e
		}
		for i, k := range slices.Sorted(maps.Keys(keys)) {
			pair := fmt.Sprintf("%s.%d.", key, i+1)
			form.Set(pair+keyName(name), k)
			encodeFormElement(form, pair+"Value", name, keys[k])
		}
	case reflect.Struct:
		encodeFormStruct(form, key+".", v)
	}
}

// encodeFormElement says also what is empty, so that the list stays as long.
func encodeFormElement(form url.Values, key, name string, v reflect.Value) {
	before := len(form)
	encodeFormValue(form, key, name, v)
	if len(form) == before {
		form.Set(key, "")
	}
}
