package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/errandhq/errand"
)

// Direct runs commands now, in a process without credentials.
type Direct interface {
	// Run returns the results. Errors: context.DeadlineExceeded, if the function
	// took too long; others are the platform's.
	Run(ctx context.Context, r errand.DirectRequest) (errand.DirectReport, error)
}

// A DirectRun is a job that ran at once. Result is nil if the request was a repeated one:
// then the first one has the results, and Job shows how it stands.
type DirectRun struct {
	Job    errand.Job
	Result *errand.DirectResult
}

// Execute runs commands at once, in direct mode, and returns their results. The run is kept
// as a job that has no ticket and no worker: it is listed, and its log can be followed. It
// goes on when the caller leaves. Requests with the same key are one run.
// Errors: CodeDirectDisabled, CodeInvalidField, CodeSourceNotFound, CodeDirectTimeout,
// CodeIdempotencyMismatch.
func (s *Service) Execute(ctx context.Context, c Caller, spec errand.Spec, o CreateOptions) (DirectRun, error) {
	if s.Direct == nil {
		return DirectRun{}, errand.Errorf(errand.CodeDirectDisabled, `direct mode is off on this server; use mode "distributed"`)
	}
	if spec.TimeoutSeconds == 0 {
		spec.TimeoutSeconds = errand.MaxDirectSeconds
	}
	if err := errand.CheckRange("timeout", spec.TimeoutSeconds, 1, errand.MaxDirectSeconds); err != nil {
		return DirectRun{}, err
	}
	spec.Owner = c.Owner
	if err := s.prepare(ctx, c, &spec, o.Key); err != nil {
		return DirectRun{}, err
	}
	spec.LeaseSeconds = directLeaseSeconds
	spec.CreatedAt = s.now()
	spec.ID = s.NewID(spec.CreatedAt)
	if o.Key != "" {
		id, err := s.claim(ctx, &spec, "execute", o.Key)
		if err != nil {
			return DirectRun{}, err
		}
		if id != spec.ID {
			return s.repeatedRun(ctx, c, id)
		}
	}
	return s.startDirect(context.WithoutCancel(ctx), c, &spec, o)
}

// directLeaseSeconds is longer than a direct run takes, with its start and its end: if the
// server dies, the sweep then ends the job.
const directLeaseSeconds = 2 * errand.MaxDirectSeconds

// repeatedRun answers a repeated request. If the first one ended before its job was stored,
// nothing ran, and the caller needs a new key.
func (s *Service) repeatedRun(ctx context.Context, c Caller, id string) (DirectRun, error) {
	job, err := s.Job(ctx, c, id)
	if errand.CodeOf(err) == errand.CodeJobNotFound {
		err = unavailable("find the first request with this Idempotency-Key", err)
	}
	return DirectRun{Job: job}, err
}

func (s *Service) startDirect(ctx context.Context, c Caller, spec *errand.Spec, o CreateOptions) (DirectRun, error) {
	state := errand.NewDirectState(spec, s.now(), s.Timing)
	r := errand.DirectRequest{
		Commands: spec.Commands, Env: spec.Env, Shell: spec.Shell,
		TimeoutSeconds: spec.TimeoutSeconds, ContinueOnError: spec.ContinueOnError, Watched: o.Watched,
	}
	var err error
	if spec.Source != nil {
		if r.Source, err = s.sourceGrant(ctx, c, spec); err != nil {
			return DirectRun{}, err
		}
	}
	if r.Write, err = s.writeGrant(ctx, c, state.Record()); err != nil {
		return DirectRun{}, err
	}
	if err := s.Store.CreateJob(ctx, spec, state); err != nil {
		return DirectRun{}, unavailable("keep the job", err)
	}
	s.logChange(ctx, errand.StateRecord{}, state.Record())
	res, err := s.runDirect(ctx, r)
	st := s.endDirect(ctx, spec.ID, &res, err)
	return DirectRun{Job: errand.Job{Spec: *spec, State: st}, Result: &res.DirectResult}, err
}

