// Package firstgc has a program's first garbage collection come later, if it is
// imported. The libraries that errand is made of allocate 4 MB while they are
// initialised, nearly all of it to stay, and that is just where Go's first
// collection begins: it took a fifth of the time that errand stack needs to its
// first answer, and freed a megabyte.
//
// It does so while it is initialised itself, which is early: Go takes packages
// by their dependencies, and it has few.
package firstgc

import (
	"os"
	"runtime"
	"runtime/debug"
)

// percent is what makes 16 MB of the 4 at which the first collection begins.
const percent = 400

func init() {
	if os.Getenv("GOGC") == "" {
		putOff()
	}
}

// putOff changes GOGC until a collection has been.
func putOff() {
	debug.SetGCPercent(percent)
	garbage := new([1 << 10]byte) // the first collection's
	runtime.AddCleanup(garbage, func(usual int) { debug.SetGCPercent(usual) }, 100)
}
