// Package prelude makes the start of a program cheaper that imports it. It is
// initialised before nearly all other packages: of those that could be next, Go
// takes the first by path, and this one waits for package runtime alone.
//
// It is about what a start reads of the program's file. The table of functions
// is a third of it, and each walk of the stack reads some of that for every
// function that is on it.
package prelude

import "runtime"

func init() {
	// Nobody can ask for a profile of the heap. Its samples are stacks.
	runtime.MemProfileRate = 0
	growStack()
}

// growStack has the main goroutine's stack, on which all packages are
// initialised, grow now, when there are three functions on it. Otherwise it
// grows from 2 KiB in several steps, and each walks it.
//
//go:noinline
func growStack() {
	var room [24 << 10]byte
	keep(&room)
}

//go:noinline
func keep(*[24 << 10]byte) {}
