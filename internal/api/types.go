package api

import (
	"time"

	"github.com/errandhq/errand"
)

// CreateJob is the body of POST /api/jobs/create, and, with Mode "distributed",
// of POST /api/execute.
type CreateJob struct {
	Name            string              `json:"name,omitempty"`
	Commands        []errand.Command    `json:"commands"`
	Source          *errand.Source      `json:"source,omitempty"`
	Env             map[string]string   `json:"env,omitempty"`
	Shell           string              `json:"shell,omitempty"`
	Queue           string              `json:"queue,omitempty"`
	Group           string              `json:"group,omitempty"`
	Worker          string              `json:"worker,omitempty"`   // name or ID of the only worker that may run it
	Requires        map[string]string   `json:"requires,omitempty"` // labels of the worker
	MaxAttempts     int                 `json:"maxAttempts,omitempty"`
	RetryOnExit     *errand.RetryOnExit `json:"retryOnExit,omitempty"`
	TimeoutSeconds  int                 `json:"timeout,omitempty"`
	LeaseSeconds    int                 `json:"lease,omitempty"`
	ContinueOnError bool                `json:"continueOnError,omitempty"`
	Terminal        *errand.Terminal    `json:"terminal,omitempty"`
	Artifacts       []errand.Artifact   `json:"artifacts,omitempty"`
	Cache           []errand.Cache      `json:"cache,omitempty"`
	Workspace       *errand.Workspace   `json:"workspace,omitempty"`
	Limits          *errand.Limits      `json:"limits,omitempty"`
	// After are jobs that must end first, and NotBefore a time that must come first.
	After     []errand.Dependency `json:"after,omitempty"`
	NotBefore *time.Time          `json:"notBefore,omitempty"`
	// Watch: the log will be read as it grows, so its first lines come at once.
	Watch bool `json:"watch,omitempty"`
}

// Job is a job as the API shows it: create, status and cancel answer one, lists
// hold them without Env, Attempts and Result.
type Job struct {
	ID              string              `json:"id"`
	Status          errand.Status       `json:"status"`
	ExitCode        *int                `json:"exitCode"` // null until it completed
	Reason          errand.Reason       `json:"reason,omitempty"`
	Error           string              `json:"error,omitempty"`
	Name            string              `json:"name,omitempty"`
	Owner           string              `json:"owner"`
	Queue           string              `json:"queue"`
	Group           string              `json:"group,omitempty"`
	Worker          string              `json:"worker,omitempty"` // ID of the only worker that may run it
	Requires        map[string]string   `json:"requires,omitempty"`
	Commands        []errand.Command    `json:"commands"`
	Source          *errand.Source      `json:"source,omitempty"`
	Env             map[string]string   `json:"env,omitempty"`
	Shell           string              `json:"shell,omitempty"`
	Attempt         int                 `json:"attempt"`
	Try             int                 `json:"try"`
	MaxAttempts     int                 `json:"maxAttempts"`
	RetryOnExit     *errand.RetryOnExit `json:"retryOnExit,omitempty"`
	TimeoutSeconds  int                 `json:"timeout"`
	LeaseSeconds    int                 `json:"lease"`
	ContinueOnError bool                `json:"continueOnError,omitempty"`
	Terminal        *errand.Terminal    `json:"terminal,omitempty"`
	Artifacts       []errand.Artifact   `json:"artifacts,omitempty"`
	Cache           []errand.Cache      `json:"cache,omitempty"`
	Workspace       *errand.Workspace   `json:"workspace,omitempty"`
	Limits          *errand.Limits      `json:"limits,omitempty"`
	WorkerID        string              `json:"workerId,omitempty"`
	WorkerName      string              `json:"workerName,omitempty"`
	Direct          bool                `json:"direct,omitempty"`   // it ran on the server, in direct mode
	Attempts        []errand.JobAttempt `json:"attempts,omitempty"` // oldest first
	Silence         *errand.Silence     `json:"silence,omitempty"`
	CancelRequested bool                `json:"cancelRequested,omitempty"`
	After           []errand.Dependency `json:"after,omitempty"`
	NotBefore       *time.Time          `json:"notBefore,omitempty"`
	Held            bool                `json:"held,omitempty"` // it waits for these, and is not in its queue
	ReleasedAt      *time.Time          `json:"releasedAt,omitempty"`
	Schedule        string              `json:"schedule,omitempty"`    // name of the owner's schedule that it is of
	ScheduledAt     *time.Time          `json:"scheduledAt,omitempty"` // that the schedule says; missing if a person started it
	TraceParent     string              `json:"traceParent,omitempty"` // of the request that created it
	CreatedAt       time.Time           `json:"createdAt"`
	StartedAt       *time.Time          `json:"startedAt,omitempty"`
	FinishedAt      *time.Time          `json:"finishedAt,omitempty"`
	Result          *errand.Result      `json:"result,omitempty"`
}

