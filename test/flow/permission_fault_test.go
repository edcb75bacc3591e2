package flow

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
)

// refusing fails one call to AWS in so many, for good, before it takes effect or
// after.
type refusing struct {
	oneIn int
	armed atomic.Bool

	mu    sync.Mutex
	rand  *rand.Rand
	calls int
}

func (f *refusing) next() (fail, applied bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	return f.rand.IntN(f.oneIn) == 0, f.rand.IntN(2) == 0
}

func (f *refusing) wrap(_ string, next http.RoundTripper) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		if !f.armed.Load() {
			return next.RoundTrip(r)
		}
		fail, applied := f.next()
		if !fail {
			return next.RoundTrip(r)
		}
		if applied {
			resp, err := next.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			resp.Body.Close()
		}
		return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
}

// TestPermissionsUnderFaults: what a function does when a call of AWS fails, its
// role grants too. Nothing else is asked of it here: see deploy.
func TestPermissionsUnderFaults(t *testing.T) {
	for _, oneIn := range []int{3, 8, 21} {
		t.Run(fmt.Sprintf("one in %d", oneIn), func(t *testing.T) {
			t.Parallel()
			f := &refusing{oneIn: oneIn, rand: rand.New(rand.NewPCG(1, uint64(oneIn)))}
			u := &everything{t: t}
			u.begin(f.wrap)
			u.upload()
			f.armed.Store(true)
			for round := range 12 {
				u.stumble(round)
			}
			f.armed.Store(false)
			if _, err := u.user.CreateJob(t.Context(), u.job(""), ""); err != nil || f.calls < 200 {
				t.Errorf("%d calls, and then %v", f.calls, err)
			}
		})
	}
}

// stumble goes through the API, whatever is answered. Rounds differ in how far a
// job gets, and in how much time passes.
func (u *everything) stumble(round int) {
	ctx := u.t.Context()
	j := u.job(u.source.SHA256)
	if round%2 == 1 {
		j.Group = "deploy"
	}
	_, _ = u.user.CreateUpload(ctx, u.source)
	job, _ := u.user.CreateJob(ctx, j, fmt.Sprintf("key-%d", round/2))
	_, _ = u.user.Execute(ctx, api.Execute{Mode: api.ModeDistributed, CreateJob: j})
	_, _ = u.admin.Jobs(ctx, "", "", 0, "")
	_, _ = u.admin.Jobs(ctx, errand.Pending, "", 0, "")
	_, _ = u.admin.Workers(ctx, "")
	for _, poll := range []string{"a", "a", "b"} {
		u.clock.Advance(time.Second)
		a, err := u.worker.GetJob(ctx, u.reg.WorkerID, u.reg.Epoch, fmt.Sprintf("%s-%d", poll, round), 0)
		if err == nil && a != nil {
			u.work(a, round)
		}
	}
	_, _ = u.user.Cancel(ctx, job.ID)
	u.clock.Advance([]time.Duration{time.Second, 31 * time.Second, 6 * time.Minute, 16 * time.Minute}[round%4])
	_ = u.stack.Tick(ctx, setup.SweepName)
}

// work heartbeats, has the log read, and ends the attempt in some way or in none.
func (u *everything) work(a *errand.Assignment, round int) {
	ctx := u.t.Context()
	hold := errand.Hold{JobID: a.JobID, Attempt: a.Attempt, RenewWrites: true}
	_, _ = u.worker.Heartbeat(ctx, errand.Heartbeat{WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, Holds: []errand.Hold{hold}})
	u.post(a.Write, a.Write.Fields, errand.LogChunkKey(a.JobID, a.Attempt, 0), errand.Frame{Data: []byte("x")}.Append(nil))
	_, _ = u.user.Logs(ctx, a.JobID, 0, 0, 0)
	_, _ = u.user.Job(ctx, a.JobID)
	switch round % 3 {
	case 0:
		_, _ = u.worker.SubmitResult(ctx, api.SubmitResult{WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, JobID: a.JobID, Attempt: a.Attempt})
	case 1:
		_, _ = u.worker.SubmitFailure(ctx, api.SubmitFailure{
			WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, JobID: a.JobID, Attempt: a.Attempt, Failure: errand.Failure{Reason: errand.ReasonWorkerStopped},
		})
	}
}
