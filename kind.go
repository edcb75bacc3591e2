package errand

import "slices"

// A Kind is the requirements of jobs that wait in a queue, or did.
type Kind struct {
	ID           string // Requirements.Kind
	Requirements Requirements
}

// KindList is the record of a queue's kinds.
type KindList struct {
	Queue string
	Kinds []Kind
	Rev   int // revision: each write is for exactly one
}

// Has reports whether the list has the kind.
func (l *KindList) Has(id string) bool {
	return slices.ContainsFunc(l.Kinds, func(k Kind) bool { return k.ID == id })
}

// Group is the record of a queue's group: what its last job requires.
type Group struct {
	Queue string
	Name  string
	Place string // Spec.Place of the last job
	JobID string // the last job
	Rev   int    // revision: each write is for exactly one
}
