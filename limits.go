package errand

import (
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Limits of a job's spec.
const (
	MaxCommands       = 1000
	MaxCommandBytes   = 8 << 10
	MaxArgs           = 1000
	MaxEnv            = 100
	MaxEnvValueBytes  = 8 << 10
	MaxSpecBytes      = 32 << 10 // of the whole, as JSON
	MaxNameRunes      = 100
	MaxFilenameRunes  = 255
	MaxGroupBytes     = 128
	MaxAttemptsLimit  = 10
	MaxTimeoutSeconds = 14 * 24 * 3600
	MinLeaseSeconds   = 1 // and two of the server's heartbeats
	MaxLeaseSeconds   = 3600
	MaxUploadBytes    = 5 << 30 // S3's for one PUT
	MaxPacks          = 128     // of one manifest beside its root; uploads of one question
	MaxErrorBytes     = 2 << 10
	MaxPollWait       = 20 // seconds
	MaxFeatures       = 32
	MaxTerminalSize   = 1000 // columns and rows
	MaxHolds          = 256
	MaxTake           = 10       // jobs that a worker takes at once; SQS's for one receive
	MaxReports        = 16       // at once
	MaxSlots          = MaxHolds // jobs that a worker runs at a time
	MaxPage           = 200      // entries of a list at once
	MaxQueues         = 100      // of a server
	MaxKinds          = 100      // of requirements, of the jobs that wait in a queue
	MaxLabels         = 16

	// DefaultColumns and DefaultRows are a terminal's.
	DefaultColumns = 80
	DefaultRows    = 24
	// DefaultQueue is the queue of jobs that name none.
	DefaultQueue = "default"
	// DefaultTimeoutSeconds is a day.
	DefaultTimeoutSeconds = 24 * 3600
)

// Limits of direct mode: the response must fit into Lambda's, and the wait into API
// Gateway's 30 seconds.
const (
	MaxDirectSeconds     = 25
	MaxDirectOutputBytes = 1 << 20 // stdout and stderr of all commands together
)

// Patterns of names. Error messages and docs/openapi.yaml quote them.
const (
	QueuePattern       = `^[a-z0-9][a-z0-9-]{0,39}$`
	GroupPattern       = `^[!-~]{1,128}$`
	EnvPattern         = `^[A-Za-z_][A-Za-z0-9_]{0,127}$`
	HashPattern        = `^[0-9a-f]{64}$`
	WorkerPattern      = `^[A-Za-z0-9_-]{1,64}$`
	PollPattern        = `^[A-Za-z0-9_-]{1,100}$`
	JobPattern         = `^[0-9A-HJKMNP-TV-Z]{26}$`
	KeyPattern         = `^[!-~]{1,255}$`
	TokenPattern       = `^er[uad]_[A-Za-z0-9_-]{32,128}$` // of users, agents and admins
	WorkerTokenPattern = `^erw_[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{32,128}$`
	SessionPattern     = `^ers_[A-Za-z0-9_-]{43}$` // tokens of sessions
	SessionCodePattern = `^erc_[A-Za-z0-9_-]{43}$`
	FeaturePattern     = `^[a-z][a-z0-9-]{0,31}$`
	OwnerPattern       = `^[a-z0-9][a-z0-9._-]{0,63}$`
	LabelPattern       = `^[a-z][a-z0-9._-]{0,31}$`
	LabelValuePattern  = `^[!-~]{1,64}$`
	SchedulePattern    = `^[a-z0-9][a-z0-9._-]{0,63}$`
)

// ReservedEnvPrefix begins the names of the variables that only Errand sets.
const ReservedEnvPrefix = "ERRAND_"

// Variables about the git work tree of the folder that was sent. Whoever creates
// the job sets them, although their names are reserved.
const (
	EnvGitCommit = "ERRAND_GIT_COMMIT" // the commit's hash
	EnvGitBranch = "ERRAND_GIT_BRANCH" // unset if no branch was checked out
	EnvGitDirty  = "ERRAND_GIT_DIRTY"  // true if the folder differs from the commit, else false
)

var (
	queueRE    = compileLater(QueuePattern)
	groupRE    = compileLater(GroupPattern)
	envRE      = compileLater(EnvPattern)
	hashRE     = compileLater(HashPattern)
	workerRE   = compileLater(WorkerPattern)
	pollRE     = compileLater(PollPattern)
	jobRE      = compileLater(JobPattern)
	keyRE      = compileLater(KeyPattern)
	tokenRE    = compileLater(TokenPattern)
	wtokenRE   = compileLater(WorkerTokenPattern)
	featureRE  = compileLater(FeaturePattern)
	ownerRE    = compileLater(OwnerPattern)
	labelRE    = compileLater(LabelPattern)
	valueRE    = compileLater(LabelValuePattern)
	scheduleRE = compileLater(SchedulePattern)
	codeRE     = compileLater(SessionCodePattern)
	sessionRE  = compileLater(SessionPattern)
)

// compileLater returns a regular expression that is compiled when it is first used: all
// of them take 2 ms, which each start of a program would wait for.
func compileLater(pattern string) *lazyRegexp {
	return &lazyRegexp{compile: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })}
}

