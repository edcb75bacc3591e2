package value

import (
	"encoding/binary"
	"errors"
)

// Encode returns the item as it is stored: the number of attributes, then each name
// and value in the order of the names. Numbers are uvarints, strings are prefixed
// with their length. Equal items without sets have equal encodings.
func (it Item) Encode() []byte {
	return appendItem(make([]byte, 0, it.Size()+8*len(it)+8), it) // enough for most items
}

func appendItem(b []byte, it Item) []byte {
	b = binary.AppendUvarint(b, uint64(len(it)))
	var buf [16]string
	for _, name := range it.appendNames(buf[:0]) {
		b = appendBinary(appendText(b, name), it[name])
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBinary(b []byte, v Value) []byte {
	b = append(b, byte(v.Kind))
	switch v.Kind {
	case KindBool, KindNull:
		if v.Bool {
			return append(b, 1)
		}
		return append(b, 0)
	case KindSS, KindNS, KindBS:
		b = binary.AppendUvarint(b, uint64(len(v.Set)))
		for _, m := range v.Set {
			b = appendText(b, m)
		}
		return b
	case KindL:
		b = binary.AppendUvarint(b, uint64(len(v.List)))
		for _, e := range v.List {
			b = appendBinary(b, e)
		}
		return b
	case KindM:
		return appendItem(b, v.Map)
	default:
		return appendText(b, v.Str)
	}
}

var errDamaged = errors.New("a stored item is damaged")

// Decode decodes what Encode returned. The item doesn't refer to b.
func Decode[T ~string | ~[]byte](b T) (Item, error) {
	d := decoder{b: string(b)}
	it := d.item(0)
	if d.failed || len(d.b) != 0 {
		return nil, errDamaged
	}
	return it, nil
}

// A decoder returns strings that are parts of its input.
type decoder struct {
	b      string
	failed bool
}

// uvarint is binary.Uvarint for a string.
func uvarint(s string) (n uint64, width int) {
	for i := 0; i < len(s) && i < binary.MaxVarintLen32; i++ {
		n |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return n, i + 1
		}
	}
	return 0, 0
}

// count reads a length. Each counted element takes at least one byte, so more than
// what is left means damage, and must not be allocated.
func (d *decoder) count() int {
	n, w := uvarint(d.b)
	if w <= 0 || n > uint64(len(d.b)-w) {
		d.failed, d.b = true, ""
		return 0
	}
	d.b = d.b[w:]
	return int(n)
}

func (d *decoder) text() string {
	n := d.count()
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.failed = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) item(depth int) Item {
	n := d.count()
	it := make(Item, n)
	for range n {
		name := d.text()
		it[name] = d.value(depth)
		if d.failed {
			return nil
		}
	}
	return it
}

// kind reads the kind of the next value.
func (d *decoder) kind(depth int) Kind {
	k := Kind(d.byte())
	if k == Invalid || k > KindM || depth > MaxDepth+1 {
		d.failed, d.b = true, ""
	}
	return k
}

func (d *decoder) value(depth int) Value {
	v := Value{Kind: d.kind(depth)}
	if d.failed {
		return Value{}
	}
	switch v.Kind {
	case KindBool, KindNull:
		v.Bool = d.byte() == 1
	case KindSS, KindNS, KindBS:
		members := make([]string, d.count())
		for i := range members {
			members[i] = d.text()
		}
		return Set(v.Kind, members)
	case KindL:
		list := make([]Value, d.count())
		for i := range list {
			list[i] = d.value(depth + 1)
		}
		return L(list...)
	case KindM:
		return M(d.item(depth + 1))
	default:
		v.Str = d.text()
	}
	return v
}
