//go:build unix && !linux

package lambda

import "syscall"

// endWithParent does nothing: only Linux has a parent death signal.
func endWithParent(*syscall.SysProcAttr, bool) {}
