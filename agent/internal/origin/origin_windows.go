package origin

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/windows"
)

// timeOfDay is SYSTEM_TIMEOFDAY_INFORMATION. Times are in units of 100 ns.
type timeOfDay struct {
	bootTime     uint64
	_            [2]int64  // the time, the time zone's bias
	_            [2]uint32 // the time zone
	bootTimeBias uint64
	_            uint64 // the time asleep
}

// bootID is when the kernel started. Setting the clock moves the boot time and its bias
// alike, so their difference stays. A kernel that comes back from hibernation, as it does
// under Fast Startup, has not started again.
//
// https://learn.microsoft.com/en-us/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation
func bootID() string {
	var t timeOfDay
	err := windows.NtQuerySystemInformation(windows.SystemTimeOfDayInformation, unsafe.Pointer(&t), uint32(unsafe.Sizeof(t)), nil)
	if err != nil || t.bootTime == 0 {
		return ""
	}
	return strconv.FormatUint(t.bootTime-t.bootTimeBias, 10)
}
