package errand

import (
	"fmt"
	"slices"
	"time"
)

// A Worker is one agent process's identity, kept over its restarts.
type Worker struct {
	ID        string   // chosen by the agent, or by the server at first registration
	Name      string   // for people: the host's name unless told otherwise
	Owner     string   // of the agent token that registered it
	TokenHash string   // SHA-256 hex of the worker's own token
	Queues    []string // in the order in which it takes from them; empty: all
	Slots     int      // jobs at a time
	OS        string
	Arch      string
	Version   string
	Features  []string          // see Registration
	Labels    map[string]string // with those that the agent measures, but for OS and Arch

	Epoch        int // counts process starts; an older one is superseded
	RegisteredAt time.Time
	LastSeen     time.Time
	// Interval is the heartbeat interval that the worker was last told.
	Interval time.Duration
	Draining bool
	Stopped  bool // its process said that it ends
	Paused   bool // an admin paused it: it takes no jobs
	// DrainAsked says that an admin drains it: its process takes no more jobs, and ends.
	DrainAsked bool
	DiskFree   int64 // bytes, of the file system of its jobs; 0: not known
	DiskCache  int64 // bytes there of what it can fetch again, and removes when they are needed
	Holds      []Hold

	// Poll is the last poll that got work, so that a lost answer can be given again.
	Poll Poll

	Rev int // revision: each write is for exactly one
}

// The methods below are the changes of a worker that a use case makes.

// Start notes that a process of the worker registered: it supersedes those before.
func (w *Worker) Start(r Registration, now time.Time, interval time.Duration) {
	w.Name, w.Slots, w.Queues, w.OS, w.Arch, w.Version, w.Features = r.Name, r.Slots, r.Queues, r.OS, r.Arch, r.Version, r.Features
	if w.Name == "" {
		w.Name = w.ID
	}
	w.Epoch++
	w.Labels, w.DrainAsked = r.Labels, false
	w.LastSeen, w.Interval, w.Draining, w.Stopped, w.Holds = now, interval, false, false, nil
}

// Beat notes a heartbeat, which was answered with the interval until the next.
func (w *Worker) Beat(h Heartbeat, now time.Time, interval time.Duration) {
	w.LastSeen, w.Interval, w.Draining, w.Holds = now, interval, h.Draining, h.Holds
	if h.DiskFree > 0 {
		w.DiskFree, w.DiskCache = h.DiskFree, max(h.DiskCache, 0)
	}
	w.Stopped = w.Stopped || h.Stopped // an earlier heartbeat may arrive later
}

// Answer notes what a poll is about to be answered with. The worker is shown with the
// attempts from its next heartbeat on: to note them here, and their end, costs a write
// for each job.
func (w *Worker) Answer(p Poll, now time.Time) { w.Poll, w.LastSeen = p, now }

// Holding reports whether the worker said that it has the attempt.
func (w *Worker) Holding(a AttemptID) bool {
	return slices.ContainsFunc(w.Holds, func(h Hold) bool { return h.JobID == a.JobID && h.Attempt == a.Attempt })
}

// Release notes that the worker has reported attempts.
func (w *Worker) Release(reported []AttemptID, now time.Time) {
	w.LastSeen = now
	w.Holds = slices.DeleteFunc(slices.Clone(w.Holds), func(h Hold) bool {
		return slices.Contains(reported, AttemptID{h.JobID, h.Attempt})
	})
}

// TakesFrom reports whether the worker takes jobs of the queue.
func (w *Worker) TakesFrom(queue string) bool {
	return len(w.Queues) == 0 || slices.Contains(w.Queues, queue)
}

// A Hold is an attempt that a worker says it has.
type Hold struct {
	JobID   string `json:"jobId"`
	Attempt int    `json:"attempt"`
	// Ended says that the commands have ended and the report follows: a lease that has
	// expired is not renewed.
	Ended bool `json:"ended,omitempty"`
	// NotBegun says that the worker waits for the order to begin the commands, after a
	// restart.
	NotBegun bool `json:"notBegun,omitempty"`
	// RenewWrites asks for a fresh write grant in the answer.
	RenewWrites bool `json:"renewWrites,omitempty"`
	// Watched says that the worker was told that somebody reads the log.
	Watched bool `json:"watched,omitempty"`
}

