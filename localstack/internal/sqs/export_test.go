package sqs

// Parked is how many polls wait on a queue of the default region.
func (e *Engine) Parked(name string) int {
	q, err := e.named("us-east-1", name)
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
func LookAt(n int) func(*Config) { return func(c *Config) { c.lookAt = n } }
