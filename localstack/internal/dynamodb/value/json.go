package value

import (
	"encoding/base64"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonMembers returns the set's members as JSON represents them.
func (v Value) jsonMembers() []string {
	if v.Kind != KindBS {
		return v.Set
	}
	out := make([]string, len(v.Set))
	for i, m := range v.Set {
		out[i] = base64.StdEncoding.EncodeToString([]byte(m))
	}
	return out
}

// MarshalJSONTo writes the wire form: {"S": "…"}.
func (v Value) MarshalJSONTo(e *jsontext.Encoder) error {
	if v.Kind == Invalid {
		return fmt.Errorf("marshal an invalid attribute value: %s", v.Str)
	}
	if err := writeTokens(e, jsontext.BeginObject, jsontext.String(v.Kind.String())); err != nil {
		return err
	}
	if err := v.marshalMember(e); err != nil {
		return err
	}
	return e.WriteToken(jsontext.EndObject)
}

// marshalMember writes the value after the name of the kind.
func (v Value) marshalMember(e *jsontext.Encoder) error {
	switch v.Kind {
	case KindB:
		return e.WriteToken(jsontext.String(base64.StdEncoding.EncodeToString([]byte(v.Str))))
	case KindBool, KindNull:
		return e.WriteToken(jsontext.Bool(v.Bool))
	case KindSS, KindNS, KindBS:
		return writeArray(e, v.jsonMembers(), func(m string) error { return e.WriteToken(jsontext.String(m)) })
	case KindL:
		return writeArray(e, v.List, func(m Value) error { return m.MarshalJSONTo(e) })
	case KindM:
		return Item(v.Map).MarshalJSONTo(e)
	default:
		return e.WriteToken(jsontext.String(v.Str))
	}
}

// MarshalJSONTo writes the wire form: {"name": {"S": "…"}}, in the order of the
// names. A nil item is {}.
func (it Item) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, name := range it.Names() {
		if err := e.WriteToken(jsontext.String(name)); err != nil {
			return err
		}
		if err := it[name].MarshalJSONTo(e); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

func writeArray[T any](e *jsontext.Encoder, elements []T, write func(T) error) error {
	if err := e.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for _, x := range elements {
		if err := write(x); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndArray)
}

func writeTokens(e *jsontext.Encoder, tokens ...jsontext.Token) error {
	for _, t := range tokens {
		if err := e.WriteToken(t); err != nil {
			return err
		}
	}
	return nil
}
