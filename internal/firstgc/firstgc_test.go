package firstgc

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestPutOff: after a collection all is as usual.
func TestPutOff(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // none but the test's
	putOff()
	for {
		runtime.GC()
		switch before := debug.SetGCPercent(-1); before {
		case 100:
			return
		case -1, percent:
			runtime.Gosched()
		default:
			t.Fatalf("GOGC is %d", before)
		}
	}
}
