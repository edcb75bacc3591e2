//go:build !linux

package process

import "strconv"

const adopting = false

// AdoptOrphans does nothing on systems where a process can't become the parent of
// its orphaned descendants.
func AdoptOrphans() {}

func descendants() []int { return nil }

func workOfDescendants() (work int64, asleep bool) { return 0, false }

func nameOf(pid int) string { return strconv.Itoa(pid) }

func signalDescendant(int, bool) {}
