package tracing

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/errandhq/errand"
)

func TestIsOn(t *testing.T) {
	t.Parallel()
	const endpoint, exporter, protocol = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL"
	for _, c := range []struct {
		name    string
		env     map[string]string
		on      bool
		refused bool
	}{
		{"nothing", nil, false, false},
		{"endpoint", map[string]string{endpoint: "http://x"}, true, false},
		{"endpoint of traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x/v1/traces"}, true, false},
		{"exporter", map[string]string{exporter: "otlp"}, true, false},
		{"none", map[string]string{exporter: "none", endpoint: "http://x"}, false, false},
		{"disabled", map[string]string{"OTEL_SDK_DISABLED": "true", endpoint: "http://x"}, false, false},
		{"protobuf", map[string]string{endpoint: "http://x", protocol: "http/protobuf"}, true, false},
		{"gRPC", map[string]string{endpoint: "http://x", protocol: "grpc"}, false, true},
		{"gRPC, off", map[string]string{protocol: "grpc"}, false, false},
		{"another exporter", map[string]string{exporter: "console"}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			on, err := isOn(func(name string) string { return c.env[name] })
			if on != c.on || (err != nil) != c.refused {
				t.Errorf("on %v, %v; want %v, refused: %v", on, err, c.on, c.refused)
			}
		})
	}
}

// TestOff: without a Tracer, nothing is done, and a traceparent from outside is passed on.
func TestOff(t *testing.T) {
	t.Parallel()
	var off *Tracer
	ctx, span := off.Start(t.Context(), "x")
	span.Set(JobID, "x")
	span.End(nil)
	a := off.Attempt(&errand.Assignment{JobID: "J", Attempt: 1}, time.Now())
	a.Step("x", time.Now(), time.Now(), nil)
	a.Command(0, time.Now(), &errand.CommandResult{})
	a.End(time.Now(), 0, "")
	off.Flush(ctx)
	off.Close()
	if ctx != t.Context() || a.Context(ctx) != ctx || a.Commands(3) != nil || off.Header("") != nil || off.Header("00-x") != nil {
		t.Error("something is done without a Tracer")
	}
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if got := off.Header(parent)(context.Background()); got != parent {
		t.Errorf("the header is %q, want %q", got, parent)
	}
	served := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Header.Get("Traceparent"))) })
	r := httptest.NewRequest(http.MethodPost, creates, nil)
	r.Header.Set("Traceparent", parent)
	rec := httptest.NewRecorder()
	off.Handler(served).ServeHTTP(rec, r)
	if got := rec.Body.String(); got != parent {
		t.Errorf("the handler got %q", got)
	}
}
