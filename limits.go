package errand

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of what a job may say.
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
	MaxErrorBytes     = 2 << 10
	MaxPollWait       = 20 // seconds
	MaxHolds          = 256
	MaxSlots          = MaxHolds       // jobs that a worker runs at a time
	MaxPage           = 200            // entries of a list at once
	MaxArtifactBytes  = MaxUploadBytes // of one artifact

	// DefaultQueue is taken where none is named.
	DefaultQueue = "default"
	// DefaultTimeoutSeconds is a day.
	DefaultTimeoutSeconds = 24 * 3600
)

// What names look like. Their texts stand in error messages and the API's description.
const (
	QueuePattern       = `^[a-z0-9][a-z0-9-]{0,39}$`
	GroupPattern       = `^[!-~]{1,128}$`
	EnvPattern         = `^[A-Za-z_][A-Za-z0-9_]{0,127}$`
	HashPattern        = `^[0-9a-f]{64}$`
	WorkerPattern      = `^[A-Za-z0-9_-]{8,64}$`
	PollPattern        = `^[A-Za-z0-9_-]{1,100}$`
	JobPattern         = `^[0-9A-HJKMNP-TV-Z]{26}$`
	KeyPattern         = `^[!-~]{1,255}$`
	WorkerTokenPattern = `^erw_[A-Za-z0-9_-]{8,64}\.[A-Za-z0-9_-]{32,128}$`
	OwnerPattern       = `^[a-z0-9][a-z0-9._-]{0,63}$`
	reservedEnvPre     = "ERRAND_"
)

var (
	queueRE  = regexp.MustCompile(QueuePattern)
	groupRE  = regexp.MustCompile(GroupPattern)
	envRE    = regexp.MustCompile(EnvPattern)
	hashRE   = regexp.MustCompile(HashPattern)
	workerRE = regexp.MustCompile(WorkerPattern)
	pollRE   = regexp.MustCompile(PollPattern)
	jobRE    = regexp.MustCompile(JobPattern)
	keyRE    = regexp.MustCompile(KeyPattern)
	wtokenRE = regexp.MustCompile(WorkerTokenPattern)
	ownerRE  = regexp.MustCompile(OwnerPattern)
)

// ValidJobID reports whether id looks like a job's.
func ValidJobID(id string) bool { return jobRE.MatchString(id) }

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
