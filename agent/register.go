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
	"github.com/errandhq/errand/internal/api"
)

// session is what the agent is to the server: a worker in an epoch.
type session struct {
	a      *Agent
	id     *identity.Identity
	client *api.Client // with the worker's own token

	renewing sync.Mutex // one registration at a time
	mu       sync.Mutex
	reg      errand.Registered
	inVain   int // registrations since the last call that was answered well
}

// maxInVain is how often the worker registers again to no effect before it
// takes the refusal for an answer.
const maxInVain = 3

func (s *session) init(a *Agent, id *identity.Identity) {
	s.a, s.id, s.client = a, id, a.Client.WithToken(id.Token)
}

// now is the registration in force.
func (s *session) now() errand.Registered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reg
}

// setBell notes where to wait for work from now on.
func (s *session) setBell(b *errand.Bell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reg.Bell = b
}

// register registers, for as long as it takes. Errors: the server's, where it
// refused; the cause of ctx's end.
func (s *session) register(ctx context.Context) error {
	for n := 1; ; n++ {
		reg, err := s.registerOnce(ctx)
		if err == nil {
			s.mu.Lock()
			s.reg = reg
			s.mu.Unlock()
			s.a.Log.Info("registered", "worker", reg.WorkerID, "epoch", reg.Epoch, "queues", reg.Queues, "server", s.a.Client.BaseURL)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		after, ok := api.Temporary(err)
		if !ok {
			return fmt.Errorf("the server refused to register this worker: %w", err)
		}
		s.a.Log.Warn("could not register, trying again", "try", n, "err", err)
		if err := s.a.pause(ctx, n, after); err != nil {
			return err
		}
	}
}

func (s *session) registerOnce(ctx context.Context) (errand.Registered, error) {
	ctx, cancel := context.WithTimeout(ctx, s.a.RequestTimeout)
	defer cancel()
	return s.a.Client.Register(ctx, errand.Registration{
		WorkerID: s.id.WorkerID, Token: s.id.Token, Name: s.a.Name, Slots: s.a.Slots, Queues: s.a.Queues,
		OS: runtime.GOOS, Arch: runtime.GOARCH, Version: s.a.Version,
	})
}

// again registers once more because of why, unless that was done since epoch.
func (s *session) again(ctx context.Context, epoch int, why error) error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	s.mu.Lock()
	done := s.reg.Epoch != epoch
	if !done {
		s.inVain++
	}
	inVain := s.inVain
	s.mu.Unlock()
	if done {
		return nil
	}
	if inVain > maxInVain {
		return fmt.Errorf("the server takes this worker's registration and then refuses it: %w", why)
	}
	s.a.Log.Warn("the server does not know this worker any more, registering again")
	return s.register(ctx)
}

// call makes an API call of the worker, once, in the epoch of now. It deals
// with what the server says about the worker itself: one that is unknown is
// registered again (errAgain), one that is superseded or refused ends the agent.
// More is added to the time that the call may take.
func (s *session) call(ctx context.Context, more time.Duration, f func(ctx context.Context, epoch int) error) error {
	epoch := s.now().Epoch
	rctx, cancel := context.WithTimeout(ctx, s.a.RequestTimeout+more)
	defer cancel()
	err := f(rctx, epoch)
	if err == nil {
		s.mu.Lock()
		s.inVain = 0
		s.mu.Unlock()
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	switch {
	case api.CodeOf(err) == errand.CodeSuperseded:
		if s.now().Epoch != epoch {
			return errAgain // by ourselves, meanwhile
		}
		err = fmt.Errorf("%w: %w", ErrSuperseded, err)
	case unknown(err):
		if err = s.again(ctx, epoch, err); err == nil {
			return errAgain
		}
		if ctx.Err() != nil {
			return err
		}
	case statusOf(err) == http.StatusForbidden && !foreign(err):
		err = fmt.Errorf("the server refuses this worker: %w", err)
	default:
		return err
	}
	s.a.fail(err)
	return err
}

// errAgain: the call is to be made again, in another epoch.
var errAgain = errors.New("registered again meanwhile")

// unknown reports whether the server doesn't know the worker or its token. A
// worker that was unseen for a week is dropped there, and its token with it.
func unknown(err error) bool {
	code := api.CodeOf(err)
	return code == errand.CodeWorkerNotFound || code == errand.CodeUnauthenticated
}

// statusOf is the HTTP status in err's chain; 0 if there was no answer.
func statusOf(err error) int {
	var e *api.ResponseError
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}
