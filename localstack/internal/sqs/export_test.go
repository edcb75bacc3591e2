package sqs

// Parked is how many polls wait on a queue of the default region.
func (e *Engine) Parked(name string) int {
	q, err := e.queueByName("us-east-1", name)
	if err != nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiters.Len()
}

// Sweep runs the retention sweep.
func (e *Engine) Sweep() error { return e.sweep() }

// LookAhead sets the look-ahead of FIFO queues.
func LookAhead(n int) func(*Config) { return func(c *Config) { c.lookAhead = n } }

// OlderLayout stores a queue's states as they were before small bodies were
// stored with them.
func (e *Engine) OlderLayout(name string) error {
	q, err := e.queueByName("us-east-1", name)
	if err != nil {
		return err
	}
	b := e.Store.NewBatch()
	err = e.Keys.Scan(queueKey(kindState, q.id), queueKey(kindState, q.id+1), func(key, value []byte) (bool, error) {
		s, _, err := decodeState(value)
		b.Set(e.Keys, key, s.encode(nil))
		return true, err
	})
	if err != nil {
		return err
	}
	return b.Commit()
}
