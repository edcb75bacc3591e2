package setup

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/dynamo"
)

// Settings are what a function is told by its environment. template.yaml says
// which function gets which.
type Settings struct {
	Tables         dynamo.Tables     // ERRAND_JOBS_TABLE, ERRAND_WORKERS_TABLE, ERRAND_TOKENS_TABLE
	Bucket         string            // ERRAND_BUCKET
	Queues         map[string]string // ERRAND_QUEUES: name=SQS URL, separated by commas
	QueueNames     []string          // in the order given
	QueuePrefix    string            // ERRAND_QUEUE_PREFIX: begins the SQS names of queues that people make
	StandardQueues bool              // ERRAND_QUEUE_THROUGHPUT: these are "standard", not "high"
	Bell           string            // ERRAND_BELL: SQS URL of the bell; none: workers ask instead
	BellURL        string            // ERRAND_BELL_URL: where workers wait, /default being added
	DirectFunction string            // ERRAND_DIRECT_FUNCTION; empty: direct mode is off
	AdminTokenHash string            // ERRAND_ADMIN_TOKEN_HASH: of a token that stands in no table; empty: none
	Hosts          []string          // ERRAND_HOSTS: Host values that are answered; empty: all
	SignHosts      []string          // ERRAND_SIGN_HOSTS: see blob.Config
	PageOrigin     string            // ERRAND_PAGE_ORIGIN: see control.Config
	ObjectURL      string            // ERRAND_OBJECT_URL: see blob.Config; empty: the SDK's endpoint
	Timing         errand.Timing     // ERRAND_LEASE and so on; see durations
}

// ParseSettings reads the environment through getenv. Its error names every
// variable at fault.
func ParseSettings(getenv func(string) string) (Settings, error) {
	p := parser{getenv: getenv}
	s := Settings{
		Tables: dynamo.Tables{
			Jobs: p.need("ERRAND_JOBS_TABLE"), Workers: p.need("ERRAND_WORKERS_TABLE"), Tokens: p.need("ERRAND_TOKENS_TABLE"),
		},
		Bucket:         p.need("ERRAND_BUCKET"),
		QueuePrefix:    getenv("ERRAND_QUEUE_PREFIX"),
		StandardQueues: getenv("ERRAND_QUEUE_THROUGHPUT") == "standard",
		Bell:           getenv("ERRAND_BELL"),
		DirectFunction: getenv("ERRAND_DIRECT_FUNCTION"),
		AdminTokenHash: getenv("ERRAND_ADMIN_TOKEN_HASH"),
		Hosts:          list(getenv("ERRAND_HOSTS")),
		SignHosts:      list(getenv("ERRAND_SIGN_HOSTS")),
		PageOrigin:     p.pageOrigin("ERRAND_PAGE_ORIGIN"),
		ObjectURL:      p.url("ERRAND_OBJECT_URL"),
		Timing:         errand.DefaultTiming(),
	}
	s.Queues, s.QueueNames = p.queues("ERRAND_QUEUES", p.need("ERRAND_QUEUES"))
	if len(s.QueueNames) > 0 && s.Queues[errand.DefaultQueue] == "" {
		p.fault("ERRAND_QUEUES: the queue %s is missing", errand.DefaultQueue)
	}
	if s.Bell != "" {
		s.BellURL = p.need("ERRAND_BELL_URL")
	}
	p.durations(&s.Timing)
	if len(p.faults) > 0 {
		return s, fmt.Errorf("environment: %s", strings.Join(p.faults, "; "))
	}
	return s, nil
}

// parser collects what is wrong, so that an operator hears it all at once.
type parser struct {
	getenv func(string) string
	faults []string
}

func (p *parser) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

func (p *parser) need(name string) string {
	v := p.getenv(name)
	if v == "" {
		p.fault("%s is not set", name)
	}
	return v
}

// url is an http or https URL without a path, or empty.
func (p *parser) url(name string) string {
	v := strings.TrimSuffix(p.getenv(name), "/")
	if u, err := url.Parse(v); v != "" && (err != nil || u.Host == "" || u.Path != "" || u.Scheme != "http" && u.Scheme != "https") {
		p.fault("%s: %q is not a URL like https://s3.example", name, v)
	}
	return v
}

// pageOrigin is a URL without a path, "/" or empty.
func (p *parser) pageOrigin(name string) string {
	if p.getenv(name) == "/" {
		return "/"
	}
	return p.url(name)
}

func (p *parser) queues(name, value string) (urls map[string]string, names []string) {
	urls = map[string]string{}
	for _, pair := range list(value) {
		q, at, ok := strings.Cut(pair, "=")
		if !ok || q == "" || at == "" {
			p.fault("%s: %q is not name=URL", name, pair)
			continue
		}
		urls[q] = at
		names = append(names, q)
	}
	return urls, names
}

// durations reads the settings of the flow: Go durations, or whole seconds.
func (p *parser) durations(t *errand.Timing) {
	for name, d := range map[string]*time.Duration{
		"ERRAND_LEASE":         &t.Lease,
		"ERRAND_SHORT_LEASE":   &t.ShortLease,
		"ERRAND_HEARTBEAT":     &t.Heartbeat,
		"ERRAND_POLL_WAIT":     &t.PollWait,
		"ERRAND_POLL_INTERVAL": &t.PollInterval,
		"ERRAND_TICKET_RESEND": &t.ResendEvery,
	} {
		v := p.getenv(name)
		if v == "" {
			continue
		}
		if n, err := strconv.Atoi(v); err == nil {
			v = strconv.Itoa(n) + "s"
		}
		parsed, err := time.ParseDuration(v)
		if err != nil || parsed < 0 || parsed == 0 && name != "ERRAND_POLL_WAIT" { // no interval of nothing
			p.fault("%s: %q is not a duration like 30s", name, v)
			continue
		}
		*d = parsed
	}
}

// bellURL is where workers wait; empty: there is no bell.
func (s *Settings) bellURL() string {
	if s.Bell == "" {
		return ""
	}
	return strings.TrimSuffix(s.BellURL, "/") + "/default"
}

// list splits at commas and drops what is empty.
func list(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
