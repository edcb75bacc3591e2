package origin

import (
	"encoding/hex"

	"golang.org/x/sys/unix"
)

// bootID is random, for each boot. FreeBSD before 13 has none, and kern.boottime is no
// substitute: setting the clock changes it.
func bootID() string {
	id, err := unix.SysctlRaw("kern.boot_id")
	if err != nil {
		return ""
	}
	return hex.EncodeToString(id)
}
