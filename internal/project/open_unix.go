//go:build unix

package project

import "syscall"

// nonBlocking keeps opening a pipe from waiting for its writer.
const nonBlocking = syscall.O_NONBLOCK
