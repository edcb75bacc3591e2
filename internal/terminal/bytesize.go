package terminal

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ByteSize is a flag's value: a number of bytes, like 500MB, 2GB or 1GiB.
type ByteSize int64

func (b *ByteSize) String() string {
	if *b == 0 {
		return "0" // pflag shows no such default
	}
	return strings.Replace(FormatBytes(int64(*b)), " ", "", 1)
}

// Type names the value in messages.
func (b *ByteSize) Type() string { return "size" }

// Set reads a number with an optional unit.
func (b *ByteSize) Set(s string) error {
	number := strings.TrimRight(s, "kKmMgGtTiIbB ")
	factor, ok := byteUnits[strings.ToLower(strings.TrimSpace(s[len(number):]))]
	n, err := strconv.ParseFloat(number, 64)
	if bytes := n * factor; !ok || err != nil || !(bytes >= 0 && bytes < math.MaxInt64) {
		return fmt.Errorf("must be %s, got %q", flagTypes[b.Type()], s)
	}
	*b = ByteSize(n * factor)
	return nil
}

var byteUnits = map[string]float64{
	"": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}
