package dynamodbwire

import (
	"encoding/base64"
	"reflect"
	"sync"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// readFast reads a request into an input as decode does, in one pass and with no
// tree between. It takes what clients send; for everything else, it reports
// false: bad JSON, a wrong type, a null, a member that the input doesn't have.
// Then the input is to be read again by decode, which knows AWS's words for
// what is wrong.
func readFast(body string, into any) bool {
	v := reflect.ValueOf(into).Elem()
	s := &scanner{text: body}
	readerOf(v.Type())(s, v)
	return s.next() == 0 && !s.failed && s.at == len(body)
}

// A reader reads the value at hand, and overwrites what it is given.
type reader func(*scanner, reflect.Value)

var readers sync.Map // by reflect.Type: reader

// readerOf returns the reader of a type. No input holds itself.
func readerOf(t reflect.Type) reader {
	if r, ok := readers.Load(t); ok {
		return r.(reader)
	}
	r := newReader(t)
	readers.Store(t, r)
	return r
}

func newReader(t reflect.Type) reader {
	switch t {
	case reflect.TypeFor[value.Value]():
		return func(s *scanner, v reflect.Value) { *v.Addr().Interface().(*value.Value) = s.value(0) }
	case reflect.TypeFor[value.Item]():
		return func(s *scanner, v reflect.Value) { *v.Addr().Interface().(*value.Item) = s.item(0) }
	}
	switch t.Kind() {
	case reflect.String:
		return func(s *scanner, v reflect.Value) { v.SetString(s.string()) }
	case reflect.Bool:
		return func(s *scanner, v reflect.Value) { v.SetBool(s.bool()) }
	case reflect.Int32, reflect.Int64:
		return func(s *scanner, v reflect.Value) { v.SetInt(s.int()) }
	case reflect.Pointer:
		return pointerReader(t)
	case reflect.Slice:
		return sliceReader(t)
	case reflect.Map:
		return mapReader(t)
	case reflect.Struct:
		return structReader(t)
	}
	return func(s *scanner, _ reflect.Value) { s.fail() }
}

func pointerReader(t reflect.Type) reader {
	read := readerOf(t.Elem())
	return func(s *scanner, v reflect.Value) {
		p := reflect.New(t.Elem())
		read(s, p.Elem())
		v.Set(p)
	}
}

func sliceReader(t reflect.Type) reader {
	read := readerOf(t.Elem())
	return func(s *scanner, v reflect.Value) {
		v.Set(reflect.MakeSlice(t, 0, 2))
		s.elements(func() {
			n := v.Len()
			v.Grow(1)
			v.SetLen(n + 1)
			v.Index(n).SetZero()
			read(s, v.Index(n))
		})
	}
}

func mapReader(t reflect.Type) reader {
	if t == reflect.TypeFor[map[string]string]() {
		return func(s *scanner, v reflect.Value) {
			m := map[string]string{}
			s.members(func(name string) { m[name] = s.string() })
			v.Set(reflect.ValueOf(m))
		}
	}
	read := readerOf(t.Elem())
	return func(s *scanner, v reflect.Value) {
		m := reflect.MakeMap(t)
		s.members(func(name string) {
			e := reflect.New(t.Elem()).Elem()
			read(s, e)
			m.SetMapIndex(reflect.ValueOf(name), e)
		})
		v.Set(m)
	}
}

func structReader(t reflect.Type) reader {
	type field struct {
		index int
		read  reader
	}
	fields := map[string]field{}
	for i, name := range wireNames(t) {
		fields[name] = field{i, readerOf(t.Field(i).Type)}
	}
	return func(s *scanner, v reflect.Value) {
		v.SetZero() // by a member that comes twice
		s.members(func(name string) {
			f, ok := fields[name]
			if !ok {
				s.fail()
				return
			}
			f.read(s, v.Field(f.index))
		})
	}
}

// item reads attributes by name.
func (s *scanner) item(depth int) value.Item {
	it := value.Item{}
	s.members(func(name string) { it[name] = s.value(depth) })
	return it
}

// value reads {"S": "…"}: a value of one type.
func (s *scanner) value(depth int) (v value.Value) {
	if depth > maxNesting {
		s.fail()
	}
	s.expect('{')
	kind := s.string()
	s.expect(':')
	switch kind {
	case "S":
		v = value.S(s.string())
	case "N":
		v = value.N(s.string())
	case "B":
		v = value.B([]byte(s.blob()))
	case "BOOL":
		v = value.Bool(s.bool())
	case "NULL":
		s.word("true")
		v = value.Null()
	case "SS":
		v = value.SS(s.strings((*scanner).string)...)
	case "NS":
		v = value.NS(s.strings((*scanner).string)...)
	case "BS":
		v = value.BS(s.strings((*scanner).blob)...)
	case "L":
		list := []value.Value{}
		s.elements(func() { list = append(list, s.value(depth+1)) })
		v = value.L(list...)
	case "M":
		v = value.M(s.item(depth + 1))
	default:
		s.fail()
	}
	s.expect('}')
	return v
}

func (s *scanner) strings(read func(*scanner) string) []string {
	members := []string{}
	s.elements(func() { members = append(members, read(s)) })
	return members
}

// blob reads a string of base64.
func (s *scanner) blob() string {
	text := s.string()
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(text)%4 != 0 { // a line's end is none of base64's here
		s.fail()
	}
	return string(b)
}
