package metrics

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/httpstatus"
)

// Server has the metrics of a server.
type Server struct {
	*Registry
	created  *prometheus.CounterVec
	ended    *prometheus.CounterVec
	attempts *prometheus.CounterVec
	waited   *prometheus.HistogramVec
	ran      *prometheus.HistogramVec
	requests *requests
}

// NewServer returns the metrics of a server of this version.
func NewServer(version string) *Server {
	r := newRegistry(version)
	return &Server{
		Registry: r,
		created:  r.counters("errand_jobs_created_total", "Jobs that were created.", "queue"),
		ended:    r.counters("errand_jobs_ended_total", "Jobs that ended: succeeded, failed or cancelled. The reason of a job whose exit code is not 0 is exit_code.", "queue", "outcome", "reason"),
		attempts: r.counters("errand_job_attempts_total", "Assignments of jobs to workers.", "queue"),
		waited:   r.histograms("errand_job_wait_seconds", "Time from when a job came into its queue to its first assignment.", jobBuckets, "queue"),
		ran:      r.histograms("errand_job_run_seconds", "Time from a job's last assignment to its end.", jobBuckets, "queue", "outcome"),
		requests: newRequests(r, "errand_api", "requests of the API; those for work, and those that wait for a log, are held"),
	}
}

// Observe counts a change of a job's state that was stored. It is a control.Config's
// Observe.
func (s *Server) Observe(before, after errand.StateRecord) {
	if after.Attempt != before.Attempt && after.Status == errand.Running {
		s.attempts.WithLabelValues(after.Queue).Inc()
		if before.Attempt == 0 {
			s.waited.WithLabelValues(after.Queue).Observe(seconds(after.QueuedAt(), after.StartedAt))
		}
	}
	if before.Status == "" {
		s.created.WithLabelValues(after.Queue).Inc()
	}
	if !after.Status.Terminal() || before.Status.Terminal() {
		return
	}
	how, why := outcome(&after)
	s.ended.WithLabelValues(after.Queue, how, why).Inc()
	if after.Attempt > 0 {
		s.ran.WithLabelValues(after.Queue, how).Observe(seconds(after.StartedAt, after.FinishedAt))
	}
}

// Middleware measures the requests of the API that next serves.
func (s *Server) Middleware(next http.Handler) http.Handler { return s.requests.middleware(next) }

// WatchQueues adds the figures of the service's queues and workers, which are read when
// the metrics are, but at most each figuresAge.
func (s *Server) WatchQueues(svc *control.Service) {
	f := &figures{
		service: svc,
		jobs:    s.desc("errand_jobs", "Jobs that are pending (counted up to 10,000) or running.", "queue", "status"),
		oldest:  s.desc("errand_oldest_pending_seconds", "Age of the oldest pending job; 0 if there is none.", "queue"),
		takers:  s.desc("errand_queue_workers", "Online workers that take jobs of the queue.", "queue"),
		slots:   s.desc("errand_queue_slots", "Slots of the online workers that take jobs of the queue.", "queue", "state"),
		workers: s.desc("errand_workers", "Workers that were seen in the last 7 days.", "status"),
		errors:  s.counters("errand_figures_errors_total", "Failed attempts to count jobs and workers."),
	}
	s.registry.MustRegister(f)
}

func (r *Registry) desc(name, help string, labels ...string) *prometheus.Desc {
	r.names[name] = true
	return prometheus.NewDesc(name, help, labels, nil)
}

const (
	figuresAge     = 5 * time.Second
	figuresTimeout = 10 * time.Second
)

// figures is a prometheus.Collector.
type figures struct {
	service                              *control.Service
	jobs, oldest, takers, slots, workers *prometheus.Desc
	errors                               *prometheus.CounterVec

	mu   sync.Mutex
	read time.Time
	last control.Figures
}

func (f *figures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.jobs, f.oldest, f.takers, f.slots, f.workers} {
		ch <- d
	}
}

func (f *figures) Collect(ch chan<- prometheus.Metric) {
	now := f.service.Clock.Now()
	got, err := f.get(now)
	if err != nil {
		f.errors.WithLabelValues().Inc()
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, q := range got.Queues {
		gauge(f.jobs, float64(q.Pending), q.Queue, string(errand.Pending))
		gauge(f.jobs, float64(q.Running), q.Queue, string(errand.Running))
		age := 0.0
		if !q.Oldest.IsZero() {
			age = seconds(q.Oldest, now)
		}
		gauge(f.oldest, age, q.Queue)
		gauge(f.takers, float64(q.Workers), q.Queue)
		gauge(f.slots, float64(q.Free), q.Queue, "free")
		gauge(f.slots, float64(q.Slots-q.Free), q.Queue, "used")
	}
	for status, n := range countWorkers(got.Workers, now) {
		gauge(f.workers, float64(n), status)
	}
}

func (f *figures) get(now time.Time) (control.Figures, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.read.IsZero() && now.Sub(f.read) < figuresAge {
		return f.last, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), figuresTimeout)
	defer cancel()
	got, err := f.service.Figures(ctx)
	if err == nil {
		f.last, f.read = got, now
	}
	return got, err
}

func countWorkers(all []errand.Worker, now time.Time) map[string]int {
	n := map[string]int{string(errand.Idle): 0, string(errand.Busy): 0, string(errand.Draining): 0, string(errand.Paused): 0, "offline": 0}
	for i := range all {
		status := string(all[i].Status())
		if !all[i].Online(now) {
			status = "offline"
		}
		n[status]++
	}
	return n
}

// requests measures HTTP requests by their route.
type requests struct {
	count *prometheus.CounterVec
	time  *prometheus.HistogramVec
	known map[string]map[string]bool // method and path
}

func newRequests(r *Registry, prefix, what string) *requests {
	known := map[string]map[string]bool{}
	for _, e := range api.Endpoints() {
		for _, route := range e.Routes {
			if known[route.Path] == nil {
				known[route.Path] = map[string]bool{}
			}
			known[route.Path][route.Method] = true
		}
	}
	return &requests{
		count: r.counters(prefix+"_requests_total", "Number of "+what+".", "method", "route", "status"),
		time:  r.histograms(prefix+"_request_seconds", "Duration of "+what+".", requestBuckets, "method", "route"),
		known: known,
	}
}

// otherRoute is the route of all requests that are not of the API.
const otherRoute = "other"

func (m *requests) observe(r *http.Request, status int, took time.Duration) {
	method, route := r.Method, r.URL.Path
	if !m.known[route][method] {
		method, route = otherRoute, otherRoute
	}
	m.count.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.time.WithLabelValues(method, route).Observe(took.Seconds())
}

func (m *requests) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := httpstatus.Record(w)
		defer func() { m.observe(r, rec.Status, time.Since(began)) }()
		next.ServeHTTP(rec, r)
	})
}
