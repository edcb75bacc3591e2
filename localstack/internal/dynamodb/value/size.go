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

// Size is the value's size in bytes by DynamoDB's rules: a list or map costs 3, and
// 1 for each member.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
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

// textSize returns the size of a scalar of kind k, or of a member of a set.
func textSize(k Kind, s string) int {
	if k == KindN || k == KindNS {
		return numberSize(s)
	}
	return len(s)
}

// numberSize returns 1, plus 1 for each pair of digits aligned at the decimal point,
// plus 1 for a negative sign.
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

// decimalSize returns the size of a number of digits, of which the first has the
// exponent exp. Zero has 0 digits.
func decimalSize(digits, exp int) int {
	n := 1 + (digits+1)/2
	if digits > 0 && digits%2 == 0 && exp%2 == 0 {
		n++ // a pair spans each end: one more byte
	}
	return n
}

// PagedSize is the item's size within the 1 MB of a page of Query or Scan. It
// differs from Size: AWS counts a stored form in which a name takes one byte and a
// value is prefixed with its length, with an overhead per 3 KB that repeats the sort
// key. (Measured against AWS by dynalite, which this follows.)
func (it Item) PagedSize(sortKey string) int {
	size, sort := 2+it.storedSize(sortKey), 0
	if v, ok := it[sortKey]; ok && sortKey != "" {
		sort = v.Size()
	}
	return size + (1+(size-1)/3072)*(18+sort)
}

// storedSize returns the stored size of all attributes but one.
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

// headerSize returns the size of the length prefix in the stored form.
func headerSize(k Kind, length int) int {
	switch {
	case k == KindS && length >= 16384:
		return 3
	case k == KindS && length >= 128:
		return 2
	}
	return 1
}
