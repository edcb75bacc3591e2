package errand

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

// retrying is a running job that runs again after exit code 75, twice at most, and not
// if its worker is lost.
func retrying() *State {
	s := running(1, true)
	s.r.RetryOnExit, s.r.MaxTries = []int{7, 75}, 2
	return s
}

func TestRetryOnExit(t *testing.T) {
	t.Parallel()
	now := t0.Add(time.Second)
	result := &Result{ExitCode: 75, Log: Log{Bytes: 5}}
	s := retrying()
	if !s.Complete(now, result) || s.r.Status != Pending || s.r.ExitCode != nil || s.r.Result != nil || s.r.DueAt != now {
		t.Fatalf("after the first try: %+v", s.r)
	}
	if a := s.r.Attempts(); len(a) != 1 || a[0].Reason != ReasonExitCode || a[0].Error != "the exit code is 75" || a[0].EndedAt != now {
		t.Errorf("attempts %+v", a)
	}
	before := s.Record()
	if !s.Complete(now.Add(time.Second), result) || !reflect.DeepEqual(s.r, before) {
		t.Errorf("a repeated report changed the job: %+v, before %+v", s.r, before)
	}
	if s.Renew(now, "worker-1", 1) {
		t.Error("a heartbeat that was sent before the report took the job back")
	}
	// The second try is the last, and counts.
	if !s.Assign(now, Taker{WorkerID: "worker-2", PollID: "p", Handle: "h"}, timing) || s.r.Tries != 1 || s.r.Try() != 2 || s.r.MostTries() != 2 {
		t.Fatalf("assigned again: %+v", s.r)
	}
	s.Renew(now, "worker-2", 2)
	if !s.Complete(now, result) || s.r.Status != Completed || *s.r.ExitCode != 75 || len(s.r.Attempts()) != 2 {
		t.Errorf("after the last try: %+v", s.r)
	}
}

func TestRetryOnExitOnlyThen(t *testing.T) {
	t.Parallel()
	now := t0.Add(time.Second)
	for name, tt := range map[string]struct {
		change func(*State)
		code   int
	}{
		"another exit code":      {func(*State) {}, 3},
		"success":                {func(*State) {}, 0},
		"cancellation requested": {func(s *State) { s.r.CancelRequested = true }, 75},
		"presumed lost":          {func(s *State) { s.EndLease(t0.Add(time.Hour)) }, 75},
		"no tries left":          {func(s *State) { s.r.Tries = 1 }, 75},
	} {
		s := retrying()
		tt.change(s)
		if !s.Complete(now, &Result{ExitCode: tt.code}) || s.r.Status != Completed || *s.r.ExitCode != tt.code {
			t.Errorf("%s: %+v", name, s.r)
		}
	}
	// A lost worker is for MaxAttempts to say, and one counter counts both.
	s := retrying()
	s.Complete(now, &Result{ExitCode: 75})
	s.Assign(now, Taker{WorkerID: "worker-2", PollID: "p", Handle: "h"}, timing)
	s.Renew(now, "worker-2", 2)
	if !s.EndLease(now.Add(time.Hour)) || s.r.Status != Failed || s.r.Reason != ReasonLost {
		t.Errorf("lost in its second try: %+v", s.r)
	}
	s = retrying()
	s.r.MaxAttempts = 3
	s.Fail(now, &Failure{Reason: ReasonWorkerStopped})
	s.Assign(now, Taker{WorkerID: "worker-2", PollID: "p", Handle: "h"}, timing)
	s.Renew(now, "worker-2", 2)
	if !s.Complete(now, &Result{ExitCode: 75}) || s.r.Status != Completed {
		t.Errorf("a lost try does not count as one of MaxTries: %+v", s.r)
	}
}

func TestRetryOnExitIsValidated(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]*RetryOnExit{
		"":                         nil,
		"retryOnExit.codes":        {MaxTries: 2},
		"retryOnExit.codes[1]":     {Codes: []int{1, 256}, MaxTries: 2},
		"retryOnExit.codes[0]":     {Codes: []int{0}, MaxTries: 2},
		"retryOnExit.maxTries":     {Codes: []int{1}, MaxTries: 1},
		"\x00retryOnExit.maxTries": {Codes: []int{1}, MaxTries: 11},
		"\x00retryOnExit.codes":    {Codes: make([]int, 9), MaxTries: 2},
		"\x00":                     {Codes: []int{1, 255}, MaxTries: 10},
	} {
		if len(want) > 0 && want[0] == 0 {
			want = want[1:]
		}
		err := r.validate()
		field := ""
		var e *Error
		if errors.As(err, &e) {
			field = e.Field
		}
		if field != want || (err == nil) != (want == "") {
			t.Errorf("%+v: %v; want a fault of %q", r, err, want)
		}
	}
}