type lazyRegexp struct{ compile func() *regexp.Regexp }

// MatchString is regexp.Regexp's.
func (l *lazyRegexp) MatchString(s string) bool { return l.compile().MatchString(s) }

// ValidJobID reports whether id has the form of a job ID.
func ValidJobID(id string) bool { return jobRE.MatchString(id) }

// ValidWorkerID reports whether id has the form of a worker ID.
func ValidWorkerID(id string) bool { return workerRE.MatchString(id) }

// ValidPollID reports whether id may name a poll.
func ValidPollID(id string) bool { return pollRE.MatchString(id) }

// ValidIdempotencyKey reports whether key may be an Idempotency-Key header.
func ValidIdempotencyKey(key string) bool { return keyRE.MatchString(key) }

// validateText checks a text that people read: UTF-8 without control characters.
func validateText(field, s string, maxRunes int) error {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return InvalidField(field, "%s must be UTF-8 without control characters", field)
	}
	if n := utf8.RuneCountInString(s); n > maxRunes {
		return InvalidField(field, "%s is %d characters long; the limit is %d", field, n, maxRunes)
	}
	return nil
}

// CheckRange checks that the request's member field is from lo to hi. The error is
// an *Error with CodeInvalidField.
func CheckRange(field string, v, lo, hi int) error {
	if v < lo || v > hi {
		return InvalidField(field, "%s must be from %d to %d, not %d", field, lo, hi, v)
	}
	return nil
}

// Timing has the durations of the flow of a job. See DefaultTiming.
type Timing struct {
	ShortLease time.Duration // of an attempt not yet accepted
	Lease      time.Duration // full, unless the job sets its own
	Heartbeat  time.Duration // interval that workers are told
	// WatchedHeartbeat is the interval while a client follows a job of the worker, so
	// that a cancellation takes effect soon.
	WatchedHeartbeat time.Duration
	LogPoll          time.Duration // interval of a log's followers, where requests are not held
	PollWait         time.Duration // longest that a poll is held; 0: polls are answered at once
	PollInterval     time.Duration // that workers wait between polls that were answered with nothing
	BellPoll         time.Duration // the same where they wait at a bell that doesn't ring
	IdleHeartbeat    time.Duration // that workers are told which hold nothing and wait at a bell
	TicketHold       time.Duration // a held ticket is hidden this long
	RenewHold        time.Duration // and again when less than this is left
	ResendAfter      time.Duration // first re-send of a ticket
	ResendEvery      time.Duration // further ones
	ExpireAfter      time.Duration // a pending job fails
	HoldLimit        time.Duration // a job may wait this long for a time or for other jobs
	Watched          time.Duration // a read of the log keeps it watched this long
	Retention        time.Duration // of jobs and results
	UploadLifetime   time.Duration // of uploads, as the bucket's lifecycle has it
	UploadMargin     time.Duration // an upload is used again only if it lives this long yet
}

// DefaultTiming returns the durations of the design.
func DefaultTiming() Timing {
	const day = 24 * time.Hour
	return Timing{
		ShortLease: 30 * time.Second, Lease: 5 * time.Minute, Heartbeat: 10 * time.Second, WatchedHeartbeat: 2 * time.Second, LogPoll: time.Second,
		PollWait: 20 * time.Second, PollInterval: 5 * time.Second,
		BellPoll: 10 * time.Minute, IdleHeartbeat: 4 * time.Minute,
		TicketHold: 15 * time.Minute, RenewHold: 10 * time.Minute,
		ResendAfter: time.Minute, ResendEvery: 12 * time.Hour, ExpireAfter: 13 * day, HoldLimit: 7 * day,
		Watched: 30 * time.Second, UploadLifetime: 32 * day, UploadMargin: 23 * day,
	}
}
