package hostile

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// Door is what stands before a service.
type Door struct {
	Source  *Source
	Service string // begins the names of what happens
	Wire    Wire
	// CutRequest and CutAnswer are S3's.
	CutRequest, CutAnswer float64
	// Operation names what a request asks for: throttling is by operation.
	Operation func(*http.Request) string
	// Fail answers an error in the service's protocol. Throttle are the errors
	// of a throttled request, Failure that of one that failed.
	Fail     func(http.ResponseWriter, *http.Request, *awswire.Error)
	Throttle []*awswire.Error
	Failure  *awswire.Error
	// Next is the service.
	Next http.Handler

	mu     sync.Mutex
	bursts map[string]*burst // by operation
}

func (d *Door) hit(what string, p float64) bool { return d.Source.Hit(d.Service+"."+what, p) }

// ServeHTTP implements http.Handler. Where the connection is to end it panics
// with http.ErrAbortHandler, which servers understand.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case d.throttled(d.Operation(r)):
		i := d.Source.N(d.Service+".throttled", int64(len(d.Throttle)))
		d.Fail(w, r, d.Throttle[i])
	case d.hit("failed", d.Wire.Failed):
		d.Fail(w, r, d.Failure)
	case d.hit("lostRequest", d.Wire.LostRequest):
		panic(http.ErrAbortHandler)
	case d.hit("lostAnswer", d.Wire.LostAnswer):
		d.Next.ServeHTTP(nowhere{}, r)
		panic(http.ErrAbortHandler)
	case d.hit("failedAfter", d.Wire.FailedAfter):
		d.Next.ServeHTTP(nowhere{}, r)
		d.Fail(w, r, d.Failure)
	case r.ContentLength > 1 && d.hit("cutRequest", d.CutRequest):
		d.Next.ServeHTTP(nowhere{}, cutBody(r, d.Source.N(d.Service+".cutRequest", r.ContentLength)))
		panic(http.ErrAbortHandler)
	case r.Method != http.MethodHead && d.CutAnswer > 0:
		d.serveCut(w, r)
	default:
		d.Next.ServeHTTP(w, r)
	}
}

// A burst is how many requests are still refused, and then pass.
type burst struct{ refuse, pass int64 }

// throttled decides for a request of an operation: each burst is followed by as
// many requests that pass.
func (d *Door) throttled(op string) bool {
	if d.Wire.Throttled <= 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.bursts[op]
	if b == nil {
		if d.bursts == nil {
			d.bursts = map[string]*burst{}
		}
		b = &burst{}
		d.bursts[op] = b
	}
	name := d.Service + ".throttled"
	switch {
	case b.refuse > 0:
		b.refuse--
		return true
	case b.pass > 0:
		b.pass--
		return false
	case d.Source.Hit(name, d.Wire.Throttled):
		n := d.Source.N(fmt.Sprint(name, " burst"), int64(d.Wire.Burst))
		b.refuse, b.pass = n, n+1
		return true
	}
	return false
}

// nowhere takes an answer that nobody gets.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
