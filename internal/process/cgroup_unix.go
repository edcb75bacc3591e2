//go:build unix && !linux

package process

import (
	"os"
	"syscall"
)

func startIn(*syscall.SysProcAttr, *os.File) {}
