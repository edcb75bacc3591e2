package errand

import (
	"testing"
	"time"
)

func TestExplanationSentence(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	code := 3
	lost := &JobAttempt{Attempt: 1, WorkerID: "w", WorkerName: "box", StartedAt: now.Add(-time.Hour), Reason: ReasonLost, Error: lostMessage}
	for _, tt := range []struct {
		e    Explanation
		want string
	}{
		{Explanation{Cause: CauseGroup, Group: &GroupBefore{Name: "g", Jobs: 1, FirstID: "8", FirstStatus: Running, FirstWorker: "box"}, Workers: &WorkersForJob{}},
			`job 9 waits for job 8 of its group "g", which is running on box`},
		{Explanation{Cause: CauseGroup, Group: &GroupBefore{Name: "g", Jobs: 2, FirstStatus: Running}, Workers: &WorkersForJob{}},
			`job 9 waits for 2 earlier jobs of its group "g"; the first, another owner's job, is running`},
		{Explanation{Cause: CauseGroup, Group: &GroupBefore{Name: "g", Jobs: 1, FirstID: "8", FirstStatus: Pending}, Workers: &WorkersForJob{Online: 1}},
			`job 9 waits for job 8 of its group "g", which is pending`},
		{Explanation{Cause: CauseGroup, Group: &GroupBefore{Name: "g", Jobs: 1, FirstID: "8", FirstStatus: Pending}, Workers: &WorkersForJob{}},
			`job 9 waits for job 8 of its group "g", which is pending because no worker for queue "q" is online`},
		{Explanation{Cause: CauseAfter, After: &AwaitedJobs{Jobs: 1, FirstID: "8", FirstStatus: Running, On: OnAny}}, `job 9 waits for the end of job 8, which is running`},
		{Explanation{Cause: CauseAfter, After: &AwaitedJobs{Jobs: 2, FirstID: "8", FirstStatus: Pending, On: OnFailure}},
			`job 9 waits for 2 jobs, first for the failure of job 8, which is pending`},
		{Explanation{Cause: CauseNotBefore, NotBefore: at(3 * time.Hour)}, `job 9 waits until 2026-11-29T15:00:00Z, for 3 hours`},
		{Explanation{Cause: CauseNotBefore, NotBefore: at(-time.Second)}, `job 9 enters its queue within a minute, as its time, 2026-11-29T11:59:59Z, has come`},
		{Explanation{Cause: CauseAfter}, `job 9 waited for jobs that have ended; what becomes of it shows within a minute`},
		{Explanation{Cause: CauseQueuePaused}, `job 9 waits because queue "q" is paused`},
		{Explanation{Cause: CauseNoWorker, Workers: &WorkersForJob{}}, `job 9 waits because no worker for queue "q" is online`},
		{Explanation{Cause: CauseNoWorker, Workers: &WorkersForJob{Offline: 2}}, `job 9 waits because no worker takes jobs of queue "q": 2 are offline`},
		{Explanation{Cause: CauseNoWorker, Workers: &WorkersForJob{Offline: 4, Paused: 1, Draining: 2}}, `job 9 waits because no worker takes jobs of queue "q": 1 is paused, 2 are draining, 1 is offline`},
		{Explanation{Cause: CauseAfter, After: &AwaitedJobs{Jobs: 1, FirstID: "8", FirstStatus: Running, On: OnSuccess}, NotBefore: at(3 * time.Hour)},
			`job 9 waits for the success of job 8, which is running, and until 2026-11-29T15:00:00Z`},
		{Explanation{Cause: CauseAfter, After: &AwaitedJobs{Jobs: 1, FirstID: "8", FirstStatus: Running, On: OnSuccess}, NotBefore: at(-time.Second)},
			`job 9 waits for the success of job 8, which is running`},
		{Explanation{Cause: CauseUnsuitable, Workers: &WorkersForJob{Online: 3, Lacking: []string{"the ID box-3", "gpu"}, Required: "worker box-3, which it requires, is offline"}},
			`job 9 waits because worker box-3, which it requires, is offline`},
		{Explanation{Cause: CauseNoWorker, Workers: &WorkersForJob{Offline: 3, Required: "worker box-3, which it requires, is paused"}},
			`job 9 waits because worker box-3, which it requires, is paused`},
		{Explanation{Cause: CauseGroup, Group: &GroupBefore{Name: "g", Jobs: 1, FirstID: "8", FirstStatus: Pending}, Workers: &WorkersForJob{Online: 1, Required: "worker box-3, which it requires, is paused"}},
			`job 9 waits for job 8 of its group "g", which is pending because worker box-3, which it requires, is paused`},
		{Explanation{Cause: CauseUnsuitable, Workers: &WorkersForJob{Online: 3, Lacking: []string{"terminal"}}},
			`job 9 waits because none of the 3 online workers for queue "q" has terminals`},
		{Explanation{Cause: CauseUnsuitable, Workers: &WorkersForJob{Online: 1, Lacking: []string{"gpu=h200", "limits"}}},
			`job 9 waits because the only online worker for queue "q" does not have gpu=h200, control groups to enforce limits with`},
		{Explanation{Cause: CauseUnsuitable, Workers: &WorkersForJob{Online: 2}},
			`job 9 waits because none of the 2 online workers for queue "q" has all that it requires`},
		{Explanation{Cause: CauseWorkersBusy, Position: 1, Workers: &WorkersForJob{Online: 1, Able: 1, FreeAt: at(90 * time.Second)}},
			`job 9 is the first job of queue "q" and waits for a free worker: the only worker that can run it is busy; by its job's timeout, it is free in 90 seconds at the latest`},
		{Explanation{Cause: CauseWorkersBusy, Workers: &WorkersForJob{Online: 4, Able: 4, FreeAt: at(50 * time.Hour)}},
			`job 9 is behind more than 1000 jobs of queue "q" and waits for a free worker: all 4 workers that can run it are busy; by its job's timeout, one is free in 3 days at the latest`},
		{Explanation{Cause: CauseWorkersBusy, Position: 1, Workers: &WorkersForJob{Online: 1, Able: 1, FreeAt: at(0)}},
			`job 9 is the first job of queue "q" and waits for a free worker: the only worker that can run it is busy; the time of its job is over, so it is free soon`},
		{Explanation{Cause: CauseAhead, Position: 3, Workers: &WorkersForJob{Online: 1, Able: 1, Free: 1}},
			`job 9 is number 3 in queue "q" and waits for its turn: 1 worker is free`},
		{Explanation{Cause: CauseNext, Position: 1, Try: 2, MaxAttempts: 3, LastAttempt: lost, Workers: &WorkersForJob{Free: 1}},
			`job 9 waits for a free worker to ask for work; this is for attempt 2 of 3, as the last one, on box, ended: lost (the worker sent no heartbeat before its lease ended)`},
		{Explanation{Status: Running, Cause: CauseRunning, LastAttempt: lost, LastHeard: at(-3 * time.Second)},
			`job 9 has been running on box since 2026-11-29T11:00:00Z; the worker was last heard from 3 seconds ago`},
		{Explanation{Status: Running, Cause: CauseSilent, LastAttempt: lost, LastHeard: at(-time.Minute), Silence: &Silence{LeaseEndsAt: now.Add(4 * time.Minute), WillRetry: true}},
			`job 9 has been running on box since 2026-11-29T11:00:00Z; the worker was last heard from 60 seconds ago, and the job is given to another worker in 4 minutes unless it is heard from`},
		{Explanation{Status: Running, Cause: CauseCancelling, LastAttempt: lost, LastHeard: at(-3 * time.Second)},
			`job 9 has been running on box since 2026-11-29T11:00:00Z; the worker was last heard from 3 seconds ago; its cancellation was requested`},
		{Explanation{Status: Running, Cause: CauseCancelling, LastAttempt: lost, LastHeard: at(-3 * time.Second), HeartbeatMs: 10_000},
			`job 9 has been running on box since 2026-11-29T11:00:00Z; the worker was last heard from 3 seconds ago; its cancellation was requested, which the worker learns within 10 seconds`},
		{Explanation{Status: Running, Cause: CauseCancelling, LastAttempt: lost, LastHeard: at(-time.Minute), HeartbeatMs: 10_000, Silence: &Silence{LeaseEndsAt: now.Add(4 * time.Minute)}},
			`job 9 has been running on box since 2026-11-29T11:00:00Z; the worker was last heard from 60 seconds ago; its cancellation was requested, and the job is lost in 4 minutes unless it is heard from`},
		{Explanation{Status: Completed, Cause: CauseEnded, LastAttempt: lost, ExitCode: &code, FinishedAt: at(0)},
			`job 9 completed on box at 2026-11-29T12:00:00Z with exit code 3`},
		{Explanation{Status: Failed, Cause: CauseEnded, LastAttempt: &JobAttempt{WorkerID: DirectWorkerID, WorkerName: "direct mode"}, FinishedAt: at(0), Reason: ReasonLost, Error: serverLostMessage},
			`job 9 failed in direct mode at 2026-11-29T12:00:00Z: lost (the server ended while it ran the commands, or could not store how they ended)`},
		{Explanation{Status: Cancelled, Cause: CauseEnded, FinishedAt: at(0)}, `job 9 was cancelled at 2026-11-29T12:00:00Z`},
		{Explanation{Status: Cancelled, Cause: CauseEnded, FinishedAt: at(0), Error: "it waited for job 8, which was cancelled"},
			`job 9 was cancelled at 2026-11-29T12:00:00Z: it waited for job 8, which was cancelled`},
		{Explanation{Status: Failed, Cause: CauseEnded, FinishedAt: at(0), Reason: ReasonExpired, Error: "no worker took the job\nin time"},
			`job 9 failed at 2026-11-29T12:00:00Z: expired (no worker took the job)`},
	} {
		if tt.e.Status == "" {
			tt.e.Status = Pending
		}
		tt.e.JobID = "9"
		if tt.e.Finish(now, "q"); tt.e.Sentence != tt.want {
			t.Errorf("got  %s\nwant %s", tt.e.Sentence, tt.want)
		}
	}
}
