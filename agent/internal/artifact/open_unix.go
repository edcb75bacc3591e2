//go:build unix

package artifact

import "syscall"

// nonBlocking: a pipe that takes a file's place must not block.
const nonBlocking = syscall.O_NONBLOCK
