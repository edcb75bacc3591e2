package errand

import (
	"reflect"
	"testing"
	"time"
)

var (
	t0     = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	timing = DefaultTiming()
)

func pendingState() *State {
	spec := Spec{ID: "01JDEXAMPLE000000000000000", Owner: "ann", Queue: "default", MaxAttempts: 1, LeaseSeconds: 300, CreatedAt: t0}
	return NewState(&spec, timing)
}

// running is a job that was given out at t0.
func running(maxAttempts int, accepted bool) *State {
	s := pendingState()
	s.r.MaxAttempts = maxAttempts
	s.Assign(t0, Taker{WorkerID: "worker-1", PollID: "poll-1", Handle: "handle-1"}, timing)
	if accepted {
		s.Renew(t0, "worker-1", 1)
	}
	return s
}

// cancelling is running, and its end was asked for.
func cancelling(maxAttempts int) *State {
	s := running(maxAttempts, true)
	s.r.CancelRequested = true
	return s
}

// ended is a job that its worker reported as completed.
func ended() *State {
	s := running(1, true)
	s.Complete(t0, &Result{})
	return s
}

// lost is a job whose lease ended.
func lost() *State {
	s := running(1, true)
	s.EndLease(t0.Add(time.Hour))
	return s
}

// TestTicket has a test for each row of the assignment table.
func TestTicket(t *testing.T) {
	tests := []struct {
		name  string
		state *State
		after time.Duration
		want  ticketAction
	}{
		{"terminal", ended(), time.Second, dropTicket},
		{"pending", pendingState(), time.Second, assignFirst},
		{"never accepted, short lease alive", running(1, false), 29 * time.Second, adoptHandle},
		{"never accepted, short lease over", running(1, false), 30 * time.Second, reassign},
		{"accepted, lease alive", running(1, true), 299 * time.Second, adoptHandle},
		{"lease alive, cancel requested", cancelling(2), 299 * time.Second, adoptHandle},
		{"lease over, cancel requested", cancelling(2), 300 * time.Second, endCancelled},
		{"lease over, attempts left", running(2, true), 300 * time.Second, assignAgain},
		{"lease over, none left", running(1, true), 300 * time.Second, endLost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.state.r.ticket(t0.Add(tt.after)); got != tt.want {
				t.Errorf("ticket() = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestResultInState: a small result of the attempt that ends the job is part of its state.
func TestResultInState(t *testing.T) {
	small := &Result{ExitCode: 1}
	large := &Result{Commands: []CommandResult{{Stdout: Output{Head: make(Bytes, MaxStateResultBytes)}}}}
	for name, tt := range map[string]struct {
		end  func(s *State)
		want *Result
	}{
		"completed":        {func(s *State) { s.Complete(t0, small) }, small},
		"completed, large": {func(s *State) { s.Complete(t0, large) }, nil},
		"failed":           {func(s *State) { s.Fail(t0, &Failure{Reason: ReasonTimedOut, Result: small}) }, small},
		"given back":       {func(s *State) { s.Fail(t0, &Failure{Reason: ReasonWorkerStopped, Result: small}) }, nil},
		"without a result": {func(s *State) { s.Fail(t0, &Failure{Reason: ReasonTimedOut}) }, nil},
	} {
		s := running(2, true)
		tt.end(s)
		if got := s.Record().Result; got != tt.want {
			t.Errorf("%s: result %v, want %v", name, got, tt.want)
		}
	}
}

func TestAttemptsNeverAcceptedDoNotCount(t *testing.T) {
	s := running(2, false)
	at := t0
	again := func() {
		at = at.Add(time.Hour) // the lease is over
		s.Assign(at, Taker{WorkerID: "worker-2", PollID: "poll", Handle: "handle"}, timing)
	}
	for range 3 { // three answers that were lost
		again()
	}
	if s.r.Attempt != 4 || s.r.Tries != 0 {
		t.Fatalf("attempt %d, tries %d, want 4 and 0", s.r.Attempt, s.r.Tries)
	}
	s.Renew(at, "worker-2", 4)
	if !s.r.attemptsLeft() {
		t.Fatal("no attempt left after one accepted of two")
	}
	again()
	s.Renew(at, "worker-2", 5)
	if s.r.attemptsLeft() {
		t.Error("an attempt is left after two accepted of two")
	}
}

func TestView(t *testing.T) {
	tests := []struct {
		name   string
		state  *State
		after  time.Duration
		status Status
		reason Reason
	}{
		{"lease alive", running(1, true), 299 * time.Second, Running, ""},
		{"lost", running(1, true), 300 * time.Second, Failed, ReasonLost},
		{"will run again", running(2, true), 300 * time.Second, Pending, ""},
		{"answer lost", running(1, false), 30 * time.Second, Pending, ""},
		{"pending", pendingState(), time.Hour, Pending, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.state.Record().View(t0.Add(tt.after))
			if got.Status != tt.status || got.Reason != tt.reason {
				t.Errorf("View() = %s %s, want %s %s", got.Status, got.Reason, tt.status, tt.reason)
			}
		})
	}
	s := running(1, true)
	s.Record().View(t0.Add(time.Hour))
	if s.r.Status != Running {
		t.Error("View changed the state that it was asked about")
	}
}

func TestCancelTransition(t *testing.T) {
	tests := []struct {
		name   string
		state  *State
		after  time.Duration
		write  bool
		status Status
		code   Code
	}{
		{"pending", pendingState(), 0, true, Cancelled, ""},
		{"running", running(1, true), 0, true, Running, ""},
		{"asked before", cancelling(1), 0, false, Running, ""},
		{"asked before, lease over", cancelling(1), time.Hour, true, Cancelled, ""},
		{"waits for its second attempt", running(2, true), time.Hour, true, Cancelled, ""},
		{"lost", running(1, true), time.Hour, false, Running, CodeJobFinished},
		{"completed", ended(), 0, false, Completed, CodeJobFinished},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.state
			write, err := s.Cancel(t0.Add(tt.after))
			if write != tt.write || s.r.Status != tt.status {
				t.Errorf("Cancel() = %v, status %s, want %v, %s", write, s.r.Status, tt.write, tt.status)
			}
			if (err != nil) != (tt.code != "") || err != nil && CodeOf(err) != tt.code {
				t.Errorf("err = %v, want code %q", err, tt.code)
			}
		})
	}
}

// TestTransitions has each transition from each state of a job.
func TestTransitions(t *testing.T) {
	const hour = time.Hour
	// The jobs, as they stand an hour after t0, when all leases are over but that
	// of "leased", and of the one whose cancellation was asked for.
	now := t0.Add(hour)
	jobs := map[string]func() *State{
		"pending": pendingState, // never assigned
		"waited": func() *State { // too long
			s := pendingState()
			s.r.CreatedAt = now.Add(-timing.ExpireAfter)
			return s
		},
		"offered": func() *State { // the answer that assigned it may be lost
			s := running(2, false)
			s.r.LeaseUntil = now.Add(time.Second)
			return s
		},
		"leased": func() *State {
			s := running(2, true)
			s.Renew(now, "worker-1", 1)
			return s
		},
		"last": func() *State { // leased, and no attempt is left
			s := running(1, true)
			s.Renew(now, "worker-1", 1)
			return s
		},
		"cancelling": func() *State {
			s := cancelling(2)
			s.Renew(now, "worker-1", 1)
			return s
		},
		"lapsed":        func() *State { return running(2, true) }, // may run again
		"lapsed last":   func() *State { return running(1, true) },
		"lapsed cancel": func() *State { return cancelling(2) },
		"lost":          lost,
		"ended":         ended,
	}
	// What each transition makes of them. A job that isn't named stays as it is.
	for name, tt := range map[string]struct {
		do   func(s *State) bool
		want map[string]Status
	}{
		"Assign": {func(s *State) bool { return s.Assign(now, Taker{WorkerID: "w", PollID: "p", Handle: "h"}, timing) },
			map[string]Status{"pending": Running, "waited": Running, "lapsed": Running}},
		"Assign, Withdraw": {func(s *State) bool {
			before := *s
			return s.Assign(now, Taker{WorkerID: "w", PollID: "p", Handle: "h"}, timing) && s.Withdraw(before)
		}, map[string]Status{"pending": Pending, "waited": Pending, "lapsed": Running}},
		"Withdraw of another attempt": {func(s *State) bool { return s.Withdraw(*s) }, nil},
		"ExtendShortLease": {func(s *State) bool { return s.ExtendShortLease(now, timing) },
			map[string]Status{"offered": Running}},
		"Renew": {func(s *State) bool { return s.Renew(now.Add(time.Second), "worker-1", 1) },
			map[string]Status{"offered": Running, "leased": Running, "last": Running, "cancelling": Running, "lapsed": Running, "lapsed last": Running, "lapsed cancel": Running}},
		"Renew by another worker":  {func(s *State) bool { return s.Renew(now.Add(time.Second), "worker-2", 1) }, nil},
		"Renew of another attempt": {func(s *State) bool { return s.Renew(now.Add(time.Second), "worker-1", 2) }, nil},
		"AdoptTicket": {func(s *State) bool { return s.AdoptTicket(now, "h") },
			map[string]Status{"offered": Running, "leased": Running, "last": Running, "cancelling": Running}},
		"Watch": {func(s *State) bool { return s.Watch(now, timing) },
			map[string]Status{"pending": Pending, "waited": Pending, "offered": Running, "leased": Running, "last": Running, "cancelling": Running, "lapsed": Running, "lapsed last": Running, "lapsed cancel": Running}},
		"Cancel": {func(s *State) bool { changed, _ := s.Cancel(now); return changed },
			map[string]Status{"pending": Cancelled, "waited": Cancelled, "offered": Running, "leased": Running, "last": Running, "lapsed": Cancelled, "lapsed cancel": Cancelled}},
		"Complete": {func(s *State) bool { return s.Complete(now, &Result{ExitCode: 1, Log: Log{Bytes: 5}}) },
			map[string]Status{"offered": Completed, "leased": Completed, "last": Completed, "cancelling": Completed, "lapsed": Completed, "lapsed last": Completed, "lapsed cancel": Completed, "lost": Completed}},
		"Fail": {func(s *State) bool { return s.Fail(now, &Failure{Reason: ReasonTimedOut}) },
			map[string]Status{"offered": Failed, "leased": Failed, "last": Failed, "cancelling": Failed, "lapsed": Failed, "lapsed last": Failed, "lapsed cancel": Failed, "lost": Failed}},
		"Fail, cancelled": {func(s *State) bool { return s.Fail(now, &Failure{Reason: ReasonCancelled}) },
			map[string]Status{"offered": Cancelled, "leased": Cancelled, "last": Cancelled, "cancelling": Cancelled, "lapsed": Cancelled, "lapsed last": Cancelled, "lapsed cancel": Cancelled, "lost": Cancelled}},
		"Fail, the worker's fault": {func(s *State) bool { return s.Fail(now, &Failure{Reason: ReasonWorkerStopped}) },
			map[string]Status{"offered": Pending, "leased": Pending, "last": Failed, "cancelling": Cancelled, "lapsed": Pending, "lapsed last": Failed, "lapsed cancel": Cancelled, "lost": Failed}},
		"Expire": {func(s *State) bool { return s.Expire(now, timing) }, map[string]Status{"waited": Failed}},
		"EndLease": {func(s *State) bool { return s.EndLease(now) },
			map[string]Status{"lapsed last": Failed, "lapsed cancel": Cancelled}},
	} {
		for job, make := range jobs {
			s := make()
			before := s.Record()
			changed := tt.do(s)
			want, expected := tt.want[job]
			if !expected {
				want = before.Status
			}
			if changed != expected || s.r.Status != want {
				t.Errorf("%s of a job that is %s: %v, %s; want %v, %s", name, job, changed, s.r.Status, expected, want)
			}
			if !changed && !reflect.DeepEqual(s.r, before) {
				t.Errorf("%s of a job that is %s changed it: %+v, before %+v", name, job, s.r, before)
			}
			if over := s.r.Status.Terminal(); changed && over && (!s.r.DueAt.IsZero() || s.r.FinishedAt != now) {
				t.Errorf("%s of a job that is %s: due at %v, finished at %v", name, job, s.r.DueAt, s.r.FinishedAt)
			}
		}
	}
}

// TestTicketNotes: what says where the ticket is changes when the sweep looks at
// the job, and nothing else.
// TestDueOfAnAssignment: an assignment leaves the time at which the sweep looks at the job
// alone, since a change is billed, unless that is long after the lease's end.
func TestDueOfAnAssignment(t *testing.T) {
	for waited, want := range map[time.Duration]time.Time{
		time.Second: t0.Add(timing.ResendAfter), time.Hour: t0.Add(time.Hour + timing.ShortLease),
	} {
		s := pendingState()
		if waited > timing.ResendAfter {
			s.TicketSent(t0.Add(timing.ResendAfter), timing) // the sweep
		}
		s.Assign(t0.Add(waited), Taker{WorkerID: "w", PollID: "p", Handle: "h"}, timing)
		if s.r.DueAt != want {
			t.Errorf("taken after %v: due at %v, want %v", waited, s.r.DueAt, want)
		}
	}
}

func TestTicketNotes(t *testing.T) {
	now := t0.Add(time.Minute)
	for name, tt := range map[string]struct {
		state  *State
		do     func(s *State)
		due    time.Time
		hidden time.Time
	}{
		"sent":                 {running(2, true), func(s *State) { s.TicketSent(now, timing) }, now.Add(timing.ResendEvery), t0.Add(timing.ShortLease)},
		"sent, never assigned": {pendingState(), func(s *State) { s.TicketSent(t0.Add(timing.ExpireAfter-time.Hour), timing) }, t0.Add(timing.ExpireAfter), time.Time{}},
		"shown":                {running(2, true), func(s *State) { s.TicketShown(now, timing) }, now.Add(timing.ResendEvery), now},
		"hidden":               {running(2, true), func(s *State) { s.TicketHidden(now) }, t0.Add(timing.ResendAfter), now}, // as before it was assigned
		"failed":               {ended(), func(s *State) { s.TicketFailed(now, timing) }, now.Add(timing.ResendAfter), t0.Add(timing.ShortLease)},
		"swept, running":       {running(2, true), (*State).Swept, t0.Add(300 * time.Second), t0.Add(timing.ShortLease)},
		"swept, over":          {ended(), (*State).Swept, time.Time{}, t0.Add(timing.ShortLease)},
	} {
		want := tt.state.Record()
		want.DueAt, want.HiddenUntil, want.Fresh = tt.due, tt.hidden, name == "hidden"
		if tt.do(tt.state); !reflect.DeepEqual(tt.state.r, want) {
			t.Errorf("%s: %+v, want %+v", name, tt.state.r, want)
		}
	}
}

// A worker that comes back after its lease ended, when its job waited for another one
// already, has the job again: it waits no more, and is looked at when the lease ends.
func TestRenewedJobWaitsNoMore(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	s := &State{r: StateRecord{
		JobID: "J", Status: Running, WorkerID: "w", Attempt: 1, Lease: time.Minute, Waiting: true,
		LeaseUntil: now.Add(-time.Second), DueAt: now.Add(12 * time.Hour),
	}}
	if !s.Renew(now, "w", 1) {
		t.Fatal("the attempt was not renewed")
	}
	if r := s.Record(); r.Waiting || !r.DueAt.Equal(now.Add(time.Minute)) {
		t.Errorf("waiting %t, due at %v", r.Waiting, r.DueAt)
	}
}

// TestFresh: a job is fresh until it has another time to be looked at by the sweep than it
// was created with, or has ended.
func TestFresh(t *testing.T) {
	now := t0.Add(10 * time.Second)
	for name, tt := range map[string]struct {
		do    func(s *State)
		fresh bool
	}{
		"created":        {func(*State) {}, true},
		"assigned":       {func(s *State) { s.Assign(now, Taker{WorkerID: "w"}, timing) }, true},
		"assigned late":  {func(s *State) { s.Assign(t0.Add(time.Hour), Taker{WorkerID: "w"}, timing) }, true},
		"heard of":       {func(s *State) { s.Assign(now, Taker{WorkerID: "w"}, timing); s.Renew(now, "w", 1) }, true},
		"watched":        {func(s *State) { s.Watch(now, timing) }, true},
		"withdrawn":      {func(s *State) { b := *s; s.Assign(now, Taker{WorkerID: "w"}, timing); s.Withdraw(b) }, true},
		"looked at":      {func(s *State) { s.TicketSent(now, timing) }, false},
		"running, swept": {func(s *State) { s.Assign(now, Taker{WorkerID: "w"}, timing); s.Swept() }, false},
		"given back": {func(s *State) {
			s.Assign(now, Taker{WorkerID: "w"}, timing)
			s.Fail(now, &Failure{Reason: ReasonAgentRestarted})
		}, false},
		"parked":           {func(s *State) { s.Park(now, "k", "h", now, timing) }, false},
		"completed":        {func(s *State) { s.Assign(now, Taker{WorkerID: "w"}, timing); s.Complete(now, &Result{}) }, false},
		"cancelled":        {func(s *State) { _, _ = s.Cancel(now) }, false},
		"awaited, over":    {func(s *State) { s.AddDependent(); _, _ = s.Cancel(now) }, false},
		"ticket not found": {func(s *State) { s.QueueDeleted(now) }, false},
	} {
		s := pendingState()
		if tt.do(s); s.r.Fresh != tt.fresh {
			t.Errorf("%s: fresh %t", name, s.r.Fresh)
		}
		if first := s.r.CreatedAt.Add(timing.ResendAfter); s.r.Fresh && !s.r.DueAt.Equal(first) {
			t.Errorf("%s: fresh, and due at %v", name, s.r.DueAt)
		}
	}
	held := NewState(&Spec{ID: "J", CreatedAt: t0, After: []Dependency{{JobID: "other"}}}, timing)
	if held.r.Fresh {
		t.Error("a held job is fresh")
	}
	if held.Release(now, false, timing); held.r.Fresh {
		t.Error("a job that was held is fresh")
	}
}
