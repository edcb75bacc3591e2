package errand

import (
	"fmt"
	"math"
	"strconv"
)

// Bounds of Limits.
const (
	MinLimitMemory = 4 << 20 // bytes; with less, not even a shell starts
	MaxLimitMemory = 1 << 50
	MinLimitCPUs   = 0.01
	MaxLimitCPUs   = 10_000
	MaxLimitPids   = 4_194_304 // of Linux
)

// Limits are what a job may use of its worker's machine, all its processes together. 0
// sets no limit.
type Limits struct {
	Memory int64   `json:"memory,omitempty"` // bytes; a job that has limits of memory gets no swap
	CPUs   float64 `json:"cpus,omitempty"`   // processors, such as 1.5
	Pids   int     `json:"pids,omitempty"`   // processes and threads at a time
}

// FeatureLimits: the worker can enforce Limits.
const FeatureLimits = "limits"

// Validate checks the limits. The error is an *Error with CodeInvalidField.
func (l *Limits) Validate() error {
	switch {
	case l.Memory != 0 && (l.Memory < MinLimitMemory || l.Memory > MaxLimitMemory):
		return InvalidField("limits.memory", "limits.memory must be from %s (%d bytes) to %s, or 0 for no limit, not %d bytes",
			FormatMemory(MinLimitMemory), MinLimitMemory, FormatMemory(MaxLimitMemory), l.Memory)
	case l.CPUs != 0 && !(l.CPUs >= MinLimitCPUs && l.CPUs <= MaxLimitCPUs):
		return InvalidField("limits.cpus", "limits.cpus must be from %v to %d, or 0 for no limit, not %v", MinLimitCPUs, MaxLimitCPUs, l.CPUs)
	case l.Pids < 0 || l.Pids > MaxLimitPids:
		return InvalidField("limits.pids", "limits.pids must be from 1 to %d, or 0 for no limit, not %d", MaxLimitPids, l.Pids)
	}
	return nil
}

// Within returns the limits of a job on a worker that sets these maxima: of each the
// smaller one.
func (l Limits) Within(maxima Limits) Limits {
	return Limits{
		Memory: smaller(l.Memory, maxima.Memory), CPUs: smaller(l.CPUs, maxima.CPUs), Pids: smaller(l.Pids, maxima.Pids),
	}
}

// smaller returns the smaller of two limits, where 0 is none.
func smaller[T int | int64 | float64](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// FormatMemory writes bytes in the largest unit that leaves a whole number: 2 GiB.
func FormatMemory(n int64) string {
	for i, name := range []string{"GiB", "MiB", "KiB"} {
		if unit := int64(1) << (30 - 10*i); n%unit == 0 {
			return fmt.Sprintf("%d %s", n/unit, name)
		}
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// CPUMicroseconds is the time that the job's processes may run in each period.
func (l *Limits) CPUMicroseconds(period int) int { return int(math.Round(l.CPUs * float64(period))) }
