//go:build !unix

package bench

import "time"

// cpuTime isn't known on this system: the table shows 0.
func cpuTime() time.Duration { return 0 }
