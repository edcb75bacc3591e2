package cli

import (
	"cmp"
	"fmt"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// progress is what a follower has told of a job's attempts.
type progress struct {
	started map[int]bool // by attempt
	ended   map[int]bool
	silent  bool
}

// tellProgress tells what a page says of the job that the user doesn't know: attempts
// that ended and began, and a worker that fell silent. The end of the job is for the
// summary.
func (f *follower) tellProgress(page *api.LogPage) {
	f.tellEarlier(page)
	if n := len(page.Attempts); n > 0 {
		f.tellAttempt(&page.Attempts[n-1], n > 1, page.Status.Terminal())
	}
	f.tellRunning(page)
	f.tellSilence(page)
}

// tellEarlier tells of the attempts before the last. They may have ended before the
// follower asked for the first time.
func (f *follower) tellEarlier(page *api.LogPage) {
	for i := range max(len(page.Attempts)-1, 0) {
		f.tellAttempt(&page.Attempts[i], i > 0, false)
	}
}

// tellAttempt tells of an attempt. isLast says that the job ended with it.
func (f *follower) tellAttempt(a *errand.JobAttempt, isRetry, isLast bool) {
	p := &f.progress
	isOver := !a.EndedAt.IsZero()
	switch {
	case isOver && !isLast && !p.ended[a.Attempt]:
		p.ended[a.Attempt] = true
		f.term.EndOutput()
		f.term.Notef("attempt %d on %s ended after %s: %s: %s", a.Attempt, nameOf(a), terminal.FormatDuration(a.EndedAt.Sub(a.StartedAt)), a.Reason, a.Error)
	case !isOver && p.ended[a.Attempt]:
		delete(p.ended, a.Attempt)
		f.term.Notef("attempt %d goes on: %s was heard from again", a.Attempt, nameOf(a))
	}
	if !isOver && isRetry && !p.started[a.Attempt] {
		p.started[a.Attempt] = true
		f.term.Notef("attempt %d started on %s", a.Attempt, nameOf(a))
	}
}

// tellRunning ends what was told of a job that waits.
func (f *follower) tellRunning(page *api.LogPage) {
	if page.Status == errand.Pending || !f.stopExplaining() {
		return
	}
	if n := len(page.Attempts); page.Status == errand.Running && n == 1 {
		f.term.Notef("job %s is running on %s", f.id, nameOf(&page.Attempts[n-1]))
	}
}

func (f *follower) tellSilence(page *api.LogPage) {
	wasSilent := f.progress.silent
	f.progress.silent = page.Silence != nil
	n := len(page.Attempts)
	switch {
	case n == 0 || page.Status != errand.Running || wasSilent == f.progress.silent:
	case wasSilent:
		f.term.Notef("%s was heard from again", nameOf(&page.Attempts[n-1]))
	default:
		f.term.Notef("%s", silenceText(&page.Attempts[n-1], page.Silence))
	}
}

// silenceText says for how long a worker was silent, and what follows.
func silenceText(a *errand.JobAttempt, s *errand.Silence) string {
	then := "is given up"
	if s.WillRetry {
		then = "is given to another worker"
	}
	silent := terminal.FormatDuration(time.Duration(s.Seconds) * time.Second)
	return fmt.Sprintf("%s has not been heard from for %s; the job %s at %s", nameOf(a), silent, then, s.LeaseEndsAt.Local().Format(time.TimeOnly))
}

// nameOf is an attempt's worker, for people.
func nameOf(a *errand.JobAttempt) string {
	return "worker " + terminal.FirstLine(cmp.Or(a.WorkerName, a.WorkerID), 40)
}
