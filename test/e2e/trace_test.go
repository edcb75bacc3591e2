//go:build unix

package e2e

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	v1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/errandbin"
)

// spans is an OTLP receiver.
type spans struct {
	url    string
	mu     sync.Mutex
	all    []*v1.Span
	change chan struct{}
}

func collect(t *testing.T) *spans {
	t.Helper()
	s := &spans{change: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		var in collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(b, &in)
		}
		if err != nil {
			t.Error(err)
		}
		s.add(&in)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *spans) add(in *collector.ExportTraceServiceRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range in.GetResourceSpans() {
		for _, scope := range r.GetScopeSpans() {
			s.all = append(s.all, scope.GetSpans()...)
		}
	}
	close(s.change)
	s.change = make(chan struct{})
}

// env makes a program send its spans here, soon.
func (s *spans) env() []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + s.url, "OTEL_BSP_SCHEDULE_DELAY=50"}
}

// await waits until there are n spans of the name, and returns all.
func (s *spans) await(t *testing.T, name string, n int) []*v1.Span {
	t.Helper()
	limit := time.After(patience)
	for {
		s.mu.Lock()
		all, change := s.all[:len(s.all):len(s.all)], s.change
		s.mu.Unlock()
		if len(named(all, name)) >= n {
			return all
		}
		select {
		case <-change:
		case <-limit:
			t.Fatalf("there are no %d spans %q in\n%s", n, name, tree(all, nil, 0))
		}
	}
}

func named(all []*v1.Span, name string) (found []*v1.Span) {
	for _, s := range all {
		if s.GetName() == name {
			found = append(found, s)
		}
	}
	return found
}

// tree draws the spans below a parent, as they began.
func tree(all []*v1.Span, parent []byte, depth int) string {
	var b strings.Builder
	var below []*v1.Span
	for _, s := range all {
		if string(s.GetParentSpanId()) == string(parent) {
			below = append(below, s)
		}
	}
	for len(below) > 0 {
		first := 0
		for i, s := range below {
			if s.GetStartTimeUnixNano() < below[first].GetStartTimeUnixNano() {
				first = i
			}
		}
		s := below[first]
		below = append(below[:first], below[first+1:]...)
		fmt.Fprintf(&b, "%s%s\n%s", strings.Repeat("  ", depth), s.GetName(), tree(all, s.GetSpanId(), depth+1))
	}
	return b.String()
}

func traceParentOf(s *v1.Span) string {
	return "00-" + hex.EncodeToString(s.GetTraceId()) + "-" + hex.EncodeToString(s.GetSpanId()) + "-01"
}

// TestTrace: the spans of client, server and agent are one tree, and each command is told
// its own span.
func TestTrace(t *testing.T) {
	t.Parallel()
	otlp := collect(t)
	s := localWith(t, otlp.env(), t.TempDir(), "127.0.0.1:0", "1")
	dir := files(t, map[string]string{"a": "a"})
	p := startWith(t, otlp.env(), "run", "--server", s.url, "--token-file", s.tokenFile("user"), dir, "--get", "out", "-c", "echo $TRACEPARENT", "-c", "echo $TRACEPARENT | tee out; exit 3")
	if code := p.wait(); code != 3 {
		t.Fatalf("exit code %d; stderr:\n%s", code, p.stderr)
	}
	otlp.await(t, "waiting", 1)
	otlp.await(t, "errand run", 1)
	all := otlp.await(t, "attempt", 1)
	const want = `errand run
  pack
  upload
    POST /api/uploads/batch
  create
    POST /api/jobs/create
      waiting
      attempt
        fetch
        unpack
        command
        command
        artifacts
        POST /api/jobs/artifacts
        report
  wait
`
	if got := tree(all, nil, 0); got != want && !errandbin.Hostile() { // there, requests are repeated
		t.Errorf("the spans are\n%s\nwant\n%s", got, want)
	}
	commands := named(all, "command")
	if len(commands) == 2 {
		told := traceParentOf(commands[0]) + "\n" + traceParentOf(commands[1]) + "\n"
		if commands[0].GetStartTimeUnixNano() > commands[1].GetStartTimeUnixNano() {
			told = traceParentOf(commands[1]) + "\n" + traceParentOf(commands[0]) + "\n"
		}
		if got := p.stdout.String(); got != told {
			t.Errorf("the commands were told\n%swant\n%s", got, told)
		}
	}
	for _, span := range all {
		if span.GetEndTimeUnixNano() < span.GetStartTimeUnixNano() {
			t.Errorf("%s ends before it begins", span.GetName())
		}
	}
}

// TestTraceOverRestart: a job whose client sends no spans has a trace of its own; an agent
// that takes over a job from one that was killed goes on with the same spans.
func TestTraceOverRestart(t *testing.T) {
	t.Parallel()
	otlp := collect(t)
	s, data, gate := local(t, "0"), t.TempDir(), t.TempDir()
	agent := func() *proc {
		return startWith(t, otlp.env(), "agent", "--server", s.url, "--token-file", s.tokenFile("agent"), "--data", data)
	}
	first := agent()
	id := s.submit("--no-source", "-c", "echo told $TRACEPARENT; until test -e "+gate+"/open; do sleep 0.05; done")
	s.awaitJob(id, "running", func(j api.Job) bool { return j.Status == errand.Running })
	log := s.errand("logs", "--follow", id)
	log.stdout.await(t, "\n")
	first.kill()
	agent()
	if err := os.WriteFile(filepath.Join(gate, "open"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all := otlp.await(t, "attempt", 1)
	if got, want := tree(all, nil, 0), "attempt\n  command\n  report\n"; got != want && !errandbin.Hostile() {
		t.Fatalf("the spans are\n%s\nwant\n%s", got, want)
	}
	log.wait()
	if got, want := log.stdout.String(), "told "+traceParentOf(named(all, "command")[0])+"\n"; got != want {
		t.Errorf("the command was %swant %s", got, want)
	}
}

// TestTraceParentPassedOn: without traces of Errand's own, a job's commands are part of
// the span in which the client was started, unless the job says otherwise.
func TestTraceParentPassedOn(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for want, flags := range map[string][]string{parent: nil, "mine": {"--env", "TRACEPARENT=mine"}} {
		args := append([]string{"run", "--server", s.url, "--token-file", s.tokenFile("user"), "--no-source"}, flags...)
		p := startWith(t, []string{"TRACEPARENT=" + parent}, append(args, "-c", "echo $TRACEPARENT")...)
		if code, got := p.wait(), p.stdout.String(); code != 0 || got != want+"\n" {
			t.Errorf("%v: exit code %d, the command was told %q, want %q", flags, code, got, want)
		}
	}
}
