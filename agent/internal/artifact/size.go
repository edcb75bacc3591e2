package artifact

import "fmt"

// SizeText is a size as a person reads it.
func SizeText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, unit := float64(n)/1000, "kB"
	for _, u := range []string{"MB", "GB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, u
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
