package lambda

// Whims are what Lambda permits itself and this service, left alone, never does.
type Whims interface {
	// Refuse: there is no concurrency left for an invocation, which is throttled.
	Refuse() bool
	// Twice: an asynchronous invocation is run twice.
	Twice() bool
	// Cold: the instances that are warm can't be had: a new one is started.
	Cold() bool
}

type noWhims struct{}

func (noWhims) Refuse() bool { return false }
func (noWhims) Twice() bool  { return false }
func (noWhims) Cold() bool   { return false }
