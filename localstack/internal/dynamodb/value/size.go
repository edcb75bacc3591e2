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

// PagedSize is what the item counts for in the 1 MB of a page of Query or Scan.
// That isn't Size: AWS counts a stored form in which a name is one byte and a
// value has its length before it, with overhead for each 3 KB that holds the
// sort key once more. (Measured against AWS by dynalite, which this follows.)
func (it Item) PagedSize(sortKey string) int {
	size, sort := 2+it.storedSize(sortKey), 0
	if v, ok := it[sortKey]; ok && sortKey != "" {
		sort = v.Size()
	}
	return size + (1+(size-1)/3072)*(18+sort)
}

// storedSize is the size of the attributes but the one called without.
func (it Item) storedSize(without string) int {
	n := 0
	for name, v := range it {
		if name != without {
			n += 1 + v.storedSize()
		}
	}
	return n
}

func (v Value) storedSize() int {
	switch v.Kind {
	case KindNull:
		return 0
	case KindL:
		n := 3
		for _, e := range v.List {
			n += 1 + e.storedSize()
		}
		return n
	case KindM:
		return 3 + len(v.Map) + Item(v.Map).storedSize("")
	}
	return v.Size() + v.headerSize()
}

// headerSize is what stands before a value in the stored form.
func (v Value) headerSize() int {
	switch v.Kind {
	case KindBool:
		return 0
	case KindSS, KindNS, KindBS:
		return 1 + len(v.Set)
	case KindS:
		switch {
		case len(v.Str) >= 16384:
			return 3
		case len(v.Str) >= 128:
			return 2
		}
	}
	return 1
}