// Poll ties a poll ID to the assignments that answered it.
type Poll struct {
	ID       string
	Attempts []AttemptID
}

// WorkerStatus is what a worker is doing.
type WorkerStatus string

// Derived from what the worker holds.
const (
	Idle     WorkerStatus = "idle"
	Busy     WorkerStatus = "busy"
	Draining WorkerStatus = "draining" // finishes what it has, takes no more
	Paused   WorkerStatus = "paused"   // takes no more until it is resumed
)

// InUse reports whether a process runs, or may run, as the worker.
func (w *Worker) InUse(now time.Time) bool {
	ended := w.Draining && len(w.Holds) == 0
	return w.Online(now) && !ended
}

// Status is derived from what the worker last said it holds.
func (w *Worker) Status() WorkerStatus {
	switch {
	case w.Draining || w.DrainAsked:
		return Draining
	case w.Paused:
		return Paused
	case len(w.Holds) > 0:
		return Busy
	default:
		return Idle
	}
}

// TakesJobs reports whether the worker is online, and neither paused nor draining.
func (w *Worker) TakesJobs(now time.Time) bool { return w.Online(now) && w.MayTake() }

// MayTake reports whether the worker is neither paused nor draining.
func (w *Worker) MayTake() bool { return !w.Draining && !w.DrainAsked && !w.Paused }

// missedHeartbeats is how many may fail to come before a worker is offline.
const missedHeartbeats = 3

// Online reports whether the worker was heard of within the last three of the
// intervals that it was told, and didn't say that it ends.
func (w *Worker) Online(now time.Time) bool {
	return !w.Stopped && now.Sub(w.LastSeen) <= w.OfflineAfter()
}

// OfflineAfter is how long a worker that isn't heard of is still online.
func (w *Worker) OfflineAfter() time.Duration { return missedHeartbeats * w.Interval }

// Heartbeat is what a worker says of itself.
type Heartbeat struct {
	WorkerID string `json:"workerId"`
	Epoch    int    `json:"epoch"`
	Draining bool   `json:"draining,omitempty"`
	// Stopped says that it is the last one: the process ends. Holds are what it leaves to
	// the worker's next process.
	Stopped  bool   `json:"stopped,omitempty"`
	Holds    []Hold `json:"holds"`
	DiskFree int64  `json:"diskFree,omitempty"` // bytes, of the file system of its jobs
	// DiskCache is how many bytes there are of what the worker can fetch again.
	DiskCache int64 `json:"diskCache,omitempty"`
}

// HeartbeatAnswer is what it is told.
type HeartbeatAnswer struct {
	IntervalMs int64   `json:"intervalMs"` // until the next heartbeat
	Orders     []Order `json:"orders"`     // one for each Hold that could be renewed, in their order
	Drain      bool    `json:"drain"`      // take no more work, finish what there is, exit
	Bell       *Bell   `json:"bell,omitempty"`
}

// Registration is what a worker says when its process starts. Without WorkerID
// and Token the server makes both; an agent makes its own and keeps them first,
// so that a lost answer loses nothing.
type Registration struct {
	WorkerID string `json:"workerId,omitempty"`
	Token    string `json:"token,omitempty"` // the worker's own; needed for an ID that is known
	// Replace takes a known ID with another token than its own, which is then void,
	// unless the worker is online: its machine was installed anew.
	Replace bool     `json:"replace,omitempty"`
	Name    string   `json:"name,omitempty"`
	Slots   int      `json:"slots,omitempty"`
	Queues  []string `json:"queues,omitempty"` // that it wants; empty: all that its token may use
	OS      string   `json:"os,omitempty"`
	Arch    string   `json:"arch,omitempty"`
	Version string   `json:"version,omitempty"`
	// Features are what the worker can do beyond running commands. A job that requires
	// one is given only to workers that have it. The server ignores those it doesn't
	// know.
	Features []string `json:"features,omitempty"`
	// Labels are facts that a job may require. The agent measures cpus and memory.
	Labels map[string]string `json:"labels,omitempty"`
}

