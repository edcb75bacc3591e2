package errand

// Assignment is what a worker gets when it asks for work and there is some.
type Assignment struct {
	JobID   string `json:"jobId"`
	Attempt int    `json:"attempt"`
	// LeaseSeconds is how long the attempt lives before its first heartbeat.
	LeaseSeconds int `json:"lease"`
	// FullLeaseSeconds is how long after each heartbeat.
	FullLeaseSeconds int `json:"fullLease"`
	// Retryable: attempts are left, so the worker must kill the job itself
	// before the lease ends unrenewed; someone else will run it.
	Retryable bool `json:"retryable"`
	// Watched: someone reads the log now.
	Watched bool `json:"watched"`

	Name            string            `json:"name,omitempty"`
	Commands        []Command         `json:"commands"`
	Env             map[string]string `json:"env,omitempty"`
	Shell           string            `json:"shell,omitempty"`
	TimeoutSeconds  int               `json:"timeout"`
	ContinueOnError bool              `json:"continueOnError,omitempty"`
	Queue           string            `json:"queue"`
	Group           string            `json:"group,omitempty"`

	Source *SourceGrant `json:"source,omitempty"`
	Write  WriteGrant   `json:"write"`
}

// SourceGrant lets the worker fetch the job's archive.
type SourceGrant struct {
	Source
	Download SignedRequest `json:"download"`
}

// SignedRequest is an HTTP request that needs no other permission. All of
// Header must be sent as it stands.
type SignedRequest struct {
	Method         string            `json:"method"`
	URL            string            `json:"url"`
	Header         map[string]string `json:"header,omitempty"`
	ExpiresSeconds int               `json:"expiresIn"`
}

// WriteGrant lets the worker write objects below two prefixes by S3 POST
// policy: multipart/form-data with Fields, then "key", then "file".
type WriteGrant struct {
	URL            string            `json:"url"`
	Fields         map[string]string `json:"fields"`
	LogPrefix      string            `json:"logPrefix"`
	ArtifactPrefix string            `json:"artifactPrefix"`
	ArtifactFields map[string]string `json:"artifactFields"`
	MaxBytes       int64             `json:"maxBytes"` // of one object
	ExpiresSeconds int               `json:"expiresIn"`
}

// What a heartbeat's answer tells the worker to do with an attempt.
const (
	OrderContinue = "continue" // go on; the lease is renewed
	OrderCancel   = "cancel"   // end it, then report ReasonCancelled
	OrderAbandon  = "abandon"  // kill it and report nothing: it isn't yours any more
)

// An Order is the answer to one Hold.
type Order struct {
	JobID        string      `json:"jobId"`
	Attempt      int         `json:"attempt"`
	Order        string      `json:"order"`
	LeaseSeconds int         `json:"lease"` // from now on; 0 unless OrderContinue or OrderCancel
	Retryable    bool        `json:"retryable"`
	Watched      bool        `json:"watched"`
	Write        *WriteGrant `json:"write,omitempty"` // if the Hold asked for it
}

// Heartbeat is what a worker says of itself.
type Heartbeat struct {
	WorkerID string `json:"workerId"`
	Epoch    int    `json:"epoch"`
	Draining bool   `json:"draining,omitempty"`
	Holds    []Hold `json:"holds"`
}

// HeartbeatAnswer is what it is told.
type HeartbeatAnswer struct {
	IntervalMs int64   `json:"intervalMs"` // until the next heartbeat
	Orders     []Order `json:"orders"`     // one for each Hold, in their order
	Drain      bool    `json:"drain"`      // take no more work, finish what there is, exit
	Bell       *Bell   `json:"bell,omitempty"`
}

// Registration is what a worker says when its process starts. Without WorkerID
// and Token the server makes both; an agent makes its own and keeps them first,
// so that a lost answer loses nothing.
type Registration struct {
	WorkerID string   `json:"workerId,omitempty"`
	Token    string   `json:"token,omitempty"` // the worker's own; needed for an ID that is known
	Name     string   `json:"name,omitempty"`
	Slots    int      `json:"slots,omitempty"`
	Queues   []string `json:"queues,omitempty"` // that it wants; empty: all that its token may use
	OS       string   `json:"os,omitempty"`
	Arch     string   `json:"arch,omitempty"`
	Version  string   `json:"version,omitempty"`
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

// UploadRequest names an archive that is to be sent.
type UploadRequest struct {
	Filename string `json:"filename"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
}

// Upload says how to send it, or that it is there.
type Upload struct {
	SHA256 string         `json:"sha256"`
	Exists bool           `json:"exists"`
	Put    *SignedRequest `json:"put,omitempty"` // unless Exists
}
