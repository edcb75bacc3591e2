package flow

import (
	"testing"

	"github.com/errandhq/errand"
)

// TestRetryOnExit: a job whose exit code is one of retryOnExit is given out again at once,
// up to its tries; each attempt keeps its result, and the last one's is the job's.
func TestRetryOnExit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(func(s *errand.Spec) { s.RetryOnExit = &errand.RetryOnExit{Codes: []int{75}, MaxTries: 3} }).Spec.ID
	k := w.worker("a")
	for try := 1; try <= 2; try++ {
		a := k.take(true)
		if a.JobID != id || a.Attempt != try {
			t.Fatalf("try %d: %+v", try, a)
		}
		k.beat(a)
		for range 2 { // the answer may be lost
			if status, err := k.submit(a, 75); err != nil || status != errand.Pending {
				t.Fatalf("try %d: %s, %v", try, status, err)
			}
		}
		w.want(id, errand.Pending, "", try)
	}
	a := k.take(true)
	k.beat(a)
	if status, err := k.submitLarge(a, 75); err != nil || status != errand.Completed {
		t.Fatalf("the last try: %s, %v", status, err)
	}
	job := w.job(id)
	if job.State.ExitCode == nil || *job.State.ExitCode != 75 || len(job.State.Attempts()) != 3 || job.State.Try() != 3 {
		t.Errorf("the job: %+v", job.State)
	}
	for _, past := range job.State.Past {
		if past.Reason != errand.ReasonExitCode {
			t.Errorf("attempt %+v", past)
		}
	}
	if n := w.tickets(); n != 0 {
		t.Errorf("%d tickets", n)
	}
}
