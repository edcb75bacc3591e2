package value

import "strings"

// Size is the item's size in bytes by DynamoDB's rules: names and values.
func (it Item) Size() int {
	n := 0
	for name, v := range it {
		n += len(name) + v.Size()
	}
	return n
}

// Size is the value's size in bytes by DynamoDB's rules ("Item sizes and
// formats"): a list or map costs 3, and 1 for each member.
func (v Value) Size() int {
	switch v.Kind {
	case KindN:
		return numberSize(v.Str)
	case KindBool, KindNull:
		return 1
	case KindSS, KindBS:
		return len(strings.Join(v.Set, ""))
	case KindNS:
		n := 0
		for _, m := range v.Set {
			n += numberSize(m)
		}
		return n
	case KindL:
		n := 3
		for _, e := range v.List {
			n += 1 + e.Size()
		}
		return n
	case KindM:
		return 3 + len(v.Map) + Item(v.Map).Size()
	default:
		return len(v.Str)
	}
}

// numberSize is one byte, one for each two digits aligned at the point, and one
// for a negative sign.
func numberSize(canonical string) int {
	d, err := parseDecimal(canonical)
	if err != nil || d.digits == "" {
		return 1
	}
	n := 1 + (len(d.digits)+1)/2
	if len(d.digits)%2 == 0 && d.exp%2 == 0 {
		n++ // the pairs straddle: one more byte
	}
	if d.neg {
		n++
	}
	return n
}
