package s3

// largeRemoval is from how many bytes on a removal is worth not waiting for:
// the file system frees a large file at a few GB/s, which is a good part of
// what writing one takes.
const largeRemoval = 4 << 20

// removals are those under way of which nobody waits for the end: one element
// each, so that its capacity bounds them.
type removals chan struct{}

func newRemovals() removals { return make(removals, 4) }

// start runs remove on a goroutine, or reports that too many run already, or
// that the engine is closed.
func (r removals) start(remove func()) bool {
	select {
	case r <- struct{}{}:
	default:
		return false
	}
	go func() {
		defer func() { <-r }()
		remove()
	}()
	return true
}

// stop waits for those under way, and lets none start any more. It is called once.
func (r removals) stop() {
	for range cap(r) {
		r <- struct{}{}
	}
}

// removeBodiesLater removes the files of parts that no record names any more. What is
// large may still be there when it returns, and is gone when the engine is closed.
func (e *Engine) removeBodiesLater(parts []Part) {
	var size int64
	for _, p := range parts {
		size += p.Size
	}
	if size < largeRemoval || !e.removals.start(func() { e.removeBodies(parts) }) {
		e.removeBodies(parts)
	}
}

// removeBodies removes the files of parts that no record names any more.
func (e *Engine) removeBodies(parts []Part) {
	for _, p := range parts {
		if p.Inline {
			continue
		}
		if err := e.bodies.remove(p.ID); err != nil {
			// It is an orphan now, which the next Open removes.
			e.logf("s3: %v", err)
		}
	}
}
