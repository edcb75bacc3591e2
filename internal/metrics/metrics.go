// Package metrics has the Prometheus metrics of servers and agents. No metric has an
// owner, a job or a command as a label: the number of series does not grow with use.
package metrics

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/errandhq/errand"
)

// Registry has the metrics of one process.
type Registry struct {
	registry *prometheus.Registry
	names    map[string]bool // with the suffixes of histograms
}

func newRegistry(version string) *Registry {
	r := &Registry{registry: prometheus.NewRegistry(), names: map[string]bool{}}
	r.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := prometheus.NewGaugeVec(r.gauge("errand_build_info", "Always 1. The version is a label."), []string{"version", "go"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	r.registry.MustRegister(build)
	return r
}

// Handler serves the metrics in Prometheus' formats.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Registry: r.registry,
	})
}

func (r *Registry) gauge(name, help string) prometheus.GaugeOpts {
	r.names[name] = true
	return prometheus.GaugeOpts{Name: name, Help: help}
}

func (r *Registry) counters(name, help string, labels ...string) *prometheus.CounterVec {
	r.names[name] = true
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	r.registry.MustRegister(c)
	return c
}

func (r *Registry) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		r.names[name+suffix] = true
	}
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	r.registry.MustRegister(h)
	return h
}

// Buckets, in seconds: of jobs from 100 ms to 14 days, and of requests, which may be held
// for 20 s.
var (
	jobBuckets     = []float64{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 14 * 24 * 3600}
	requestBuckets = []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25}
)

// outcome is how a job ended, and why.
func outcome(st *errand.StateRecord) (outcome, reason string) {
	switch {
	case st.Status == errand.Cancelled:
		return "cancelled", string(st.Reason)
	case st.Status == errand.Completed && st.ExitCode != nil && *st.ExitCode == 0:
		return "succeeded", ""
	case st.Status == errand.Completed:
		return "failed", "exit_code"
	}
	return "failed", string(st.Reason)
}

// seconds is the time between two events of a job; not less than 0.
func seconds(from, to time.Time) float64 { return max(0, to.Sub(from).Seconds()) }
