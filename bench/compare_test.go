package bench

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A subject is something whose rate is measured.
type subject struct {
	name string
	// floor is the name of the subject whose rate this one's is divided by;
	// empty: it is a floor itself.
	floor  string
	target string // for the table
	// op is one operation, called by the worker of that number.
	op func(worker int) error
}

const (
	slice  = 100 * time.Millisecond // how long a subject has its turn
	rounds = 30
)

// compare measures the rates of subjects at several numbers of workers, and reports
// their ratios to their floors. The subjects take turns, so that other load on the
// machine affects all alike; a ratio is the median over the rounds. compare returns
// the median rates by name, in operations per second.
func compare(b *testing.B, workers int, subjects ...subject) map[string]float64 {
	b.Helper()
	turns := map[string][]turn{}
	n := rounds
	if testing.Short() {
		n = 3
	}
	for i := range n {
		// Each round begins with another, so that none always follows the same.
		for j := range subjects {
			s := subjects[(i+j)%len(subjects)]
			turns[s.name] = append(turns[s.name], take(b, workers, s.op))
		}
	}
	report(b, subjects, turns)
	medians := map[string]float64{}
	for name, t := range turns {
		medians[name] = median(rates(t))
	}
	return medians
}

// A turn is what one subject did in one round.
type turn struct {
	rate float64       // operations per second
	cpu  time.Duration // of this process, client and server together, per operation
}

func rates(turns []turn) []float64 {
	r := make([]float64, len(turns))
	for i, t := range turns {
		r[i] = t.rate
	}
	return r
}

func cpus(turns []turn) []float64 {
	r := make([]float64, len(turns))
	for i, t := range turns {
		r[i] = float64(t.cpu) / float64(time.Microsecond)
	}
	return r
}

// take lets the workers run op for a slice of time.
func take(b *testing.B, workers int, op func(worker int) error) turn {
	runtime.GC() // of the one before
	var done atomic.Int64
	var wg sync.WaitGroup
	begin, used := time.Now(), cpuTime()
	end := begin.Add(slice)
	for w := range workers {
		wg.Go(func() {
			for time.Now().Before(end) {
				if err := op(w); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	n := max(done.Load(), 1)
	return turn{float64(n) / time.Since(begin).Seconds(), (cpuTime() - used) / time.Duration(n)}
}

func report(b *testing.B, subjects []subject, turns map[string][]turn) {
	b.ReportMetric(0, "ns/op") // N means nothing here
	for _, s := range subjects {
		own := turns[s.name]
		r := row{workload: b.Name(), subject: s.name, floor: s.floor, target: s.target}
		r.value = fmt.Sprintf("%.0f/s, %.0f µs CPU", median(rates(own)), median(cpus(own)))
		b.ReportMetric(median(rates(own)), metric(s.name)+"/s")
		if s.floor != "" {
			r.ratio = median(ratios(rates(own), rates(turns[s.floor])))
			b.ReportMetric(r.ratio, metric(s.name)+":"+metric(s.floor))
		}
		results.add(r)
	}
}

func metric(name string) string { return strings.ReplaceAll(name, " ", "-") }

func ratios(a, b []float64) []float64 {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = a[i] / b[i]
	}
	return r
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func least(v []float64) float64 { return slices.Min(v) }
