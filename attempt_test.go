package errand

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestAttempts: a job that is lost, given back and completed lists its attempts, without
// one that no worker confirmed.
func TestAttempts(t *testing.T) {
	spec := Spec{ID: "01JDEXAMPLE000000000000000", Owner: "ann", Queue: "default", MaxAttempts: 3, LeaseSeconds: 60, CreatedAt: t0}
	s := NewState(&spec, timing)
	now := t0
	pass := func(d time.Duration) { now = now.Add(d) }
	assign := func(worker string) {
		t.Helper()
		if !s.Assign(now, Taker{WorkerID: worker, WorkerName: strings.Repeat("n", 50)}, timing) {
			t.Fatal("not assignable")
		}
	}
	const name = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	want := func(want ...JobAttempt) {
		t.Helper()
		view := s.r.View(now)
		if got := view.Attempts(); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("attempts %+v, want %+v", got, want)
		}
	}
	at := func(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }
	want()
	assign("w1")
	want(JobAttempt{Attempt: 1, WorkerID: "w1", WorkerName: name, StartedAt: at(0)})
	pass(40 * time.Second) // the short lease of an attempt that nobody confirmed
	want()
	assign("w2")
	s.Renew(now, "w2", 2)
	pass(time.Hour)
	lost := JobAttempt{Attempt: 2, WorkerID: "w2", WorkerName: name, StartedAt: at(40), EndedAt: at(100), Reason: ReasonLost, Error: lostMessage}
	want(lost)
	assign("w3")
	want(lost, JobAttempt{Attempt: 3, WorkerID: "w3", WorkerName: name, StartedAt: at(3640)})
	pass(10 * time.Second)
	for range 2 { // the first answer was lost
		s.Fail(now, &Failure{Reason: ReasonAgentError, Error: strings.Repeat("é", 150)})
	}
	back := JobAttempt{Attempt: 3, WorkerID: "w3", WorkerName: name, StartedAt: at(3640), EndedAt: at(3650), Reason: ReasonAgentError, Error: strings.Repeat("é", 100)}
	want(lost, back)
	assign("w4")
	s.Renew(now, "w4", 4)
	pass(time.Second)
	s.Complete(now, &Result{ExitCode: 7})
	want(lost, back, JobAttempt{Attempt: 4, WorkerID: "w4", WorkerName: name, StartedAt: at(3650), EndedAt: at(3651)})
}

func TestSilence(t *testing.T) {
	const interval = 10 * time.Second
	for _, tt := range []struct {
		name  string
		state *State
		after time.Duration
		want  *Silence
	}{
		{"pending", pendingState(), time.Hour, nil},
		{"heard from", running(1, true), 20 * time.Second, nil},
		{"silent", running(1, true), 24 * time.Second, &Silence{24, t0.Add(300 * time.Second), false}},
		{"silent, may run again", running(2, true), 24 * time.Second, &Silence{24, t0.Add(300 * time.Second), true}},
		{"never confirmed", running(1, false), 21 * time.Second, &Silence{21, t0.Add(timing.ShortLease), true}},
		{"over", ended(), time.Hour, nil},
	} {
		r := tt.state.Record()
		if got := r.Silence(t0.Add(tt.after), interval); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	short := running(1, true)
	short.r.Lease, short.r.LeaseUntil = 8*time.Second, t0.Add(8*time.Second)
	if got := short.r.Silence(t0.Add(5*time.Second), interval); got == nil || got.Seconds != 5 {
		t.Errorf("half of a short lease: %+v", got)
	}
}

// TestLostDirectRun: a direct run whose server dies ends with its lease.
func TestLostDirectRun(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	st := NewDirectState(&Spec{ID: "9", LeaseSeconds: 50, MaxAttempts: 1}, now, DefaultTiming()).Record()
	if v := st.View(now.Add(49 * time.Second)); v.Status != Running {
		t.Errorf("before the end of its lease: %s", v.Status)
	}
	v := st.View(now.Add(51 * time.Second))
	if v.Status != Failed || v.Reason != ReasonLost || v.Error != serverLostMessage {
		t.Errorf("after: %s, %s: %s", v.Status, v.Reason, v.Error)
	}
}
