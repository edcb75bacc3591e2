package value

import (
	"encoding/base64"
	"strconv"
)

// Stored is an item in the form that Encode gives it. It can be measured and
// shown as it is, which costs a fraction of making an Item of it.
type Stored string

// Item returns the item. Its texts are parts of s.
func (s Stored) Item() (Item, error) {
	d := decoder{b: string(s)}
	it := d.item(0)
	if d.failed || len(d.b) != 0 {
		return nil, errDamaged
	}
	return it, nil
}

// Measure returns the item's Size and PagedSize.
func (s Stored) Measure(sortKey string) (size, paged int, err error) {
	d := decoder{b: string(s)}
	stored, sort := 2, 0
	for range d.count() {
		name := d.text()
		n, m := d.measure(0)
		size += len(name) + n
		if name == sortKey && sortKey != "" {
			sort = n
		} else {
			stored += 1 + m
		}
	}
	if d.failed || len(d.b) != 0 {
		return 0, 0, errDamaged
	}
	return size, pagedSize(stored, sort), nil
}

// measure skips a value and returns its Size and its storedSize.
func (d *decoder) measure(depth int) (size, stored int) {
	k := d.kind(depth)
	switch k {
	case KindBool, KindNull:
		d.byte()
		return 1, btoi(k == KindBool)
	case KindL, KindM:
		size, stored = 3, 3
		n := d.count()
		for range n {
			name := ""
			if k == KindM {
				name = d.text()
			}
			a, b := d.measure(depth + 1)
			size += 1 + len(name) + a
			stored += 1 + b
			if d.failed {
				return 0, 0
			}
		}
		if k == KindM {
			stored += n
		}
		return size, stored
	case KindSS, KindNS, KindBS:
		members := d.count()
		for range members {
			size += textSize(k, d.text())
		}
		return size, size + 1 + members
	}
	text := d.text()
	size = textSize(k, text)
	return size, size + headerSize(k, len(text))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// kind reads the kind of the value that comes.
func (d *decoder) kind(depth int) Kind {
	k := Kind(d.byte())
	if k == Invalid || k > KindM || depth > maxDepth+1 {
		d.failed, d.b = true, ""
	}
	return k
}

// AppendJSON appends the wire form, as Item's does.
func (s Stored) AppendJSON(b []byte) ([]byte, error) {
	d := decoder{b: string(s)}
	b = d.appendItem(b, 0)
	if d.failed || len(d.b) != 0 {
		return nil, errDamaged
	}
	return b, nil
}

// appendItem appends attributes, which are stored in the order of their names.
func (d *decoder) appendItem(b []byte, depth int) []byte {
	b = append(b, '{')
	for i := range d.count() {
		if d.failed {
			return b
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, d.text()), ':')
		b = d.appendValue(b, depth)
	}
	return append(b, '}')
}

func (d *decoder) appendValue(b []byte, depth int) []byte {
	k := d.kind(depth)
	if d.failed {
		return b
	}
	b = append(b, '{', '"')
	b = append(b, k.String()...)
	b = append(b, '"', ':')
	switch k {
	case KindBool, KindNull:
		b = strconv.AppendBool(b, d.byte() == 1)
	case KindM:
		b = d.appendItem(b, depth+1)
	case KindSS, KindNS, KindBS, KindL:
		b = d.appendList(b, k, depth)
	default:
		b = appendScalar(b, k, d.text())
	}
	return append(b, '}')
}

// appendList appends the members of a list or set.
func (d *decoder) appendList(b []byte, k Kind, depth int) []byte {
	b = append(b, '[')
	for i := range d.count() {
		if d.failed {
			return b
		}
		if i > 0 {
			b = append(b, ',')
		}
		if k == KindL {
			b = d.appendValue(b, depth+1)
		} else {
			b = appendScalar(b, k, d.text())
		}
	}
	return append(b, ']')
}

// appendScalar appends a text, or the bytes of a binary, as JSON.
func appendScalar(b []byte, k Kind, s string) []byte {
	if k != KindB && k != KindBS {
		return appendString(b, s)
	}
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, []byte(s))
	return append(b, '"')
}
