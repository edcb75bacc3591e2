package errand

import (
	"slices"
	"time"
	"unicode/utf8"
)

// Limits of what the state keeps of each attempt that ended before the current one.
const (
	maxPastErrorBytes = 200
	maxPastNameRunes  = 40
)

// A JobAttempt is one run of a job on a worker. Only attempts that their worker confirmed
// are listed, and the one that runs.
type JobAttempt struct {
	Attempt    int       `json:"attempt"` // as in reports and in the log's requests
	WorkerID   string    `json:"workerId"`
	WorkerName string    `json:"workerName,omitempty"`
	StartedAt  time.Time `json:"startedAt"`
	EndedAt    time.Time `json:"endedAt,omitzero"` // zero while it runs
	// Reason and Error say why it ended; empty if its commands ran to their end.
	Reason Reason `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Attempts lists the attempts of the job, oldest first.
func (r *StateRecord) Attempts() []JobAttempt {
	all := slices.Clip(r.Past)
	switch {
	case r.Status == Pending || r.Attempt == 0:
		return all
	case r.Status == Running:
		return append(all, r.current(time.Time{}, "", ""))
	}
	return append(all, r.current(r.FinishedAt, r.Reason, r.Error))
}

// current is the current attempt, and why it ended.
func (r *StateRecord) current(ended time.Time, reason Reason, message string) JobAttempt {
	return JobAttempt{
		Attempt: r.Attempt, WorkerID: r.WorkerID, WorkerName: r.WorkerName, StartedAt: r.StartedAt,
		EndedAt: ended, Reason: reason, Error: message,
	}
}

// endAttempt adds the current attempt to those that ended.
func (r *StateRecord) endAttempt(at time.Time, reason Reason, message string) {
	r.Past = append(slices.Clip(r.Past), r.current(at, reason, clipBytes(message, maxPastErrorBytes)))
}

// lostMessage is the error of an attempt whose lease expired.
const lostMessage = "the worker sent no heartbeat before its lease ended"

// neverReportedMessage is the error of an attempt whose lease expired before its worker
// was heard of.
const neverReportedMessage = "the worker took the job and was not heard of again; whether it started the commands is unknown"

// serverLostMessage is the error of a direct run whose lease expired.
const serverLostMessage = "the server ended while it ran the commands, or could not store how they ended"

// silent returns why the current attempt ended with its lease.
func (r *StateRecord) silent() (Reason, string) {
	switch {
	case r.Direct():
		return ReasonLost, serverLostMessage
	case r.Heard:
		return ReasonLost, lostMessage
	}
	return ReasonNeverReported, neverReportedMessage
}

// A Silence says that the worker of a running job was not heard from for a while.
type Silence struct {
	Seconds int `json:"seconds"` // since it was heard from
	// LeaseEndsAt is when the attempt ends unless the worker is heard from. Then the
	// job runs again if WillRetry, else it fails as lost.
	LeaseEndsAt time.Time `json:"leaseEndsAt"`
	WillRetry   bool      `json:"willRetry"`
}

// silentHeartbeats is how many heartbeats a worker misses before it counts as silent.
const silentHeartbeats = 2

// Silence returns nil unless the job runs and its worker, which sends a heartbeat at
// each interval, was not heard from for two of them, or half of its lease.
func (r *StateRecord) Silence(now time.Time, interval time.Duration) *Silence {
	if r.Status != Running || r.Direct() {
		return nil
	}
	heard, limit := r.StartedAt, silentHeartbeats*interval
	if r.Heard {
		heard = r.LeaseUntil.Add(-r.Lease)
		limit = min(limit, r.Lease/2)
	}
	silent := now.Sub(heard)
	if silent <= limit {
		return nil
	}
	return &Silence{Seconds: int(silent / time.Second), LeaseEndsAt: r.LeaseUntil, WillRetry: !r.CancelRequested && (!r.Accepted || r.attemptsLeft())}
}

// clipBytes cuts s to at most n bytes, between characters.
func clipBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func clipRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
