package s3

// largeRemoval is from how many bytes on the files of an object are removed in
// the background: a file system frees a few GB/s, about as fast as it writes them.
const largeRemoval = 4 << 20

// maxRemovals is how many background removals run at a time.
const maxRemovals = 4

// removeBodiesLater removes the files of parts that no record names any more.
// Large ones may still be there when it returns, and are gone after Close.
func (e *Engine) removeBodiesLater(parts []Part) {
	var size int64
	for _, p := range parts {
		size += p.Size
	}
	if size < largeRemoval || !e.startRemoval(parts) {
		e.removeBodies(parts)
	}
}

// startRemoval is false if the engine is closed, or maxRemovals run already.
func (e *Engine) startRemoval(parts []Part) bool {
	if !e.Enter() {
		return false
	}
	defer e.Leave()
	select {
	case e.removals <- struct{}{}:
	default:
		return false
	}
	e.Go(func() {
		defer func() { <-e.removals }()
		e.removeBodies(parts)
	})
	return true
}

// removeBodies removes the files of parts that no record names any more.
func (e *Engine) removeBodies(parts []Part) {
	for _, p := range parts {
		if p.Inline {
			continue
		}
		if err := e.bodies.remove(p.ID); err != nil {
			// It is an orphan now, which the next Open removes.
			e.Logf("%v", err)
		}
	}
}
