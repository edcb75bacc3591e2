package api

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/errandhq/errand"
)

// decodeStrict reads one JSON object into v, a pointer to a type of the API. It
// refuses, naming the member: what encoding/json/v2 does (names that come twice,
// text that isn't Unicode), unknown members, members that are missing and aren't
// omitempty, and null for what must have a value.
func decodeStrict(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errand.Errorf(errand.CodeMalformed, "the body is empty; send a JSON object")
	}
	t := reflect.TypeOf(v).Elem()
	if err := json.Unmarshal(body, v, json.RejectUnknownMembers(true), json.WithUnmarshalers(unmarshalers)); err != nil {
		return decodeError(err, t)
	}
	return checkPresence("", body, t)
}

// unmarshalers read the types that are a string in JSON, or else an object, so
// that errors name the member inside it.
var unmarshalers = json.JoinUnmarshalers(
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, c *errand.Command) error {
		if dec.PeekKind() == '"' {
			return json.UnmarshalDecode(dec, &c.Shell)
		}
		var o argvObject
		err := json.UnmarshalDecode(dec, &o)
		c.Argv = o.Argv
		return err
	}),
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, b *errand.Bytes) error {
		if dec.PeekKind() == '"' {
			var s string
			err := json.UnmarshalDecode(dec, &s)
			*b = errand.Bytes(s)
			return err
		}
		var o base64Object
		err := json.UnmarshalDecode(dec, &o)
		*b = o.Base64
		return err
	}),
)

type argvObject struct {
	Argv []string `json:"argv"`
}

type base64Object struct {
	Base64 []byte `json:"base64"`
}

// objectForms are the object forms of the types that may be a string.
var objectForms = map[reflect.Type]reflect.Type{
	reflect.TypeFor[errand.Command](): reflect.TypeFor[argvObject](),
	reflect.TypeFor[errand.Bytes]():   reflect.TypeFor[base64Object](),
}

// decodeError says what is wrong with a body that was to be a t.
func decodeError(err error, t reflect.Type) error {
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntactic) && errors.Is(err, jsontext.ErrDuplicateName):
		at := pathOf(syntactic.JSONPointer, t)
		return errand.InvalidField(at, "%s is given twice", cut(at))
	case errors.As(err, &syntactic):
		return errand.Errorf(errand.CodeMalformed, "the body isn't JSON: %v, at byte %d", syntactic.Err, syntactic.ByteOffset)
	case errors.As(err, &semantic) && errors.Is(err, json.ErrUnknownName):
		at := pathOf(semantic.JSONPointer, t)
		return errand.InvalidField(at, "unknown field %q", cut(at))
	case errors.As(err, &semantic) && semantic.GoType != nil:
		return wrongType(pathOf(semantic.JSONPointer, t), expected(semantic))
	}
	return &errand.Error{Code: errand.CodeMalformed, Message: "the body isn't what it should be", Cause: err}
}

// expected says what a value should have been.
func expected(e *json.SemanticError) string {
	t, got := e.GoType, kindNames[e.JSONKind]
	if form, ok := objectForms[t]; ok {
		t = form
	}
	switch t.Kind() {
	case reflect.Bool:
		return "must be true or false, not " + got
	case reflect.Int, reflect.Int64:
		if e.JSONKind == '0' {
			return fmt.Sprintf("must be a whole number of at most %d bits, not %s", t.Bits(), cut(string(e.JSONValue)))
		}
		return "must be a number, not " + got
	case reflect.Struct, reflect.Map:
		return "must be an object, not " + got
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return "must be an array, not " + got
		}
		if e.JSONKind == '"' {
			return "must be base64 with padding"
		}
	}
	return "must be a string, not " + got
}

// kindNames name the kinds of JSON values for people.
var kindNames = map[jsontext.Kind]string{
	'n': "null", 'f': "true or false", 't': "true or false", '"': "a string", '0': "a number", '{': "an object", '[': "an array",
}

// wrongType is the error for the value at path; at the root it is the body.
func wrongType(path, message string) error {
	if path == "" {
		return errand.Errorf(errand.CodeMalformed, "the body %s", message)
	}
	return errand.InvalidField(path, "%s %s", cut(path), message)
}

// pathOf writes a pointer into a t as people do: commands[2].argv.
func pathOf(p jsontext.Pointer, t reflect.Type) string {
	path := ""
	for token := range p.Tokens() {
		if t = valueType(t); t != nil && t.Kind() == reflect.Slice {
			path += "[" + token + "]"
		} else {
			path = strings.TrimPrefix(path+"."+token, ".")
		}
		t = memberType(t, token)
	}
	return path
}

// valueType is the type that has t's members: a pointer's element, or the object
// form of what may be a string.
func valueType(t reflect.Type) reflect.Type {
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if form, ok := objectForms[t]; ok {
		return form
	}
	return t
}

// memberType is the type of t's member or element; nil if there is none.
func memberType(t reflect.Type, name string) reflect.Type {
	if t == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return t.Elem()
	case reflect.Struct:
		return fieldsOf(t)[name].typ
	}
	return nil
}

// checkPresence checks, in a value that could be read as a t, that required
// members are there and that null stands only for what may be left out.
func checkPresence(path string, value jsontext.Value, t reflect.Type) error {
	if value.Kind() == 'n' {
		k := t.Kind()
		if _, ok := objectForms[t]; !ok && (k == reflect.Pointer || k == reflect.Slice || k == reflect.Map) {
			return nil
		}
		return wrongType(path, "must not be null")
	}
	t = valueType(t)
	switch value.Kind() {
	case '[':
		return checkElements(path, value, t.Elem())
	case '{':
		return checkMembers(path, value, t)
	}
	return nil
}

func checkElements(path string, value jsontext.Value, t reflect.Type) error {
	var elements []jsontext.Value
	if err := json.Unmarshal(value, &elements); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	for i, e := range elements {
		if err := checkPresence(fmt.Sprintf("%s[%d]", path, i), e, t); err != nil {
			return err
		}
	}
	return nil
}

func checkMembers(path string, value jsontext.Value, t reflect.Type) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(value, &members); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	at := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := checkPresence(at(name), members[name], memberType(t, name)); err != nil {
			return err
		}
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	fields := fieldsOf(t)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := members[name]; !ok && fields[name].required {
			return errand.InvalidField(at(name), "%s is missing", at(name))
		}
	}
	return nil
}

// field is a member of an object: required unless its tag says omitempty.
type field struct {
	typ      reflect.Type
	required bool
}

// fieldsOf are the members of t's JSON by name, those of embedded structs among them.
func fieldsOf(t reflect.Type) map[string]field {
	fields := map[string]field{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			maps.Copy(fields, fieldsOf(f.Type))
			continue
		}
		fields[name] = field{f.Type, !strings.Contains(opts, "omitempty")}
	}
	return fields
}