// JobList is the answer of GET /api/jobs, newest first.
type JobList struct {
	Jobs []Job  `json:"jobs"`
	Next string `json:"next,omitempty"` // give it as ?cursor= for the next page
}

// Worker is a worker as the API shows it.
type Worker struct {
	ID           string              `json:"id"`
	Name         string              `json:"name"`
	Status       errand.WorkerStatus `json:"status"`
	Online       bool                `json:"online"`
	Queues       []string            `json:"queues"`
	Slots        int                 `json:"slots"`
	Jobs         []string            `json:"jobs"` // IDs of those it holds
	OS           string              `json:"os,omitempty"`
	Arch         string              `json:"arch,omitempty"`
	Version      string              `json:"version,omitempty"`
	Features     []string            `json:"features,omitempty"`
	Labels       map[string]string   `json:"labels"` // with os, arch, cpus and memory
	Paused       bool                `json:"paused"`
	DiskFree     int64               `json:"diskFree,omitempty"` // bytes
	RegisteredAt time.Time           `json:"registeredAt"`
	LastSeen     time.Time           `json:"lastSeen"`
}

// NamedWorker is the body of POST /api/workers/pause, …/resume, …/drain and …/forget. They
// answer a Worker.
type NamedWorker struct {
	Worker string `json:"worker"` // its name or ID
}

// WorkerList is the answer of GET /api/workers.
type WorkerList struct {
	Workers []Worker `json:"workers"`
	Next    string   `json:"next,omitempty"`
}

// SubmitResult is the body of POST /api/jobs/submit-result.
type SubmitResult struct {
	WorkerID string        `json:"workerId"`
	Epoch    int           `json:"epoch"`
	JobID    string        `json:"jobId"`
	Attempt  int           `json:"attempt"`
	Result   errand.Result `json:"result"`
}

// SubmitFailure is the body of PUT /api/jobs/submit-result.
type SubmitFailure struct {
	WorkerID string `json:"workerId"`
	Epoch    int    `json:"epoch"`
	JobID    string `json:"jobId"`
	Attempt  int    `json:"attempt"`
	errand.Failure
}

// Submitted is the answer to both: the job's status now.
type Submitted struct {
	JobID  string        `json:"jobId"`
	Status errand.Status `json:"status"`
}

// SignArtifacts is the body of POST /api/jobs/artifacts.
type SignArtifacts struct {
	WorkerID string                  `json:"workerId"`
	Epoch    int                     `json:"epoch"`
	JobID    string                  `json:"jobId"`
	Attempt  int                     `json:"attempt"`
	Uploads  []errand.ArtifactUpload `json:"uploads"`
}

// SignedArtifacts is the answer: a grant for each upload, in their order.
type SignedArtifacts struct {
	Grants []errand.ArtifactGrant `json:"grants"`
}

// AskCache is the body of POST /api/jobs/caches, which answers an errand.CacheAnswer.
type AskCache struct {
	WorkerID string `json:"workerId"`
	Epoch    int    `json:"epoch"`
	JobID    string `json:"jobId"`
	Attempt  int    `json:"attempt"`
	errand.CacheQuestion
}

// ArtifactPage is the answer of GET /api/jobs/artifacts, in the order of paths.
type ArtifactPage struct {
	JobID   string        `json:"jobId"`
	Attempt int           `json:"attempt"`
	Status  errand.Status `json:"status"` // of the job: artifacts come when it has ended
	// Total says what the attempt gave back in all; null: it has none, or none yet.
	Total *errand.Artifacts  `json:"total"`
	Files []ArtifactDownload `json:"files"`
	Next  string             `json:"next,omitempty"` // give it as ?cursor= for the next page
}

// ArtifactDownload is a file, or a symbolic link, that a job gave back.
type ArtifactDownload struct {
	errand.ArtifactFile
	Download *errand.SignedRequest `json:"download,omitempty"` // not of a link
}

// JobSource says where the folder is that a job was sent. Its uploads answer ranges, too,
// so that a client can list the files without fetching them.
type JobSource struct {
	JobID  string              `json:"jobId"`
	Source *errand.SourceGrant `json:"source"` // null: the job has none
}

