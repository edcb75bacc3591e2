package value

import (
	"bytes"
	"crypto/md5"
)

// AppendKey appends an encoding of v, which is S, N or B. The encodings have
// DynamoDB's order of the values (UTF-8 bytes, numbers, unsigned bytes), and none is
// a prefix of another, so that several can follow each other in a key.
func AppendKey(dst []byte, v Value) []byte {
	if v.Kind == KindN {
		return appendNumberKey(dst, v.Str)
	}
	return append(appendEscaped(dst, v.Str), 0, 1)
}

// AppendKeyPrefix appends the prefix that the encodings of exactly those values have
// that begin with the S or B v.
func AppendKeyPrefix(dst []byte, v Value) []byte { return appendEscaped(dst, v.Str) }

// appendEscaped writes a zero byte as 00 FF, so that the end, 00 01, sorts first.
func appendEscaped(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, s[i])
		if s[i] == 0 {
			dst = append(dst, 0xff)
		}
	}
	return dst
}

// appendNumberKey writes a sign (1 negative, 2 zero, 3 positive), the exponent, the
// digits in pairs plus one, and an end that sorts before any pair. For negative
// numbers, all but the sign is complemented.
func appendNumberKey(dst []byte, canonical string) []byte {
	d, err := parseDecimal(canonical)
	if err != nil || d.digits == "" {
		return append(dst, 2)
	}
	sign, flip := byte(3), byte(0)
	if d.neg {
		sign, flip = 1, 0xff
	}
	dst = append(dst, sign, byte(d.exp-minExp)^flip)
	for i := 0; i < len(d.digits); i += 2 {
		pair := (d.digits[i] - '0') * 10
		if i+1 < len(d.digits) {
			pair += d.digits[i+1] - '0'
		}
		dst = append(dst, (pair+1)^flip)
	}
	return append(dst, flip)
}

// HashLen is the length of a Hash.
const HashLen = 8

// Hash returns the position of a partition key in the order of a Scan. For strings
// and binaries it is AWS's: a salted MD5 (observed; dynalite). The Hash of a whole
// key is the order of items with equal index keys.
func Hash(key ...Value) [HashLen]byte {
	var buf [128]byte
	salted := append(buf[:0], "Outliers"...)
	for _, v := range key {
		if v.Kind == KindN {
			salted = append(salted, oracleNumber(v.Str)...)
		} else {
			salted = append(salted, v.Str...)
		}
	}
	sum := md5.Sum(salted)
	return [HashLen]byte(sum[:HashLen])
}

// oracleNumber is the form in which AWS hashes a number: a sign bit above a base-100
// exponent biased by 64, then base-100 digits plus one. A negative number is
// complemented, and ends with 102 unless it has the maximum length.
func oracleNumber(canonical string) []byte {
	d, err := parseDecimal(canonical)
	if err != nil || d.digits == "" {
		return []byte{0x80}
	}
	digits, exp := d.digits, d.exp+1
	if exp%2 != 0 {
		digits, exp = "0"+digits, exp+1
	}
	if len(digits)%2 != 0 {
		digits += "0"
	}
	out := []byte{byte(exp/2 - 64)}
	if d.neg {
		out[0] ^= 0xff
	}
	for i := 0; i < len(digits); i += 2 {
		pair := (digits[i]-'0')*10 + digits[i+1] - '0'
		if d.neg {
			out = append(out, 101-pair)
		} else {
			out = append(out, pair+1)
		}
	}
	if d.neg && len(out) <= 20 {
		out = append(out, 102)
	}
	return out
}

// Successor returns the least key after all that begin with prefix; nil if there is
// none.
func Successor(prefix []byte) []byte {
	for n := len(prefix); n > 0; n-- {
		if prefix[n-1] < 0xff {
			end := bytes.Clone(prefix[:n])
			end[n-1]++
			return end
		}
	}
	return nil
}
