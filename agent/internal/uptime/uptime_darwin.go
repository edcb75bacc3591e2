package uptime

import "golang.org/x/sys/unix"

const bootClock = unix.CLOCK_MONOTONIC // there it goes on while the machine sleeps
