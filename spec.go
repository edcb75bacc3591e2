package errand

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Source is the archive that a job's commands run in: an upload of the same owner.
type Source struct {
	SHA256   string `json:"sha256"`             // lower-case hex, of the whole archive
	Filename string `json:"filename,omitempty"` // as the uploader named it; for people only
	Size     int64  `json:"size,omitempty"`     // bytes; the server's to say
}

// Spec is what the creator of a job said. It never changes.
type Spec struct {
	ID              string            `json:"id"` // ULID: its time is the job's creation
	Owner           string            `json:"owner"`
	Name            string            `json:"name,omitempty"`
	Commands        []Command         `json:"commands"`
	Source          *Source           `json:"source,omitempty"`
	Env             map[string]string `json:"env,omitempty"`
	Shell           string            `json:"shell,omitempty"` // program that runs string commands; empty: /bin/sh, cmd.exe
	Queue           string            `json:"queue"`
	Group           string            `json:"group,omitempty"`
	MaxAttempts     int               `json:"maxAttempts"`
	TimeoutSeconds  int               `json:"timeout"` // for all commands together
	LeaseSeconds    int               `json:"lease"`
	ContinueOnError bool              `json:"continueOnError,omitempty"`
	CreatedAt       time.Time         `json:"createdAt"`
}

// MessageGroupID is the SQS message group of the job's ticket: its group, or the
// job's own, so that a job with no group waits for nobody.
func (s *Spec) MessageGroupID() string {
	if s.Group != "" {
		return s.Group
	}
	return s.ID
}

// Normalise fills in the defaults of what the creator left out.
func (s *Spec) Normalise(t Timing) {
	if s.Queue == "" {
		s.Queue = DefaultQueue
	}
	if s.MaxAttempts == 0 {
		s.MaxAttempts = 1
	}
	if s.TimeoutSeconds == 0 {
		s.TimeoutSeconds = DefaultTimeoutSeconds
	}
	if s.LeaseSeconds == 0 {
		s.LeaseSeconds = int(t.Lease.Seconds())
	}
}

// Validate checks a normalised spec. The error is an *Error with CodeInvalidField.
func (s *Spec) Validate() error {
	if err := validateCommands(s.Commands); err != nil {
		return err
	}
	if err := validateEnv(s.Env); err != nil {
		return err
	}
	if s.Source != nil {
		if err := s.Source.validate(); err != nil {
			return err
		}
	}
	if err := validateText("name", s.Name, MaxNameRunes); err != nil {
		return err
	}
	if err := validateText("shell", s.Shell, 1000); err != nil {
		return err
	}
	return s.validateRun()
}

// validateRun checks the members that say where and how often it runs.
func (s *Spec) validateRun() error {
	switch {
	case !queueRE.MatchString(s.Queue):
		return InvalidField("queue", "queue is lower-case letters, digits and hyphens, 1 to 40 of them")
	case s.Group != "" && !groupRE.MatchString(s.Group):
		return InvalidField("group", "group is 1 to %d printable ASCII characters without spaces", MaxGroupBytes)
	}
	if err := CheckRange("maxAttempts", s.MaxAttempts, 1, MaxAttemptsLimit); err != nil {
		return err
	}
	if err := CheckRange("timeout", s.TimeoutSeconds, 1, MaxTimeoutSeconds); err != nil {
		return err
	}
	return CheckRange("lease", s.LeaseSeconds, MinLeaseSeconds, MaxLeaseSeconds)
}

func validateEnv(env map[string]string) error {
	if len(env) > MaxEnv {
		return InvalidField("env", "env holds %d variables; the limit is %d", len(env), MaxEnv)
	}
	for name, value := range env {
		field := "env." + name
		switch {
		case !envRE.MatchString(name):
			return InvalidField("env", "env name %q must match %s", name, EnvPattern)
		case strings.HasPrefix(name, reservedEnvPre):
			return InvalidField(field, "names that begin with %s are reserved", reservedEnvPre)
		}
		if len(value) > MaxEnvValueBytes {
			return InvalidField(field, "the value is %d bytes long; the limit is %d", len(value), MaxEnvValueBytes)
		}
		if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
			return InvalidField(field, "the value must be UTF-8 without NUL bytes")
		}
	}
	return nil
}

func (s *Source) validate() error {
	if !hashRE.MatchString(s.SHA256) {
		return InvalidField("source.sha256", "source.sha256 must be 64 lower-case hexadecimal digits")
	}
	return validateText("source.filename", s.Filename, MaxFilenameRunes)
}
