package api

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

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
	p := presence{dec: jsontext.NewDecoder(bytes.NewBuffer(body)), root: t}
	return p.value(t)
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
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, a *errand.Artifact) error {
		if dec.PeekKind() == '"' {
			return json.UnmarshalDecode(dec, &a.Path)
		}
		var o artifactObject
		err := json.UnmarshalDecode(dec, &o)
		*a = errand.Artifact(o)
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

type artifactObject struct {
	Path     string `json:"path"`
	Name     string `json:"name,omitempty"`
	Optional bool   `json:"optional,omitempty"`
	When     string `json:"when,omitempty"`
}

type argvObject struct {
	Argv []string `json:"argv"`
}

type base64Object struct {
	Base64 []byte `json:"base64"`
}

// objectForms are the object forms of the types that may be a string.
var objectForms = map[reflect.Type]reflect.Type{
	reflect.TypeFor[errand.Command]():  reflect.TypeFor[argvObject](),
	reflect.TypeFor[errand.Bytes]():    reflect.TypeFor[base64Object](),
	reflect.TypeFor[errand.Artifact](): reflect.TypeFor[artifactObject](),
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
		if i := slices.IndexFunc(fieldsOf(t), func(f field) bool { return f.name == name }); i >= 0 {
			return fieldsOf(t)[i].typ
		}
	}
	return nil
}

// presence checks, in a body that could be read as a root, that required members are
// there and that null stands only for what may be left out.
type presence struct {
	dec  *jsontext.Decoder
	root reflect.Type
}

func (p *presence) path() string { return pathOf(p.dec.StackPointer(), p.root) }

// value checks the next value, which could be read as a t.
func (p *presence) value(t reflect.Type) error {
	var err error
	switch p.dec.PeekKind() {
	case 'n':
		_, err = p.dec.ReadToken()
		k := t.Kind()
		if _, ok := objectForms[t]; ok || k != reflect.Pointer && k != reflect.Slice && k != reflect.Map {
			err = wrongType(p.path(), "must not be null")
		}
	case '[':
		err = p.elements(valueType(t).Elem())
	case '{':
		err = p.members(valueType(t))
	default:
		err = p.dec.SkipValue()
	}
	return err
}

func (p *presence) elements(t reflect.Type) error {
	_, err := p.dec.ReadToken()
	for err == nil && p.dec.PeekKind() != ']' {
		err = p.value(t)
	}
	if err == nil {
		_, err = p.dec.ReadToken()
	}
	return err
}

func (p *presence) members(t reflect.Type) error {
	var fields []field
	if t.Kind() == reflect.Struct {
		fields = fieldsOf(t)
	}
	given := make([]string, 0, len(fields))
	_, err := p.dec.ReadToken()
	for err == nil && p.dec.PeekKind() != '}' {
		var name jsontext.Token
		if name, err = p.dec.ReadToken(); err == nil {
			given = append(given, name.String())
			err = p.value(memberType(t, given[len(given)-1]))
		}
	}
	if err == nil {
		_, err = p.dec.ReadToken()
	}
	if err != nil {
		return err
	}
	for _, f := range fields {
		if f.required && !slices.Contains(given, f.name) {
			at := strings.TrimPrefix(p.path()+"."+f.name, ".")
			return errand.InvalidField(at, "%s is missing", at)
		}
	}
	return nil
}

// field is a member of an object: required unless its tag says omitempty or omitzero.
type field struct {
	name     string
	typ      reflect.Type
	required bool
}

var structFields sync.Map // []field by reflect.Type

// fieldsOf are the members of t's JSON in the order of their names, those of embedded
// structs among them.
func fieldsOf(t reflect.Type) []field {
	if f, ok := structFields.Load(t); ok {
		return f.([]field)
	}
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			fields = append(fields, fieldsOf(f.Type)...)
			continue
		}
		if name == "-" { // it is not in the JSON
			continue
		}
		optional := strings.Contains(opts, "omitempty") || strings.Contains(opts, "omitzero")
		fields = append(fields, field{name, f.Type, !optional})
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	structFields.Store(t, fields)
	return fields
}
