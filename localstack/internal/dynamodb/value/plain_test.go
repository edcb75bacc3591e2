package value

import (
	"strings"
	"testing"
)

// TestPlain: each byte at each place of a string, between plain ones.
func TestPlain(t *testing.T) {
	const length = 19
	for c := range 256 {
		plain := c >= 0x20 && c < 0x80 && c != '"' && c != '\\'
		for at := range length {
			s := strings.Repeat("~", at) + string([]byte{byte(c)}) + strings.Repeat(" ", length-at-1)
			want := at
			if plain {
				want = length
			}
			if got := Plain(s); got != want {
				t.Errorf("%q: %d, want %d", s, got, want)
			}
		}
	}
}
