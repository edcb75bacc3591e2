package value

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// setText is the set's members as they stand in JSON.
func (v Value) setText() []string {
	if v.Kind != KindBS {
		return v.Set
	}
	out := make([]string, len(v.Set))
	for i, m := range v.Set {
		out[i] = base64.StdEncoding.EncodeToString([]byte(m))
	}
	return out
}

// MarshalJSON writes the wire form: {"S": "…"}.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil) }

// AppendJSON appends the wire form.
func (v Value) AppendJSON(b []byte) ([]byte, error) {
	if v.Kind == Invalid {
		return nil, fmt.Errorf("marshal an invalid attribute value: %s", v.Str)
	}
	b = append(b, '{', '"')
	b = append(b, v.Kind.String()...)
	b = append(b, '"', ':')
	var err error
	switch v.Kind {
	case KindS, KindN:
		b = appendString(b, v.Str)
	case KindB:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, []byte(v.Str))
		b = append(b, '"')
	case KindBool, KindNull:
		b = strconv.AppendBool(b, v.Bool)
	case KindSS, KindNS, KindBS:
		b = append(b, '[')
		for i, m := range v.setText() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, m)
		}
		b = append(b, ']')
	case KindL:
		b = append(b, '[')
		for i, e := range v.List {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = e.AppendJSON(b); err != nil {
				return nil, err
			}
		}
		b = append(b, ']')
	case KindM:
		if b, err = Item(v.Map).AppendJSON(b); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// MarshalJSON writes the wire form: {"name": {"S": "…"}}, names in order.
func (it Item) MarshalJSON() ([]byte, error) { return it.AppendJSON(nil) }

// AppendJSON appends the wire form; a nil item is {}.
func (it Item) AppendJSON(b []byte) ([]byte, error) {
	b = append(b, '{')
	var room [16]string
	for i, name := range it.appendNames(room[:0]) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		var err error
		if b, err = it[name].AppendJSON(b); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendString quotes s. Most strings need no escape.
func appendString(b []byte, s string) []byte {
	if n := Plain(s); n < len(s) && !plainUTF8(s[n:]) {
		return appendQuoted(b, s)
	}
	return append(append(append(b, '"'), s...), '"')
}

// plainUTF8 reports whether s needs no escape, where some of it isn't ASCII.
func plainUTF8(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			return false
		}
	}
	return utf8.ValidString(s)
}

func appendQuoted(b []byte, s string) []byte {
	q, _ := json.Marshal(s) // a string can't fail to marshal
	return append(b, q...)
}
