package lambda

// Faults decides when the service does what Lambda permits itself.
type Faults interface {
	// Throttle reports whether an invocation finds no concurrency left.
	Throttle() bool
	// Duplicate reports whether an asynchronous invocation runs twice.
	Duplicate() bool
	// ColdStart reports whether an invocation gets a new instance although a
	// warm one is free.
	ColdStart() bool
}

type noFaults struct{}

func (noFaults) Throttle() bool  { return false }
func (noFaults) Duplicate() bool { return false }
func (noFaults) ColdStart() bool { return false }
