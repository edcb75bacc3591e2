package archive

import (
	"slices"
	"time"
)

// KeepBefore moves the times that are later than now before it, and keeps their order:
// a file of the future would confuse make, and so would two files in another order.
func KeepBefore(now time.Time, times []*time.Time) {
	var late []time.Time
	for _, t := range times {
		if t.After(now) {
			late = append(late, *t)
		}
	}
	slices.SortFunc(late, time.Time.Compare)
	late = slices.CompactFunc(late, time.Time.Equal)
	for _, t := range times {
		if n, ok := slices.BinarySearchFunc(late, *t, time.Time.Compare); ok {
			*t = now.Add(time.Duration(n-len(late)) * time.Microsecond)
		}
	}
}
