package origin

import (
	"os"
	"strings"
)

// https://man7.org/linux/man-pages/man4/random.4.html
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
