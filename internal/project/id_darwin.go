package project

import (
	"io/fs"
	"syscall"
	"time"
)

func identify(info fs.FileInfo) (id FileID, links uint64) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return FileID{}, 0
	}
	return FileID{uint64(s.Dev), s.Ino, time.Unix(s.Ctimespec.Unix())}, uint64(s.Nlink)
}
