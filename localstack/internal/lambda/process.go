// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html

package lambda

import (
	"slices"
	"sync"
	"time"
)

const (
	// maxIdle is how many idle processes of a function are kept warm.
	maxIdle = 8
	// idleTime is how long they are kept. Lambda documents no duration.
	idleTime = 10 * time.Minute
)

// processes runs a function in processes, one invocation at a time in each, like
// Lambda's execution environments.
type processes struct {
	service *Service
	fn      *function

	mu     sync.Mutex
	closed bool
	idle   []*instance
	all    map[*instance]bool
}

func newProcesses(s *Service, f *function) *processes {
	return &processes{service: s, fn: f, all: map[*instance]bool{}}
}

func (p *processes) start(c *invocation, release func()) (<-chan Result, func()) {
	done := make(chan Result, 1)
	c.abandoned = make(chan struct{})
	go func() {
		defer p.service.work.Done()
		r := p.run(c)
		release()
		done <- r
	}()
	return done, sync.OnceFunc(func() { close(c.abandoned) })
}

// run serves c with a warm process, or a new one. A process counts as warm as soon
// as it has responded, and may exit before it asks for more work. Then c hasn't been
// handed out, and the next process gets it.
func (p *processes) run(c *invocation) Result {
	for in := p.take(); in != nil; in = p.take() {
		if r, ok := p.serve(in, c); ok {
			return r
		}
	}
	in, err := p.spawn()
	if err != nil {
		p.service.Logf("lambda: %s: start %s: %s", p.fn.Name, p.fn.Code.Command[0], err)
		return platformFailure(c, "Runtime.InvalidEntrypoint", "the program could not be started")
	}
	r, _ := p.serve(in, c)
	return r
}

// serve serves c with in. taken reports whether in took c; then r is the result.
func (p *processes) serve(in *instance, c *invocation) (r Result, taken bool) {
	r, end := in.serve(p.service.ctx, c)
	switch {
	case p.fn.Code.OneShot:
		in.waitExit()
	case end == answered && p.put(in):
	default:
		in.kill()
	}
	return r, end != neverTaken
}

// take returns a warm process that is still alive; nil if there is none.
func (p *processes) take() *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		if p.service.Faults.ColdStart() {
			return nil
		}
		in := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		in.keep()
		if !in.dead() {
			return in
		}
	}
	return nil
}

// put keeps in warm. It returns false if in has ended or there are enough.
func (p *processes) put(in *instance) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle || in.dead() {
		return false
	}
	p.idle = append(p.idle, in)
	in.keep = p.service.Clock.AfterFunc(idleTime, func() { p.retire(in) })
	return true
}

// retire ends a process that has been idle for too long.
func (p *processes) retire(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.idle, in); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
		in.kill()
	}
}

// spawn starts a process. It ends at the latest in close.
func (p *processes) spawn() (*instance, error) {
	in, err := startInstance(p.service, p.fn)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.all[in] = true
	closed := p.closed
	p.mu.Unlock()
	// The invocation being served keeps Close waiting, so nothing needs to check
	// whether the service is closing.
	p.service.work.Go(func() {
		<-in.exited
		p.mu.Lock()
		delete(p.all, in)
		p.mu.Unlock()
	})
	if closed {
		in.kill()
	}
	return in, nil
}

func (p *processes) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, in := range p.idle {
		in.keep()
	}
	for in := range p.all {
		in.kill()
	}
}

// exitGrace is how long a one-shot process may take to exit after its answer.
const exitGrace = time.Second
