package errand

// An AttemptID names an attempt of a job.
type AttemptID struct {
	JobID   string `json:"jobId"`
	Attempt int    `json:"attempt"`
}

// Assignment is what a worker needs to run an attempt.
type Assignment struct {
	JobID   string `json:"jobId"`
	Attempt int    `json:"attempt"`
	// LeaseSeconds is the lease until the first heartbeat.
	LeaseSeconds int `json:"lease"`
	// FullLeaseSeconds is the lease after each heartbeat.
	FullLeaseSeconds int `json:"fullLease"`
	// Retryable says that attempts are left. Then the worker must kill the job before
	// its lease expires, because another worker will run it.
	Retryable bool `json:"retryable"`
	// Watched says that a client follows the log.
	Watched bool `json:"watched"`

	Owner           string            `json:"owner,omitempty"` // a worker keeps what it caches of owners apart
	Name            string            `json:"name,omitempty"`
	Commands        []Command         `json:"commands"`
	Env             map[string]string `json:"env,omitempty"`
	Shell           string            `json:"shell,omitempty"`
	TimeoutSeconds  int               `json:"timeout"`
	ContinueOnError bool              `json:"continueOnError,omitempty"`
	Terminal        *Terminal         `json:"terminal,omitempty"`
	Artifacts       []Artifact        `json:"artifacts,omitempty"`
	Cache           []Cache           `json:"cache,omitempty"`
	Workspace       *Workspace        `json:"workspace,omitempty"`
	Limits          *Limits           `json:"limits,omitempty"`
	Queue           string            `json:"queue"`
	Group           string            `json:"group,omitempty"`
	TraceParent     string            `json:"traceParent,omitempty"`

	Source *SourceGrant `json:"source,omitempty"`
	Write  WriteGrant   `json:"write"`
}

// SourceGrant lets the worker fetch the job's folder.
type SourceGrant struct {
	Source
	Download SignedRequest `json:"download"`
	// Owner is whose uploads these are. A worker keeps those of different owners apart.
	Owner string `json:"owner,omitempty"`
	// Downloads are those of Packs, in their order.
	Downloads []SignedRequest `json:"downloads,omitempty"`
}

// SignedRequest is a presigned HTTP request. All of Header must be sent unchanged.
type SignedRequest struct {
	Method         string            `json:"method"`
	URL            string            `json:"url"`
	Header         map[string]string `json:"header,omitempty"`
	ExpiresSeconds int               `json:"expiresIn"`
}

// WriteGrant lets the worker write its log, as objects below a prefix, by S3 POST
// policy: multipart/form-data with Fields, then "key", then "file".
type WriteGrant struct {
	URL            string            `json:"url"`
	Fields         map[string]string `json:"fields"`
	LogPrefix      string            `json:"logPrefix"`
	MaxBytes       int64             `json:"maxBytes"` // of one object
	ExpiresSeconds int               `json:"expiresIn"`
}

// Orders: what the worker must do with an attempt.
const (
	OrderContinue = "continue" // go on; the lease is renewed
	OrderCancel   = "cancel"   // end it, then report ReasonCancelled
	OrderAbandon  = "abandon"  // kill it and report nothing: it isn't yours any more
)

// An Order is the response to one Hold.
type Order struct {
	JobID        string      `json:"jobId"`
	Attempt      int         `json:"attempt"`
	Order        string      `json:"order"`
	LeaseSeconds int         `json:"lease"` // from now on; 0 unless OrderContinue or OrderCancel
	Retryable    bool        `json:"retryable"`
	Watched      bool        `json:"watched"`
	Write        *WriteGrant `json:"write,omitempty"` // if the Hold asked for it
}

// DirectRequest is the event that the direct function is invoked with.
type DirectRequest struct {
	Commands        []Command         `json:"commands"`
	Env             map[string]string `json:"env,omitempty"`
	Shell           string            `json:"shell,omitempty"`
	TimeoutSeconds  int               `json:"timeout"`
	ContinueOnError bool              `json:"continueOnError,omitempty"`
	Source          *SourceGrant      `json:"source,omitempty"`
	Write           *WriteGrant       `json:"write,omitempty"`   // for the log
	Watched         bool              `json:"watched,omitempty"` // send the log as it grows
}
