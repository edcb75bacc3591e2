package localstack

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"github.com/errandhq/errand/internal/template"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/gateway"
	"github.com/errandhq/errand/localstack/internal/hostile"
	"github.com/errandhq/errand/localstack/internal/lambda"
)

// openFunctions creates the template's functions and APIs.
func (s *Stack) openFunctions(context.Context) error {
	c := lambda.Config{
		Region: s.cfg.Region, Credentials: s.creds, Endpoint: s.endpoint, Clock: s.cfg.Clock, Logf: s.cfg.Logf,
		Concurrency: s.cfg.Concurrency, Leaked: s.cfg.Leaked,
		Faults: hostile.Functions{Random: s.hostile, Lambda: s.cfg.Hostile.Lambda},
	}
	if s.cfg.FS == nil {
		var err error
		if c.HomeDir, err = filepath.Abs(s.path("functions")); err != nil {
			return err
		}
	}
	for i := range s.template.Functions {
		f := &s.template.Functions[i]
		source, ok := lookup(s.cfg.Functions, f)
		if !ok {
			return fmt.Errorf("function %s (%s) has no source in Functions", f.LogicalID, f.CodeURI)
		}
		if source.Credentials && len(source.Command) > 0 && s.server == nil {
			return fmt.Errorf("function %s is a process with credentials, so Addr must be set: it calls the stack over the network", f.LogicalID)
		}
		c.Functions = append(c.Functions, lambda.Function{
			Name: f.Name, ARN: f.ARN, Handler: f.Handler, Timeout: f.Timeout, MemoryMB: f.MemoryMB,
			Reserved: f.Reserved, Environment: f.Environment, Code: source,
		})
	}
	var err error
	if s.lambda, err = lambda.New(c); err != nil {
		return err
	}
	return s.openGateways()
}

func (s *Stack) openGateways() error {
	for _, api := range s.template.APIs {
		c := gateway.Config{
			APIID: api.ID, Region: s.cfg.Region, Account: Account, Invoker: invoker{s}, Services: serviceCaller{s},
			Timeout: s.cfg.IntegrationTimeout, Clock: s.cfg.Clock, Logf: s.cfg.Logf,
		}
		if api.CORS != nil {
			cors := gateway.CORS(*api.CORS)
			c.CORS = &cors
		}
		for _, r := range api.Routes {
			c.Routes = append(c.Routes, gateway.Route{
				Method: r.Method, Path: r.Path, Function: r.Function, Service: (*gateway.Service)(r.Service), Timeout: r.Timeout,
			})
		}
		g, err := gateway.New(c)
		if err != nil {
			return err
		}
		s.gateways = append(s.gateways, g)
	}
	return nil
}

// lookup returns f's value in a map by function names.
func lookup[V any](m map[string]V, f *template.Function) (v V, ok bool) {
	for _, key := range names(f) {
		if v, ok = m[key]; ok {
			return v, true
		}
	}
	return v, false
}

// names returns the names that callers may use for a function.
func names(f *template.Function) []string {
	return []string{f.LogicalID, f.Name, path.Base(f.CodeURI)}
}

func isNamed(f *template.Function, name string) bool {
	return slices.Contains(names(f), name)
}

// invoke runs a function and counts the invocation.
func (s *Stack) invoke(ctx context.Context, c lambda.InvokeInput) (lambda.Result, error) {
	s.usage.add("lambda.Invoke", Usage{Calls: 1})
	return s.lambda.Invoke(ctx, c)
}

// invoker lets the gateway run functions.
type invoker struct{ stack *Stack }

// Invoke implements gateway.Invoker.
func (i invoker) Invoke(ctx context.Context, function string, event []byte) ([]byte, bool, error) {
	r, err := i.stack.invoke(ctx, lambda.InvokeInput{Function: function, Payload: event})
	var refused *awswire.Error
	if errors.As(err, &refused) && refused.Code == "RequestTooLargeException" {
		err = errors.Join(gateway.ErrTooLarge, err)
	}
	return r.Payload, r.FunctionError != "", err
}
