package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/errandhq/errand"
)

// decodeStrict reads one JSON object into v, a pointer to a wire type. What
// encoding/json lets pass is refused, with the member's path: unknown members
// (also those whose case differs), members that come twice, null for a value,
// a missing member that isn't omitempty, text that isn't Unicode, more text
// behind the object.
func decodeStrict(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errand.Errorf(errand.CodeMalformed, "the body is empty; send a JSON object")
	}
	if !utf8.Valid(body) || loneSurrogate(body) {
		return errand.Errorf(errand.CodeMalformed, "the body isn't valid Unicode; JSON is UTF-8, and \\u escapes of surrogates come in pairs")
	}
	if err := checkSyntax(body); err != nil {
		return err
	}
	w := walker{json.NewDecoder(bytes.NewReader(body))}
	w.UseNumber()
	if err := w.value("", reflect.TypeOf(v).Elem()); err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &errand.Error{Code: errand.CodeMalformed, Message: "the body isn't what it should be", Cause: err}
	}
	return nil
}

func checkSyntax(body []byte) error {
	var raw json.RawMessage
	err := json.Unmarshal(body, &raw)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return errand.Errorf(errand.CodeMalformed, "the body isn't JSON: %s, at byte %d", syntax, syntax.Offset)
	}
	if err != nil {
		return &errand.Error{Code: errand.CodeMalformed, Message: "the body isn't JSON", Cause: err}
	}
	return nil
}

// loneSurrogate finds half a pair of \u escapes, which encoding/json would
// silently replace: a command must run as it was written.
func loneSurrogate(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 >= len(b) {
			return false
		}
		if b[i+1] != 'u' {
			b = b[i+2:]
			continue
		}
		switch b = b[i:]; unit(b) & 0xfc00 {
		case 0xd800:
			if len(b) < 6 || unit(b[6:])&0xfc00 != 0xdc00 {
				return true
			}
			b = b[12:]
		case 0xdc00:
			return true
		default:
			b = b[min(6, len(b)):]
		}
	}
}

// unit is the UTF-16 unit of the \u escape that b begins with; 0 if it doesn't.
func unit(b []byte) uint64 {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return n
}

// walker compares JSON, known to be well-formed, with a Go type.
type walker struct{ *json.Decoder }

// unions are the types that are a string in JSON, or else an object.
var unions = map[reflect.Type]reflect.Type{
	reflect.TypeFor[errand.Command](): reflect.TypeFor[struct {
		Argv []string `json:"argv"`
	}](),
	reflect.TypeFor[errand.Bytes](): reflect.TypeFor[struct {
		Base64 []byte `json:"base64"`
	}](),
}

func (w walker) value(path string, t reflect.Type) error {
	tok, err := w.Token()
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	form, union := unions[t]
	if tok == nil {
		return checkNull(path, t, union)
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if union {
		if _, ok := tok.(string); ok {
			return nil
		}
		t = form
	}
	switch t.Kind() {
	case reflect.Struct:
		return w.object(path, t, tok)
	case reflect.Map:
		return w.members(path, tok, func(_, at string) error { return w.value(at, t.Elem()) })
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return w.array(path, t.Elem(), tok)
		}
	}
	return checkScalar(path, t, tok)
}

// checkNull lets null stand for what may be left out.
func checkNull(path string, t reflect.Type, union bool) error {
	k := t.Kind()
	if !union && (k == reflect.Pointer || k == reflect.Slice || k == reflect.Map) {
		return nil
	}
	return wrongType(path, "must not be null")
}

func (w walker) array(path string, elem reflect.Type, tok json.Token) error {
	if tok != json.Delim('[') {
		return wrongType(path, "must be an array, not %s", kindOf(tok))
	}
	for i := 0; w.More(); i++ {
		if err := w.value(fmt.Sprintf("%s[%d]", path, i), elem); err != nil {
			return err
		}
	}
	_, err := w.Token()
	return err
}

// members calls f for each member of an object, with its name and path, and
// refuses one that comes twice.
func (w walker) members(path string, tok json.Token, f func(name, at string) error) error {
	if tok != json.Delim('{') {
		return wrongType(path, "must be an object, not %s", kindOf(tok))
	}
	seen := map[string]bool{}
	for w.More() {
		tok, err := w.Token()
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		name, _ := tok.(string)
		at := strings.TrimPrefix(path+"."+name, ".")
		if seen[name] {
			return invalid(at, "%s is given twice", cut(at))
		}
		seen[name] = true
		if err := f(name, at); err != nil {
			return err
		}
	}
	_, err := w.Token()
	return err
}

func (w walker) object(path string, t reflect.Type, tok json.Token) error {
	known := fieldsOf(t)
	err := w.members(path, tok, func(name, at string) error {
		f, ok := known[name]
		if !ok {
			return invalid(at, "there is no field %q here", cut(at))
		}
		delete(known, name)
		return w.value(at, f.typ)
	})
	if err != nil {
		return err
	}
	missing := ""
	for name, f := range known {
		if f.required && (missing == "" || name < missing) {
			missing = name
		}
	}
	if missing != "" {
		at := strings.TrimPrefix(path+"."+missing, ".")
		return invalid(at, "%s is missing", at)
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
			for n, inner := range fieldsOf(f.Type) {
				fields[n] = inner
			}
			continue
		}
		fields[name] = field{f.Type, !strings.Contains(opts, "omitempty")}
	}
	return fields
}

func checkScalar(path string, t reflect.Type, tok json.Token) error {
	switch t.Kind() {
	case reflect.Bool:
		if _, ok := tok.(bool); !ok {
			return wrongType(path, "must be true or false, not %s", kindOf(tok))
		}
	case reflect.Int, reflect.Int64:
		n, ok := tok.(json.Number)
		if !ok {
			return wrongType(path, "must be a number, not %s", kindOf(tok))
		}
		if _, err := strconv.ParseInt(string(n), 10, t.Bits()); err != nil {
			return wrongType(path, "must be a whole number of at most %d bits, not %s", t.Bits(), cut(string(n)))
		}
	default: // a string, or bytes in base64
		s, ok := tok.(string)
		if !ok {
			return wrongType(path, "must be a string, not %s", kindOf(tok))
		}
		if _, err := base64.StdEncoding.DecodeString(s); err != nil && t.Kind() == reflect.Slice {
			return wrongType(path, "must be base64 with padding")
		}
	}
	return nil
}

// wrongType is the error for the value at path; at the root it is the body.
func wrongType(path, format string, args ...any) error {
	if path == "" {
		return errand.Errorf(errand.CodeMalformed, "the body "+format, args...)
	}
	return invalid(path, "%s "+format, append([]any{cut(path)}, args...)...)
}

// kindOf names a value's kind for people.
func kindOf(tok json.Token) string {
	switch tok := tok.(type) {
	case json.Delim:
		if tok == '[' {
			return "an array"
		}
		return "an object"
	case string:
		return "a string"
	case bool:
		return "true or false"
	}
	return "a number"
}