// Sync is the body of POST /api/workers/sync: attempts that have ended, and a question
// for the next.
type Sync struct {
	WorkerID string          `json:"workerId"`
	Epoch    int             `json:"epoch"`
	Reports  []AttemptReport `json:"reports,omitempty"`
	PollID   string          `json:"pollId,omitempty"` // empty: no question
	Count    int             `json:"count,omitempty"`  // of jobs that are asked for
}

// AttemptReport has either a result or a failure.
type AttemptReport struct {
	JobID   string          `json:"jobId"`
	Attempt int             `json:"attempt"`
	Result  *errand.Result  `json:"result,omitempty"`
	Failure *errand.Failure `json:"failure,omitempty"`
}

// Synced is the answer to Sync.
type Synced struct {
	Reports  []ReportAnswer       `json:"reports"` // one for each report, in their order
	Attempts []*errand.Assignment `json:"attempts"`
	// WaitedMs is how long the server kept the request before it assigned the attempts.
	WaitedMs int64 `json:"waitedMs"`
	// Problem: the question failed, and must be asked again with the same PollID. The
	// reports were taken.
	Problem *SyncProblem `json:"problem,omitempty"`
}

// ReportAnswer says what became of a report: the job's status now, or why the report was
// refused.
type ReportAnswer struct {
	JobID   string        `json:"jobId"`
	Attempt int           `json:"attempt"`
	Status  errand.Status `json:"status,omitempty"`
	Problem *SyncProblem  `json:"problem,omitempty"`
}

// SyncProblem is an error of a part of a Sync.
type SyncProblem struct {
	Code   errand.Code `json:"code"`
	Detail string      `json:"detail"`
}

// CancelJob is the body of POST /api/jobs/cancel. It answers a Job.
type CancelJob struct {
	JobID string `json:"jobId"`
}

// LogPage is the answer of GET /api/jobs/logs: frames from Offset on.
type LogPage struct {
	JobID   string `json:"jobId"`
	Attempt int    `json:"attempt"`
	Offset  int64  `json:"offset"` // at which the page begins
	Next    int64  `json:"next"`   // to ask for next
	// Chunk is for the next request, too: the server then needs no list of S3.
	Chunk  int64      `json:"chunk,omitempty"`
	Frames []LogFrame `json:"frames"`
	// Downloads read the log from Next on. They are given instead of Frames, if asked for.
	Downloads []LogDownload `json:"downloads,omitempty"`
	// Done: the job is over and Next is the log's end.
	Done   bool          `json:"done"`
	Status errand.Status `json:"status"`
	// Bytes and SHA256 are the sealed length and hash once the attempt was reported.
	Bytes  *int64 `json:"bytes,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// State names the job's state with its attempts and its worker's silence. Given in
	// the next request, that is answered as soon as there is another.
	State string `json:"state"`
	// PollIntervalMs is how long to wait before the next request; 0: not at all.
	PollIntervalMs int64               `json:"pollIntervalMs,omitempty"`
	Attempts       []errand.JobAttempt `json:"attempts,omitempty"`
	Silence        *errand.Silence     `json:"silence,omitempty"`
	Job            *Job                `json:"job,omitempty"` // once it has ended, with the last page
}

// A LogDownload reads a stored chunk of a log: frames, as errand.ParseFrames reads them.
type LogDownload struct {
	Offset int64 `json:"offset"` // of its first byte in the log
	Size   int64 `json:"size"`   // of the chunk, with the frames' headers
	errand.SignedRequest
}

// LogFrame is an errand.Frame in JSON.
type LogFrame struct {
	Stream    string       `json:"stream"` // stdout, stderr, system
	Offset    int64        `json:"offset"`
	ElapsedMs int64        `json:"elapsedMs"`
	Command   int          `json:"command"` // from 0; -1: none
	Data      errand.Bytes `json:"data"`
}

// Execute modes.
const (
	ModeDirect      = "direct"
	ModeDistributed = "distributed"
)

// Execute is the body of POST /api/execute.
type Execute struct {
	Mode string `json:"mode"` // direct | distributed
	CreateJob
}

// Executed is the answer of direct mode (200). Distributed mode answers a Job (202).
type Executed struct {
	Mode  string `json:"mode"`
	JobID string `json:"jobId"`
	errand.DirectResult
}

// Problem is an RFC 9457 problem+json body: every error answer is one.
type Problem struct {
	Type      string      `json:"type"`  // urn:errand:error:<code>
	Title     string      `json:"title"` // the HTTP status's name
	Status    int         `json:"status"`
	Code      errand.Code `json:"code"`
	Detail    string      `json:"detail"`
	Field     string      `json:"field,omitempty"`
	RequestID string      `json:"requestId"`
}
