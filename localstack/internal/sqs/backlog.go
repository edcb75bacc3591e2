package sqs

// A backlog decides which message of a queue is received next. It reads which
// messages are in flight from the queue.
type backlog interface {
	// add adds a message that is visible from the given time on.
	add(seq uint64, group string, visibleAt int64)
	// messageInFlight is called when a message goes in flight other than by
	// take, messageVisible when it is visible again.
	messageInFlight(m *inFlightMessage)
	messageVisible(m *inFlightMessage)
	// remove removes a message, in flight or not.
	remove(m *inFlightMessage)
	// take offers available messages to f, the next first, until f stops it or
	// none is left.
	take(now int64, f func(seq uint64, g *group) verdict)
	// advance makes messages available whose delay is over.
	advance(now int64)
	// hasAvailable reports whether take would offer a message.
	hasAvailable() bool
	// nextAvailableAt is when hasAvailable could change without an operation; 0
	// if never.
	nextAvailableAt() int64
	// expire removes the available messages sent up to the horizon, and calls f
	// for each.
	expire(horizon int64, f func(seq uint64))
	// contains reports whether a message that was received, and isn't in flight,
	// is still in the queue. Expired messages leave the store later.
	contains(seq uint64, group string) bool
	countDelayed(now int64) int
	// findGroup returns nil if there is no such group.
	findGroup(name string) *group
}

// A verdict is what was done with a message that take offered.
type verdict int

const (
	taken   verdict = iota // it is in flight now
	dropped                // it is no longer in the queue
	skipped                // nothing; offer no more of its group, but others
	stop                   // nothing; offer no more
)
