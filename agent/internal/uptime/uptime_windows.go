package uptime

import (
	"time"

	"golang.org/x/sys/windows"
)

// https://learn.microsoft.com/en-us/windows/win32/api/sysinfoapi/nf-sysinfoapi-gettickcount64
func sinceBoot() (time.Duration, bool) { return windows.DurationSinceBoot(), true }
