//go:build unix && !linux

package lambda

import "syscall"

// takenAlong does nothing: there is no such thing here.
func takenAlong(*syscall.SysProcAttr) {}
