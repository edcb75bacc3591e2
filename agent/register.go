package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/identity"
	"github.com/errandhq/errand/agent/internal/supervisor"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/process"
)

// registration is the worker as the server knows it.
type registration struct {
	a      *Agent
	id     *identity.Identity
	client *api.Client // with the worker's own token
	runCtx context.Context

	renewing     sync.Mutex // one registration at a time
	mu           sync.Mutex
	reg          errand.Registered
	vainRenewals int // since the last successful call
}

// maxVainRenewals is how often the worker registers again, without a successful
// call in between, before the agent gives up.
const maxVainRenewals = 3

func (s *registration) init(runCtx context.Context, a *Agent, id *identity.Identity) {
	s.runCtx, s.a, s.id, s.client = runCtx, a, id, a.Client.WithToken(id.Token)
}

func (s *registration) current() errand.Registered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reg
}

func (s *registration) setBell(b *errand.Bell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reg.Bell = b
}

// register retries until the server accepts or refuses the worker. Errors: the
// refusal; the cause of ctx's end.
func (s *registration) register(ctx context.Context) error {
	for n := 1; ; n++ {
		reg, err := s.registerOnce(ctx)
		if err == nil {
			s.mu.Lock()
			s.reg = reg
			s.mu.Unlock()
			if err := s.id.SetRegistered(); err != nil {
				s.a.Log.Warn("could not write the worker's identity", "err", err)
			}
			s.a.Log.Info("registered", "worker", reg.WorkerID, "epoch", reg.Epoch, "queues", reg.Queues, "server", s.a.Client.BaseURL)
			s.a.logLongIntervals(reg)
			s.a.Registered()
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		after, ok := api.Temporary(err)
		if !ok {
			return fmt.Errorf("the server refused to register this worker: %w", err)
		}
		s.a.Log.Warn("registration failed, trying again", "try", n, "err", err)
		if err := s.a.backOff(ctx, n, after); err != nil {
			return err
		}
	}
}

func (s *registration) registerOnce(ctx context.Context) (errand.Registered, error) {
	ctx, cancel := context.WithTimeout(ctx, s.a.RequestTimeout)
	defer cancel()
	return s.a.Client.Register(ctx, errand.Registration{
		WorkerID: s.id.WorkerID, Token: s.id.Token, Replace: s.id.Replace, Name: s.a.Name, Slots: s.a.Slots, Queues: s.a.Queues,
		OS: runtime.GOOS, Arch: runtime.GOARCH, Version: s.a.Version, Features: s.a.features(), Labels: s.a.labels(),
	})
}

// features are what this agent can do beyond running commands.
func (a *Agent) features() []string {
	all := []string{errand.FeatureManifest, errand.FeatureArtifacts, errand.FeatureCache, errand.FeatureWorkspace}
	if a.hasTerminals() {
		all = append(all, errand.FeatureTerminal)
	}
	if a.cgroups != "" {
		all = append(all, errand.FeatureLimits)
	}
	return all
}

// hasTerminals says whether commands can run under a pseudo-terminal.
func (a *Agent) hasTerminals() bool { return process.HasTerminals(supervisor.Console(a.Supervisor)) }

// console is supervisor.Run.Console.
func (a *Agent) console() []string {
	if a.hasTerminals() {
		return supervisor.Console(a.Supervisor)
	}
	return nil
}

// renew registers again because of why, unless the epoch has changed already. The end of
// a call doesn't interrupt it: the server may count an epoch that this agent would never
// learn of, and take it for a copy.
func (s *registration) renew(epoch int, why error) error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	s.mu.Lock()
	done := s.reg.Epoch != epoch
	if !done {
		s.vainRenewals++
	}
	vainRenewals := s.vainRenewals
	s.mu.Unlock()
	if done {
		return nil
	}
	if vainRenewals > maxVainRenewals {
		return fmt.Errorf("the server accepts this worker's registration and then refuses its requests: %w", why)
	}
	s.a.Log.Warn("the server no longer knows this worker, registering again")
	return s.register(s.runCtx)
}

// awaitEpoch returns the current epoch. If a registration is in progress, whose epoch the
// server may know already, it waits for that.
func (s *registration) awaitEpoch() int {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	return s.current().Epoch
}

// call makes one API call in the current epoch, within RequestTimeout and extra. See
// callWithin.
func (s *registration) call(ctx context.Context, extra time.Duration, f func(ctx context.Context, epoch int) error) error {
	return s.callWithin(ctx, s.a.RequestTimeout+extra, f)
}

// callWithin makes one API call in the current epoch, within limit.
// If the server doesn't know the worker, callWithin registers it again and returns
// errReregistered. If the worker is superseded or refused, callWithin ends the agent.
func (s *registration) callWithin(ctx context.Context, limit time.Duration, f func(ctx context.Context, epoch int) error) error {
	epoch := s.current().Epoch
	rctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f(rctx, epoch)
	if err == nil {
		s.mu.Lock()
		s.vainRenewals = 0
		s.mu.Unlock()
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	switch {
	case api.CodeOf(err) == errand.CodeSuperseded:
		if s.awaitEpoch() != epoch {
			return errReregistered // by this agent, meanwhile
		}
		err = fmt.Errorf("%w: %w", ErrSuperseded, err)
	case isUnknownWorker(err):
		if err = s.renew(epoch, err); err == nil {
			return errReregistered
		}
		if s.runCtx.Err() != nil {
			return err
		}
	case statusOf(err) == http.StatusForbidden && !isForeign(err):
		err = fmt.Errorf("the server refuses this worker: %w", err)
	default:
		return err
	}
	s.a.fail(err)
	return err
}

// errReregistered: the call must be made again, in the new epoch.
var errReregistered = errors.New("the worker has registered again")

// isUnknownWorker reports whether the server doesn't know the worker or its
// token. It drops workers, and their tokens, that it has not seen for a week.
func isUnknownWorker(err error) bool {
	code := api.CodeOf(err)
	return code == errand.CodeWorkerNotFound || code == errand.CodeUnauthenticated
}

// statusOf returns the HTTP status in err's chain; 0 if there was no response.
func statusOf(err error) int {
	var e *api.ResponseError
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}
