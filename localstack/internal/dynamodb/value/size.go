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
	case KindBool, KindNull:
		return 1
	case KindSS, KindNS, KindBS:
		n := 0
		for _, m := range v.Set {
			n += textSize(v.Kind, m)
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
		return textSize(v.Kind, v.Str)
	}
}

// textSize is the size of a scalar of some kind, or of a member of a set.
func textSize(k Kind, s string) int {
	if k == KindN || k == KindNS {
		return numberSize(s)
	}
	return len(s)
}

// numberSize is one byte, one for each two digits aligned at the point, and one
// for a negative sign.
func numberSize(canonical string) int {
	if isPlainInt(canonical) {
		digits := strings.TrimRight(canonical, "0")
		return decimalSize(len(digits), len(canonical)-1)
	}
	d, err := parseDecimal(canonical)
	if err != nil || d.digits == "" {
		return 1
	}
	n := decimalSize(len(d.digits), d.exp)
	if d.neg {
		n++
	}
	return n
}

// decimalSize is the size of that many digits, of which the first has the
// exponent exp; 0 digits are zero.
func decimalSize(digits, exp int) int {
	n := 1 + (digits+1)/2
	if digits > 0 && digits%2 == 0 && exp%2 == 0 {
		n++ // the pairs straddle: one more byte
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
	switch v.Kind {
	case KindBool:
		return 1
	case KindSS, KindNS, KindBS:
		return v.Size() + 1 + len(v.Set)
	}
	return v.Size() + headerSize(v.Kind, len(v.Str))
}

// headerSize is what stands before a text of a length in the stored form.
func headerSize(k Kind, length int) int {
	switch {
	case k == KindS && length >= 16384:
		return 3
	case k == KindS && length >= 128:
		return 2
	}
	return 1
}
