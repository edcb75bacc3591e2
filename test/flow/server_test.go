package flow

import (
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/localstack"
)

// deployed is the API as it is deployed: the template's defaults, the real
// functions as events of the local gateway, on a loopback port.
type deployed struct {
	stack *localstack.Stack
	srv   *httptest.Server // nil: in process
	url   string
	http  *http.Client
	svc   *control.Service
	clock *localstack.ManualClock // nil: the machine's
	calls *callLog                // that the functions made of AWS
}

// deployOptions change it.
type deployOptions struct {
	changes    *control.Changes  // shared by the functions, as on one machine; nil: each has its own
	parameters map[string]string // of the template
	manual     bool              // the clock stands still until a test moves it
	inProcess  bool              // no socket, for synctest
	// wrap, if there is one, is put around a function's transport to AWS.
	wrap func(function string, next http.RoundTripper) http.RoundTripper
	// change changes the stack's configuration last.
	change func(*localstack.Config)
}

// deploy starts one. A call of AWS that a function's role doesn't grant fails the test.
func deploy(t *testing.T, o deployOptions) *deployed {
	t.Helper()
	o.skipIsolated(t)
	d := &deployed{calls: newCallLog()}
	c := localstack.Config{
		Template: errand.Template, Functions: map[string]localstack.FunctionCode{}, Logf: t.Logf,
		Leaked:     func(function, stacks string) { t.Errorf("%s left goroutines behind:\n%s", function, stacks) },
		Parameters: map[string]string{"SignHosts": "127.0.0.1", "Hosts": "127.0.0.1", "BellUrl": "/bell"},
	}
	maps.Copy(c.Parameters, o.parameters)
	clk := clock.Real()
	if o.manual {
		d.clock = localstack.NewManualClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
		c.Clock, clk = d.clock, d.clock
	}
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	started := make(chan struct{}) // d.stack is there; a schedule may be due before
	for _, name := range functionNames() {
		c.Functions[name] = localstack.FunctionCode{New: func(env map[string]string) (localstack.Handler, error) {
			<-started
			if d.stack == nil {
				return nil, errors.New("the stack did not start")
			}
			cfg := awsOf(d.stack)
			aws := d.calls.guard(t, name, d.stack.RoundTripper())
			if o.wrap != nil {
				aws = o.wrap(name, aws)
			}
			cfg.HTTPClient = &http.Client{Transport: aws}
			return setup.Handler(name, func(k string) string { return env[k] }, setup.Process{AWS: cfg, Changes: o.changes, Clock: clk, Log: log})
		}}
	}
	if o.change != nil {
		o.change(&c)
	}
	isolate(t, &c)
	var err error
	d.stack, err = localstack.Start(t.Context(), c)
	close(started)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.stack.Close() })
	d.open(t, o, clk, log)
	return d
}

// open opens the API, and a Service beside it that makes tokens.
func (d *deployed) open(t *testing.T, o deployOptions, clk clock.Clock, log *slog.Logger) {
	t.Helper()
	env := d.stack.Environment("SweepFunction")
	settings, err := setup.ParseSettings(func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	handler := d.stack.API(localstack.APIOptions{})
	d.url, d.http = "http://127.0.0.1", &http.Client{Transport: inProcess{handler}}
	if !o.inProcess {
		d.srv = httptest.NewServer(handler)
		t.Cleanup(d.srv.Close)
		d.url, d.http = d.srv.URL, http.DefaultClient
	}
	d.svc = setup.NewService(setup.Process{AWS: awsOf(d.stack), Changes: o.changes, Clock: clk, Log: log}, settings)
}

// functionNames are the functions that use AWS.
func functionNames() []string {
	names := []string{setup.SweepName}
	for _, e := range api.Endpoints() {
		names = append(names, e.Name)
	}
	return names
}

// client grants a token of the role and returns the API as its bearer sees it.
func (d *deployed) client(t *testing.T, role errand.Role) *api.Client {
	t.Helper()
	token := "token-of-" + string(role)
	if err := d.svc.GrantToken(t.Context(), token, role, "ann", nil); err != nil {
		t.Fatal(err)
	}
	return d.as(token)
}
