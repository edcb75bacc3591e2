//go:build unix

package artifact

import "syscall"

// NonBlocking: a pipe that takes a file's place must not block.
const NonBlocking = syscall.O_NONBLOCK
