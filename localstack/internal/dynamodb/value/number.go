package value

import (
	"bytes"
	"cmp"
	"errors"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Limits of a number: significant digits, and the exponent of its first digit.
const (
	maxDigits = 38
	maxExp    = 125
	minExp    = -130
)

var (
	errOverflow  = errors.New("Number overflow. Attempting to store a number with magnitude larger than supported range")
	errUnderflow = errors.New("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	errPrecision = errors.New("Attempting to store more than 38 significant digits in a Number")
)

// number is a number in parts: ±0.digits × 10^(exp+1), so that exp is the exponent
// of the first digit. digits has no leading or trailing zeros; zero has no digits.
type number struct {
	neg    bool
	digits string
	exp    int
}

// ParseNumber returns the canonical form of a number: plain notation without
// redundant sign, zeros or point. Errors have AWS's messages: not a number, more
// than 38 significant digits, or outside ±1E-130 … 9.9…E+125.
func ParseNumber(text string) (string, error) {
	if isPlainInt(text) {
		return text, nil
	}
	d, err := parseDecimal(text)
	if err != nil {
		return "", err
	}
	return d.String(), nil
}

// isPlainInt is the fast path, which most numbers take.
func isPlainInt(s string) bool {
	if len(s) == 0 || len(s) > 18 || s[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func parseDecimal(text string) (number, error) {
	if text == "" {
		return number{}, errors.New("The parameter cannot be converted to a numeric value")
	}
	notNumber := func() error {
		return errors.New("The parameter cannot be converted to a numeric value: " + text)
	}
	mantissa, exponent, hasExp := text, "", false
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent, hasExp = text[:i], text[i+1:], true
	}
	var d number
	if mantissa != "" && (mantissa[0] == '-' || mantissa[0] == '+') {
		d.neg, mantissa = mantissa[0] == '-', mantissa[1:]
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	digits := whole + frac
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return d, notNumber()
	}
	shift := 0
	if hasExp {
		var err error
		if shift, err = parseExponent(exponent); err != nil {
			return d, notNumber()
		}
	}
	significant := strings.TrimLeft(digits, "0")
	d.digits = strings.TrimRight(significant, "0")
	if d.digits == "" {
		return number{}, nil
	}
	d.exp = len(whole) - (len(digits) - len(significant)) - 1 + shift
	return d, d.check()
}

// parseExponent reads the part after E. It clamps an exponent beyond every number's
// range to one that is still out of range.
func parseExponent(s string) (int, error) {
	unsigned := s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		unsigned = s[1:]
	}
	if unsigned == "" || strings.Trim(unsigned, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > 1<<30 || n < -1<<30 {
		n = 1 << 30
		if s[0] == '-' {
			n = -n
		}
	}
	return n, nil
}

func (d number) check() error {
	switch {
	case d.exp > maxExp:
		return errOverflow
	case d.exp < minExp:
		return errUnderflow
	case len(d.digits) > maxDigits:
		return errPrecision
	}
	return nil
}

// String returns the canonical form.
func (d number) String() string {
	if d.digits == "" {
		return "0"
	}
	var b strings.Builder
	if d.neg {
		b.WriteByte('-')
	}
	switch n := d.exp + 1; {
	case n <= 0:
		b.WriteString("0." + strings.Repeat("0", -n) + d.digits)
	case n >= len(d.digits):
		b.WriteString(d.digits + strings.Repeat("0", n-len(d.digits)))
	default:
		b.WriteString(d.digits[:n] + "." + d.digits[n:])
	}
	return b.String()
}

// Add returns a+b, exactly. a and b are canonical. Errors: the sum has too many
// digits or is out of range.
func Add(a, b string) (string, error) { return arith(a, b, decimal.Decimal.Add) }

// Sub returns a-b, like Add.
func Sub(a, b string) (string, error) { return arith(a, b, decimal.Decimal.Sub) }

// arith is exact: 38 digits over 255 orders of magnitude bound the sum.
func arith(a, b string, op func(x, y decimal.Decimal) decimal.Decimal) (string, error) {
	x, err := decimal.NewFromString(a)
	if err != nil {
		return "", err
	}
	y, err := decimal.NewFromString(b)
	if err != nil {
		return "", err
	}
	return ParseNumber(op(x, y).String())
}

// CompareNumbers orders two canonical numbers.
func CompareNumbers(a, b string) int {
	if isPlainInt(a) && isPlainInt(b) {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	}
	return bytes.Compare(appendNumberKey(nil, a), appendNumberKey(nil, b))
}