// EndDirectRuns ends the direct runs that a server which has ended left. Only a server that
// is alone with its data may call it, before it runs any. Elsewhere their leases end them.
func (s *Service) EndDirectRuns(ctx context.Context) error {
	queues, err := s.queues(ctx, 0)
	if err != nil {
		return err
	}
	f := JobFilter{Status: errand.Running, Limit: errand.MaxPage, Now: s.now()}
	for _, q := range queues {
		f.Queues = append(f.Queues, q.Name)
	}
	for isFirst := true; isFirst || f.Cursor != ""; isFirst = false {
		page, err := s.Store.Jobs(ctx, f)
		if err != nil {
			return unavailable("list the running jobs", err)
		}
		for _, job := range page.Jobs {
			if !job.State.Direct() {
				continue
			}
			st, err := s.change(ctx, job.Spec.ID, func(st *errand.State, now time.Time) (bool, error) { return st.EndDirect(now), nil })
			if err != nil {
				return err
			}
			s.settle(ctx, st)
		}
		f.Cursor = page.Next
	}
	return nil
}

func (s *Service) runDirect(ctx context.Context, r errand.DirectRequest) (errand.DirectReport, error) {
	res, err := s.Direct.Run(ctx, r)
	if errors.Is(err, context.DeadlineExceeded) {
		return res, &errand.Error{Code: errand.CodeDirectTimeout, Message: fmt.Sprintf("direct mode ends after %d seconds; use mode %q for longer work", errand.MaxDirectSeconds, "distributed"), Cause: err}
	}
	if err != nil {
		return res, unavailable("run the commands in direct mode", err)
	}
	return res, nil
}

// endDirect stores how the run ended. If that fails, the sweep ends the job.
func (s *Service) endDirect(ctx context.Context, id string, r *errand.DirectReport, runErr error) errand.StateRecord {
	report := Report{WorkerID: errand.DirectWorkerID, JobID: id, Attempt: 1}
	st, _, err := s.endAttempt(ctx, report, directResult(r), func(st *errand.State, now time.Time) {
		switch {
		case errand.CodeOf(runErr) == errand.CodeDirectTimeout:
			st.Fail(now, &errand.Failure{Reason: errand.ReasonTimedOut, Error: "the commands did not end in time"})
		case runErr != nil:
			st.Fail(now, &errand.Failure{Reason: errand.ReasonAgentError, Error: "the server could not run the commands in direct mode"})
		case r.Status == errand.Completed:
			st.Complete(now, directResult(r))
		default:
			st.Fail(now, &errand.Failure{Reason: r.Reason, Error: r.Error, Result: directResult(r)})
		}
	})
	if err != nil {
		s.Log.WarnContext(ctx, "the end of a direct run is not kept", "job", id, "err", err)
	}
	s.settle(ctx, st)
	return st
}

// directResult is the run's result as a job has it.
func directResult(r *errand.DirectReport) *errand.Result {
	res := &errand.Result{DurationMs: r.DurationMs, Log: r.Log}
	for _, c := range r.Commands {
		res.Commands = append(res.Commands, errand.CommandResult{
			ExitCode: c.ExitCode, Signal: c.Signal, DurationMs: c.DurationMs, Stdout: outputOf(c.Stdout), Stderr: outputOf(c.Stderr),
		})
		if c.ExitCode != 0 && res.ExitCode == 0 {
			res.ExitCode, res.Signal = c.ExitCode, c.Signal
		}
	}
	if res.Validate() == nil {
		return res
	}
	for i := range res.Commands { // too many: the log has their output
		c := &res.Commands[i]
		c.Stdout.Head, c.Stdout.Tail, c.Stderr.Head, c.Stderr.Tail = nil, nil, nil, nil
	}
	if res.Validate() != nil {
		res.Log = errand.Log{}
	}
	return res
}

// outputOf is a stream as a result shows it.
func outputOf(b []byte) errand.Output {
	sum := sha256.Sum256(b)
	o := errand.Output{Bytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:]), Head: b[:min(len(b), errand.OutputHeadBytes)]}
	if rest := b[len(o.Head):]; len(rest) > 0 {
		o.Tail = rest[max(0, len(rest)-errand.OutputTailBytes):]
	}
	return o
}
