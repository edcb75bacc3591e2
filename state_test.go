package errand

import (
	"testing"
	"time"
)

var (
	t0     = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	timing = DefaultTiming()
)

func pendingState() State {
	spec := Spec{ID: "01JDEXAMPLE000000000000000", Owner: "ann", Queue: "default", MaxAttempts: 1, LeaseSeconds: 300, CreatedAt: t0}
	return NewState(&spec, timing)
}

// running is a job that was given out at t0.
func running(maxAttempts int, accepted bool) State {
	s := pendingState()
	s.MaxAttempts = maxAttempts
	s.Assign(t0, &Worker{ID: "worker-1"}, "poll-1", "handle-1", timing)
	if accepted {
		s.Renew(t0)
	}
	return s
}

// TestTicket has a test for each row of the assignment table.
func TestTicket(t *testing.T) {
	completed := running(1, true)
	completed.Finish(t0, Completed, "", "")
	cancelling := running(2, true)
	cancelling.CancelRequested = true

	tests := []struct {
		name  string
		state State
		after time.Duration
		want  TicketAction
	}{
		{"terminal", completed, time.Second, DropTicket},
		{"pending", pendingState(), time.Second, AssignFirst},
		{"never accepted, short lease alive", running(1, false), 29 * time.Second, AdoptHandle},
		{"never accepted, short lease over", running(1, false), 30 * time.Second, Reassign},
		{"accepted, lease alive", running(1, true), 299 * time.Second, AdoptHandle},
		{"lease alive, cancel requested", cancelling, 299 * time.Second, AdoptHandle},
		{"lease over, cancel requested", cancelling, 300 * time.Second, EndCancelled},
		{"lease over, attempts left", running(2, true), 300 * time.Second, AssignAgain},
		{"lease over, none left", running(1, true), 300 * time.Second, EndLost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.state.Ticket(t0.Add(tt.after)); got != tt.want {
				t.Errorf("Ticket() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAttemptsNeverAcceptedDoNotCount(t *testing.T) {
	s := running(2, false)
	for range 3 { // three answers that were lost
		s.Assign(t0, &Worker{ID: "worker-2"}, "poll", "handle", timing)
	}
	if s.Attempt != 4 || s.Tries != 0 {
		t.Fatalf("attempt %d, tries %d, want 4 and 0", s.Attempt, s.Tries)
	}
	s.Renew(t0)
	if !s.AttemptsLeft() {
		t.Fatal("no attempt left after one accepted of two")
	}
	s.Assign(t0, &Worker{ID: "worker-2"}, "poll", "handle", timing)
	s.Renew(t0)
	if s.AttemptsLeft() {
		t.Error("an attempt is left after two accepted of two")
	}
}

func TestView(t *testing.T) {
	tests := []struct {
		name   string
		state  State
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
			got := tt.state.View(t0.Add(tt.after))
			if got.Status != tt.status || got.Reason != tt.reason {
				t.Errorf("View() = %s %s, want %s %s", got.Status, got.Reason, tt.status, tt.reason)
			}
		})
	}
	s := running(1, true)
	s.View(t0.Add(time.Hour))
	if s.Status != Running {
		t.Error("View changed the state that it was asked about")
	}
}

func TestCancelTransition(t *testing.T) {
	finished := running(1, true)
	finished.Finish(t0, Completed, "", "")
	asked := running(1, true)
	asked.CancelRequested = true
	tests := []struct {
		name   string
		state  State
		after  time.Duration
		write  bool
		status Status
		code   Code
	}{
		{"pending", pendingState(), 0, true, Cancelled, ""},
		{"running", running(1, true), 0, true, Running, ""},
		{"asked before", asked, 0, false, Running, ""},
		{"asked before, lease over", asked, time.Hour, true, Cancelled, ""},
		{"waits for its second attempt", running(2, true), time.Hour, true, Cancelled, ""},
		{"lost", running(1, true), time.Hour, false, Running, CodeJobFinished},
		{"completed", finished, 0, false, Completed, CodeJobFinished},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.state
			write, err := s.Cancel(t0.Add(tt.after))
			if write != tt.write || s.Status != tt.status {
				t.Errorf("Cancel() = %v, status %s, want %v, %s", write, s.Status, tt.write, tt.status)
			}
			if (err != nil) != (tt.code != "") || err != nil && CodeOf(err) != tt.code {
				t.Errorf("err = %v, want code %q", err, tt.code)
			}
		})
	}
}
