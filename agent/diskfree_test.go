package agent

import "testing"

// TestFullDiskIsKnown: of a full disk, the server learns that it is full; it would keep the
// last figure that it was told.
func TestFullDiskIsKnown(t *testing.T) {
	t.Parallel()
	for _, tt := range [][2]int64{{0, 1}, {4096, 4096}} {
		if got := knownBytes(tt[0]); got != tt[1] {
			t.Errorf("%d free bytes are said to be %d", tt[0], got)
		}
	}
}
