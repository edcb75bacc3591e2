package errand

import (
	"context"
	"errors"
	"fmt"
)

// Execute runs commands now, in direct mode, and answers with their results.
// Nothing of it is kept. Errors: CodeDirectDisabled, CodeInvalidField,
// CodeSourceNotFound, CodeDirectTimeout.
func (s *Service) Execute(ctx context.Context, c Caller, spec Spec) (DirectResult, error) {
	if s.Direct == nil {
		return DirectResult{}, Errorf(CodeDirectDisabled, `direct mode is off on this server; use mode "distributed"`)
	}
	if spec.TimeoutSeconds == 0 {
		spec.TimeoutSeconds = MaxDirectSeconds
	}
	if err := between("timeout", spec.TimeoutSeconds, 1, MaxDirectSeconds); err != nil {
		return DirectResult{}, err
	}
	spec.Owner = c.Owner
	if err := s.prepare(ctx, c, &spec, ""); err != nil {
		return DirectResult{}, err
	}
	r := DirectRequest{
		Commands: spec.Commands, Env: spec.Env, Shell: spec.Shell,
		TimeoutSeconds: spec.TimeoutSeconds, ContinueOnError: spec.ContinueOnError,
	}
	if spec.Source != nil {
		grant, err := s.sourceGrant(ctx, c, &spec)
		if err != nil {
			return DirectResult{}, err
		}
		r.Source = grant
	}
	return s.runDirect(ctx, r)
}

func (s *Service) runDirect(ctx context.Context, r DirectRequest) (DirectResult, error) {
	res, err := s.Direct.Run(ctx, r)
	if errors.Is(err, context.DeadlineExceeded) {
		return DirectResult{}, &Error{Code: CodeDirectTimeout, Message: fmt.Sprintf("direct mode ends after %d seconds; use mode %q for longer work", MaxDirectSeconds, "distributed"), Cause: err}
	}
	if err != nil {
		return DirectResult{}, unavailable("run the commands in direct mode", err)
	}
	return res, nil
}
