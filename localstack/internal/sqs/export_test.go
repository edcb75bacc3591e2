package sqs

// Parked is how many polls wait on a queue of the default region.
func (e *Engine) Parked(name string) int {
	q, err := e.queueByName("us-east-1", name)
	if err != nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiters.list.Len()
}

// Sweep is the janitor's round.
func (e *Engine) Sweep() { e.sweep() }

// LookAt has FIFO queues look at so many messages.
func LookAt(n int) func(*Config) { return func(c *Config) { c.lookAhead = n } }

// OlderLayout puts a queue's messages into the store as they were before small
// bodies stood behind the states: each in a record of its own.
func (e *Engine) OlderLayout(name string) error {
	q, err := e.queueByName("us-east-1", name)
	if err != nil {
		return err
	}
	b := e.cfg.Store.NewBatch()
	err = e.space.Scan(queueKey(kindState, q.id), queueKey(kindState, q.id+1), func(key, value []byte) (bool, error) {
		s, inlineBody, err := decodeState(value)
		if err != nil {
			return false, err
		}
		b.Set(e.space, key, s.encode(nil))
		b.Set(e.space, append([]byte{kindBody}, key[1:]...), inlineBody)
		return true, nil
	})
	if err != nil {
		return err
	}
	return b.Commit()
}
