package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Agent has the metrics of an agent.
type Agent struct {
	*Registry
	requests *requests
	contact  prometheus.Gauge
}

// NewAgent returns the metrics of an agent of this version with so many slots.
func NewAgent(version string, slots int) *Agent {
	r := newRegistry(version)
	a := &Agent{Registry: r, requests: newRequests(r, "errand_agent", "the agent's requests to its server, and, as other, for files")}
	a.contact = prometheus.NewGauge(r.gauge("errand_agent_last_contact_timestamp_seconds", "When the server last answered a request, in seconds since 1970."))
	all := prometheus.NewGauge(r.gauge("errand_agent_slots", "Jobs that the agent runs at a time."))
	all.Set(float64(slots))
	r.registry.MustRegister(a.contact, all)
	return a
}

// WatchJobs adds the number of jobs that the agent has, which count returns.
func (a *Agent) WatchJobs(count func() int) {
	opts := a.gauge("errand_agent_jobs", "Jobs that the agent has.")
	a.registry.MustRegister(prometheus.NewGaugeFunc(opts, func() float64 { return float64(count()) }))
}

// Transport measures the requests that next makes.
func (a *Agent) Transport(next http.RoundTripper) http.RoundTripper { return agentTransport{a, next} }

type agentTransport struct {
	agent *Agent
	next  http.RoundTripper
}

// RoundTrip counts a request without an answer with the status 0.
func (t agentTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := t.next.RoundTrip(r)
	status := 0
	if err == nil {
		status = resp.StatusCode
		if t.agent.requests.known[r.URL.Path] != nil && status < http.StatusInternalServerError {
			t.agent.contact.SetToCurrentTime()
		}
	}
	t.agent.requests.observe(r, status, time.Since(began))
	return resp, err
}
