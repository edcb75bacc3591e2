package hostile

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// Middleware injects faults into the requests of a service.
type Middleware struct {
	Random  *Random
	Service string // the prefix of the faults' names
	Faults  RequestFaults
	// CutRequest and CutAnswer are used for S3.
	CutRequest, CutAnswer float64
	// Operation returns the name of a request's operation. Throttling is by
	// operation.
	Operation func(*http.Request) string
	// Fail writes an error in the service's protocol: one of Throttle for a
	// throttled request, Failure for one that fails.
	Fail     func(http.ResponseWriter, *http.Request, *awswire.Error)
	Throttle []*awswire.Error
	Failure  *awswire.Error
	Next     http.Handler

	mu     sync.Mutex
	bursts map[string]*burst // by operation
}

func (m *Middleware) hit(what string, p float64) bool { return m.Random.Happens(m.Service+"."+what, p) }

// ServeHTTP implements http.Handler. To end the connection it panics with
// http.ErrAbortHandler.
func (m *Middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case m.throttled(m.Operation(r)):
		i := m.Random.IntN(m.Service+".throttled", int64(len(m.Throttle)))
		m.Fail(w, r, m.Throttle[i])
	case m.hit("failed", m.Faults.Failed):
		m.Fail(w, r, m.Failure)
	case m.hit("lostRequest", m.Faults.LostRequest):
		panic(http.ErrAbortHandler)
	case m.hit("lostAnswer", m.Faults.LostAnswer):
		m.Next.ServeHTTP(discard{}, r)
		panic(http.ErrAbortHandler)
	case m.hit("failedAfter", m.Faults.FailedAfter):
		m.Next.ServeHTTP(discard{}, r)
		m.Fail(w, r, m.Failure)
	case r.ContentLength > 1 && m.hit("cutRequest", m.CutRequest):
		m.Next.ServeHTTP(discard{}, cutBody(r, m.Random.IntN(m.Service+".cutRequest", r.ContentLength)))
		panic(http.ErrAbortHandler)
	case r.Method != http.MethodHead && m.CutAnswer > 0:
		m.serveCut(w, r)
	default:
		m.Next.ServeHTTP(w, r)
	}
}

// A burst counts the requests that are still to be throttled, and those that then
// pass.
type burst struct{ refuse, pass int64 }

// throttled decides whether to throttle a request of an operation. After a burst,
// at least as many requests pass.
func (m *Middleware) throttled(op string) bool {
	if m.Faults.Throttled <= 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.bursts[op]
	if b == nil {
		if m.bursts == nil {
			m.bursts = map[string]*burst{}
		}
		b = &burst{}
		m.bursts[op] = b
	}
	name := m.Service + ".throttled"
	switch {
	case b.refuse > 0:
		b.refuse--
		return true
	case b.pass > 0:
		b.pass--
		return false
	case m.Random.Happens(name, m.Faults.Throttled):
		n := m.Random.IntN(fmt.Sprint(name, " burst"), int64(m.Faults.Burst))
		b.refuse, b.pass = n, n+1
		return true
	}
	return false
}

// discard is a ResponseWriter for a response that is lost.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) WriteHeader(int)             {}
func (discard) Write(p []byte) (int, error) { return len(p), nil }
