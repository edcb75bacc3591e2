package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/errandhq/errand"
)

// Direct runs commands now, in a process without credentials.
type Direct interface {
	// Run returns the results. Errors: context.DeadlineExceeded, if the function
	// took too long; others are the platform's.
	Run(ctx context.Context, r errand.DirectRequest) (errand.DirectResult, error)
}

// Execute runs commands at once, in direct mode, and returns their results. It
// stores nothing. Errors: CodeDirectDisabled, CodeInvalidField,
// CodeSourceNotFound, CodeDirectTimeout.
func (s *Service) Execute(ctx context.Context, c Caller, spec errand.Spec) (errand.DirectResult, error) {
	if s.Direct == nil {
		return errand.DirectResult{}, errand.Errorf(errand.CodeDirectDisabled, `direct mode is off on this server; use mode "distributed"`)
	}
	if spec.TimeoutSeconds == 0 {
		spec.TimeoutSeconds = errand.MaxDirectSeconds
	}
	if err := errand.CheckRange("timeout", spec.TimeoutSeconds, 1, errand.MaxDirectSeconds); err != nil {
		return errand.DirectResult{}, err
	}
	spec.Owner = c.Owner
	if err := s.prepare(ctx, c, &spec, ""); err != nil {
		return errand.DirectResult{}, err
	}
	r := errand.DirectRequest{
		Commands: spec.Commands, Env: spec.Env, Shell: spec.Shell,
		TimeoutSeconds: spec.TimeoutSeconds, ContinueOnError: spec.ContinueOnError,
	}
	if spec.Source != nil {
		grant, err := s.sourceGrant(ctx, c, &spec)
		if err != nil {
			return errand.DirectResult{}, err
		}
		r.Source = grant
	}
	return s.runDirect(ctx, r)
}

func (s *Service) runDirect(ctx context.Context, r errand.DirectRequest) (errand.DirectResult, error) {
	res, err := s.Direct.Run(ctx, r)
	if errors.Is(err, context.DeadlineExceeded) {
		return errand.DirectResult{}, &errand.Error{Code: errand.CodeDirectTimeout, Message: fmt.Sprintf("direct mode ends after %d seconds; use mode %q for longer work", errand.MaxDirectSeconds, "distributed"), Cause: err}
	}
	if err != nil {
		return errand.DirectResult{}, unavailable("run the commands in direct mode", err)
	}
	return res, nil
}
