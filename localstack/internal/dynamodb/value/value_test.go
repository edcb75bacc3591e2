package value_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"pgregory.net/rapid"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

func TestParseNumber(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"0", "0", ""}, {"-0", "0", ""}, {"+1", "1", ""}, {"007", "7", ""}, {"1.0", "1", ""}, {".5", "0.5", ""}, {"-12.340e1", "-123.4", ""},
		{"1e3", "1000", ""}, {"1E-3", "0.001", ""}, {"9" + strings.Repeat("0", 125), "9" + strings.Repeat("0", 125), ""},
		{strings.Repeat("9", 38), strings.Repeat("9", 38), ""},
		{strings.Repeat("9", 39), "", "more than 38 significant digits"},
		{"1e126", "", "overflow"}, {"1e-131", "", "underflow"}, {"1e99999999999", "", "overflow"}, {"0e99999999999", "0", ""},
		{"", "", "cannot be converted"}, {"NaN", "", "cannot be converted to a numeric value: NaN"}, {"1e", "", "cannot"}, {"1.2.3", "", "cannot"}, {"--1", "", "cannot"},
	} {
		got, err := value.ParseNumber(c.in)
		if c.err == "" && (err != nil || got != c.want) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("ParseNumber(%q) = %q, %v; want %q, %q", c.in, got, err, c.want, c.err)
		}
	}
}

