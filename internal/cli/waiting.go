package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// Why a job waits is looked up explainFirst after the first time, then in intervals
// that double up to explainMost.
const (
	explainFirst = 5 * time.Second
	explainMost  = 30 * time.Second
	// explainJobs is how many earlier jobs are looked through for the job's group.
	explainJobs = 100
)

// waiting tells the user why a job is pending, whenever the reason changes.
type waiting struct {
	next     time.Time // when to look again
	interval time.Duration
	told     string
}

// due reports whether it is time to look, and schedules the next time.
func (w *waiting) due(now time.Time) bool {
	if now.Before(w.next) {
		return false
	}
	w.interval = min(max(2*w.interval, explainFirst), explainMost)
	w.next = now.Add(w.interval)
	return true
}

// explainPending tells why the job is pending, if that is not what it told last.
// Errors are ignored: the log shows them.
func (f *follower) explainPending(ctx context.Context) {
	if f.status != errand.Pending || !f.waiting.due(f.term.Now()) {
		return
	}
	job, err := callOnce(ctx, 0, func(ctx context.Context) (api.Job, error) { return f.client.Job(ctx, f.id) })
	if err != nil || job.Status != errand.Pending {
		return
	}
	var earlier api.JobList
	if job.Group != "" {
		earlier, err = callOnce(ctx, 0, func(ctx context.Context) (api.JobList, error) {
			return f.client.Jobs(ctx, "", job.Queue, explainJobs, job.ID)
		})
		if err != nil {
			return
		}
	}
	list, err := listWorkers(ctx, f.client)
	if err != nil {
		return
	}
	reason, hint := whyPending(&job, earlier.Jobs, list.Workers)
	if isFirst := f.waiting.interval == explainFirst; reason == f.waiting.told || isFirst && reason == askForWork {
		return // a worker takes most jobs soon
	}
	f.waiting.told = reason
	f.term.Notef("job %s is waiting %s", f.id, reason)
	if hint != "" {
		f.term.Hintf("%s", hint)
	}
}

const askForWork = "for a free worker to ask for work"

// whyPending is what a pending job waits for, judged by the jobs that were created
// before it and the workers. hint is what the user can do.
func whyPending(job *api.Job, earlier []api.Job, workers []api.Worker) (reason, hint string) {
	var ahead []api.Job // newest first
	for _, j := range earlier {
		if j.Queue == job.Queue && j.Group == job.Group && job.Group != "" && !j.Status.Terminal() {
			ahead = append(ahead, j)
		}
	}
	if len(ahead) > 0 {
		next := ahead[len(ahead)-1]
		if len(ahead) == 1 {
			return fmt.Sprintf("for job %s of its group %q, which is %s", next.ID, job.Group, next.Status), ""
		}
		return fmt.Sprintf("for %d earlier jobs of its group %q; the first, %s, is %s", len(ahead), job.Group, next.ID, next.Status), ""
	}
	workers = slices.DeleteFunc(slices.Clone(workers), func(w api.Worker) bool {
		return !w.Online || w.Status == errand.Draining || !slices.Contains(w.Queues, job.Queue)
	})
	isFree := func(w api.Worker) bool { return len(w.Jobs) < w.Slots }
	switch free := slices.ContainsFunc(workers, isFree); {
	case len(workers) == 0:
		return fmt.Sprintf("because no worker for queue %q is online", job.Queue),
			"start a worker with errand agent, or cancel the job with errand cancel " + job.ID
	case !free:
		return fmt.Sprintf("for a free worker: %s for queue %q, all busy", count(len(workers), "worker"), job.Queue), ""
	case job.Group != "":
		return fmt.Sprintf("for another user's job of its group %q, or for a free worker to ask for work", job.Group), ""
	}
	return askForWork, ""
}
