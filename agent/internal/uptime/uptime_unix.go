//go:build linux || darwin

package uptime

import (
	"time"

	"golang.org/x/sys/unix"
)

// https://man7.org/linux/man-pages/man2/clock_getres.2.html
func sinceBoot() (time.Duration, bool) {
	var t unix.Timespec
	if unix.ClockGettime(bootClock, &t) != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}