func number() *rapid.Generator[string] {
	return rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?`)
}

// TestNumberOrder compares the order of key encodings with a decimal library's.
func TestNumberOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := number().Draw(t, "a"), number().Draw(t, "b")
		x, _, _ := apd.NewFromString(a)
		y, _, _ := apd.NewFromString(b)
		got := bytes.Compare(value.AppendKey(nil, value.N(a)), value.AppendKey(nil, value.N(b)))
		if want := x.Cmp(y); got != want {
			t.Fatalf("%s against %s: %d, want %d", a, b, got, want)
		}
		canonical, err := value.ParseNumber(a)
		z, _, _ := apd.NewFromString(canonical)
		if err != nil || x.Cmp(z) != 0 {
			t.Fatalf("ParseNumber(%s) = %s, %v", a, canonical, err)
		}
	})
}

// TestArithmetic: sums and differences are equal to a decimal library's, or fail as
// that number does.
func TestArithmetic(t *testing.T) {
	checkArithmetic(t, "0", "0")
	checkArithmetic(t, "1"+strings.Repeat("0", 125), "0."+strings.Repeat("0", 129)+"1")
	checkArithmetic(t, "9"+strings.Repeat("9", 37), "1")
	rapid.Check(t, func(t *rapid.T) {
		a, errA := value.ParseNumber(number().Draw(t, "a"))
		b, errB := value.ParseNumber(number().Draw(t, "b"))
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		checkArithmetic(t, a, b)
		checkArithmetic(t, a, a)
	})
}

// checkArithmetic adds and subtracts canonical numbers.
func checkArithmetic(t interface{ Fatalf(string, ...any) }, a, b string) {
	x, _, errX := apd.NewFromString(a)
	y, _, errY := apd.NewFromString(b)
	var sum, difference apd.Decimal
	_, errAdd := apd.BaseContext.Add(&sum, x, y)
	_, errSub := apd.BaseContext.Sub(&difference, x, y)
	if err := errors.Join(errX, errY, errAdd, errSub); err != nil {
		t.Fatalf("%s and %s: %v", a, b, err)
	}
	for _, c := range []struct {
		sign string
		op   func(a, b string) (string, error)
		want *apd.Decimal
	}{{"+", value.Add, &sum}, {"-", value.Sub, &difference}} {
		got, err := c.op(a, b)
		want, wantErr := value.ParseNumber(c.want.Text('f'))
		if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("%s %s %s = %s, %v; want %s, %v", a, c.sign, b, got, err, want, wantErr)
		}
	}
}

// TestStringOrder: composite keys keep the order of their parts, and a prefix
// covers just what begins with it.
func TestStringOrder(t *testing.T) {
	s := rapid.StringOf(rapid.SampledFrom([]rune{0, 1, 'a', 'b', 0xff, 0x20ac}))
	rapid.Check(t, func(t *rapid.T) {
		a, b, tail := s.Draw(t, "a"), s.Draw(t, "b"), s.Draw(t, "tail")
		x := value.AppendKey(value.AppendKey(nil, value.S(a)), value.S(tail))
		y := value.AppendKey(nil, value.S(b))
		if want := strings.Compare(a, b); want != 0 && bytes.Compare(x, y) != want {
			t.Fatalf("%q against %q: want %d", a, b, want)
		}
		if got := bytes.HasPrefix(y, value.AppendKeyPrefix(nil, value.S(a))); got != strings.HasPrefix(b, a) {
			t.Fatalf("prefix %q of %q: %v", a, b, got)
		}
	})
}

// TestSuccessor: it bounds just what begins with the prefix, whatever bytes that
// has: they are no text.
func TestSuccessor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0x7f, 0x80, 0xc3, 0xa9, 0xea, 0xfe, 0xff}), 1, 6)
		prefix, key := b.Draw(t, "prefix"), b.Draw(t, "key")
		end := value.Successor(prefix)
		in := bytes.Compare(key, prefix) >= 0 && (end == nil || bytes.Compare(key, end) < 0)
		if in != bytes.HasPrefix(key, prefix) {
			t.Fatalf("%x is between %x and %x: %v", key, prefix, end, in)
		}
	})
}

func TestCodecAndSize(t *testing.T) {
	it := value.Item{
		"s": value.S("é\x00"), "n": value.N("-12.5"), "b": value.B([]byte{0, 255}), "t": value.Bool(true), "z": value.Null(),
		"ss": value.SS("a", "b"), "ns": value.NS("1", "2.50"), "bs": value.BS("\x00"), "l": value.L(value.S("x"), value.M(map[string]value.Value{"k": value.N("1")})),
	}
	got, err := value.Decode(it.Encode())
	if err != nil || !value.EqualItems(got, it) {
		t.Fatalf("Decode(Encode) = %v, %v", got, err)
	}
	b := it.Encode()
	for i := range b {
		if _, err := value.Decode(b[:i]); err == nil {
			t.Fatalf("a stored item cut at %d of %d bytes is read", i, len(b))
		}
	}
	if got := (value.Item{"ab": value.S("xyz"), "n": value.N("100"), "l": value.L(value.Null())}).Size(); got != 2+3+1+2+1+3+1+1 {
		t.Errorf("Size = %d", got)
	}
}

// TestPagedSize: two items that AWS counts 25 of into 1 MB just so (as dynalite
// has measured), and one fewer of items a few bytes larger.
func TestPagedSize(t *testing.T) {
	item := func(text int) value.Item {
		return value.Item{"a": value.S("0.123456789"), "b": value.S("00"), "e": value.S(strings.Repeat("e", text))}
	}
	if got, want := item(41645).PagedSize("b"), 2+1+1+11+1+3+41645+14*(18+2); got != want {
		t.Errorf("PagedSize = %d, want %d", got, want)
	}
	nested := value.Item{"m": value.M(map[string]value.Value{"long name": value.Bool(true), "z": value.Null()}), "l": value.L(value.N("1")), "ns": value.NS("1", "22")}
	if got, want := nested.PagedSize(""), 2+(1+3+2+2+1)+(1+3+1+3)+(1+4+3)+18; got != want {
		t.Errorf("PagedSize = %d, want %d", got, want)
	}
}

func TestValidate(t *testing.T) {
	nested := func(lists int) value.Value {
		v := value.S("x")
		for range lists {
			v = value.L(v)
		}
		return v
	}
	for want, it := range map[string]value.Item{
		"":                              {"a": nested(31), strings.Repeat("n", 65535): value.S(""), "e": value.SS("")},
		"Nesting Levels have exceeded":  {"a": nested(32)},
		"Empty attribute name":          {"": value.S("x")},
		"Attribute name is too large":   {strings.Repeat("n", 65536): value.S("x")},
		"An string set  may not be":     {"m": value.M(map[string]value.Value{"s": value.SS()})},
		"[a, a] contains duplicates.":   {"s": value.SS("a", "a")},
		"Input collection contains dup": {"s": value.NS("1", "1.0")},
	} {
		err := it.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// FuzzNumber: what is a number is that number to a decimal library too, its
// canonical form is its own, and its key is in order with that of another.
func FuzzNumber(f *testing.F) {
	for _, c := range [][2]string{{"0", "-0"}, {"1e125", "1e-130"}, {"-1.50", "+.5"}, {"99999999999999999999999999999999999999", "1e38"}, {"0e999999999", "1e999999999"}, {"NaN", "1_0"}} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, errX := value.ParseNumber(a)
		y, errY := value.ParseNumber(b)
		if errX != nil || errY != nil || strings.ContainsAny(a+b, "eE") && len(a+b) > 200 {
			return
		}
		if again, err := value.ParseNumber(x); err != nil || again != x {
			t.Fatalf("%q is %q, which is %q, %v", a, x, again, err)
		}
		p, _, err := apd.NewFromString(x)
		if err != nil {
			t.Fatal(err)
		}
		q, _, err := apd.NewFromString(y)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := bytes.Compare(value.AppendKey(nil, value.N(a)), value.AppendKey(nil, value.N(b))), p.Cmp(q); got != want {
			t.Fatalf("%s against %s: %d, want %d", a, b, got, want)
		}
		checkArithmetic(t, x, y)
	})
}

// TestCompareNumbers: the short way for whole numbers orders them as the other,
// by the encodings of keys.
func TestCompareNumbers(t *testing.T) {
	numbers := []string{"-10", "-9", "-0.5", "0", "0.5", "1", "2", "9", "10", "11", "99", "100", "999999999999999999", "1000000000000000000"}
	for i, a := range numbers {
		for j, b := range numbers {
			if got, want := value.CompareNumbers(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("%s and %s: %d, want %d", a, b, got, want)
			}
			if byKey := bytes.Compare(value.AppendKey(nil, value.N(a)), value.AppendKey(nil, value.N(b))); byKey != cmp.Compare(i, j) {
				t.Errorf("%s and %s: %d by their keys", a, b, byKey)
			}
		}
	}
}

// TestLargeSets: sets are compared in linear time, whatever their order: otherwise the
// test takes minutes.
func TestLargeSets(t *testing.T) {
	members := make([]string, 400_000)
	for i := range members {
		members[i] = fmt.Sprint(i)
	}
	reversed := slices.Clone(members)
	slices.Reverse(reversed)
	other := slices.Clone(reversed)
	other[len(other)/2] = "another"
	set := value.Set(value.KindNS, members)
	if !value.Equal(set, value.Set(value.KindNS, reversed)) || value.Equal(set, value.Set(value.KindNS, other)) {
		t.Error("sets are compared with their order")
	}
	if left := value.Without(members, reversed[1:]); !slices.Equal(left, members[len(members)-1:]) {
		t.Errorf("%d members are left", len(left))
	}
}

// TestNesting: 32 levels are valid, and each member of an invalid item is looked
// at once: otherwise the test takes hours.
func TestNesting(t *testing.T) {
	nested := func(levels int, leaf value.Value) value.Item {
		for range levels - 1 {
			leaf = value.M(value.Item{"a": leaf})
		}
		return value.Item{"a": leaf}
	}
	for _, c := range []struct {
		item value.Item
		want string
	}{
		{nested(32, value.S("x")), ""},
		{nested(33, value.S("x")), "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"},
		{nested(32, value.N("x")), "The parameter cannot be converted to a numeric value: x"},
		{value.Item{"b": value.N("1e999"), "a": value.N("x")}, "The parameter cannot be converted to a numeric value: x"},
	} {
		err := c.item.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