// FeatureTerminal: the worker can run commands under a pseudo-terminal.
const FeatureTerminal = "terminal"

// FeatureManifest: the worker can make a folder from a manifest.
const FeatureManifest = "manifest"

// FeatureArtifacts: the worker can send a job's artifacts.
const FeatureArtifacts = "artifacts"

// FeatureCache: the worker can restore and save a job's caches.
const FeatureCache = "cache"

// CanRun reports whether the worker has all that the job requires, and room for its folder.
func (w *Worker) CanRun(s *Spec) bool {
	return s.Requirements().SatisfiedBy(w) && w.hasRoomFor(s.Source)
}

// hasRoomFor reports whether the folder fits on the worker's disk, as the worker last said.
func (w *Worker) hasRoomFor(s *Source) bool {
	return s == nil || w.DiskFree == 0 || s.DiskBytes()-w.DiskFree <= w.DiskCache
}

// Lacking lists what the job requires and the worker lacks, for people.
func (w *Worker) Lacking(s *Spec) []string {
	lacking := s.Requirements().Lacking(w)
	if !w.hasRoomFor(s.Source) {
		lacking = append(lacking, fmt.Sprintf("%.1f GB of free disk space for its folder", float64(s.Source.DiskBytes())/1e9))
	}
	return lacking
}

// Validate checks r, and makes Slots 1 where it isn't given. The queues are the
// server's to check. The error is an *Error with CodeInvalidField.
func (r *Registration) Validate() error {
	if !workerRE.MatchString(r.WorkerID) {
		return InvalidField("workerId", "workerId must match %s", WorkerPattern)
	}
	if id, ok := WorkerOfToken(r.Token); !ok || id != r.WorkerID {
		return InvalidField("token", "token must be the worker's own: erw_<workerId>.<secret>, the secret of 32 or more letters, digits, - and _; omit both workerId and token to get new ones")
	}
	if err := validateText("name", r.Name, MaxNameRunes); err != nil {
		return err
	}
	for _, f := range []struct{ field, value string }{{"os", r.OS}, {"arch", r.Arch}, {"version", r.Version}} {
		if err := validateText(f.field, f.value, 64); err != nil {
			return err
		}
	}
	if len(r.Features) > MaxFeatures {
		return InvalidField("features", "features has %d entries; the limit is %d", len(r.Features), MaxFeatures)
	}
	for i, f := range r.Features {
		if !featureRE.MatchString(f) {
			return InvalidField(fmt.Sprintf("features[%d]", i), "a feature must match %s", FeaturePattern)
		}
	}
	if err := ValidateLabels("labels", r.Labels); err != nil {
		return err
	}
	if r.Slots == 0 {
		r.Slots = 1
	}
	return CheckRange("slots", r.Slots, 1, MaxSlots)
}

// Registered is the answer.
type Registered struct {
	WorkerID       string   `json:"workerId"`
	Token          string   `json:"token,omitempty"` // only where the server made it
	Epoch          int      `json:"epoch"`
	Queues         []string `json:"queues"` // it will be given jobs of
	HeartbeatMs    int64    `json:"heartbeatMs"`
	PollWait       int      `json:"pollWait"`       // seconds that a poll may be held
	PollIntervalMs int64    `json:"pollIntervalMs"` // to wait after a poll that got nothing
	Bell           *Bell    `json:"bell,omitempty"` // to wait at instead, where there is one
}

// A Bell says where a worker that has nothing to do waits for work, instead of
// asking again and again. A bell that can't be reached, or whose ring is lost,
// costs latency alone.
type Bell struct {
	// URLs are those of the worker's queues. A GET is answered within 30
	// seconds, with RingText somewhere in the body if the bell rang: one ring
	// wakes one worker. A path alone is one of the API's own host. They are
	// reached without a token.
	URLs           []string `json:"urls"`
	PollIntervalMs int64    `json:"pollIntervalMs"` // ask for work this often though none rang
}

// RingText is what stands on a bell's ticket.
const RingText = "errand-ring"
