package errand

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
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
	MaxGroupBytes     = 128
	MaxAttemptsLimit  = 10
	MaxTimeoutSeconds = 14 * 24 * 3600
	MinLeaseSeconds   = 1 // and two of the server's heartbeats
	MaxLeaseSeconds   = 3600
	MaxUploadBytes    = 5 << 30 // S3's for one PUT
	MaxErrorBytes     = 2 << 10
	MaxPollWait       = 20 // seconds
	MaxHolds          = 256

	// DefaultQueue is taken where none is named.
	DefaultQueue = "default"
	// DefaultTimeoutSeconds is a day.
	DefaultTimeoutSeconds = 24 * 3600
)

// What names look like. Their texts stand in error messages and the API's description.
const (
	QueuePattern   = `^[a-z0-9][a-z0-9-]{0,39}$`
	GroupPattern   = `^[!-~]{1,128}$`
	EnvPattern     = `^[A-Za-z_][A-Za-z0-9_]{0,127}$`
	HashPattern    = `^[0-9a-f]{64}$`
	WorkerPattern  = `^[A-Za-z0-9_-]{8,64}$`
	PollPattern    = `^[A-Za-z0-9_-]{1,100}$`
	JobPattern     = `^[0-9A-HJKMNP-TV-Z]{26}$`
	KeyPattern     = `^[!-~]{1,255}$`
	WTokenPattern  = `^erw_[A-Za-z0-9_-]{8,64}\.[A-Za-z0-9_-]{32,128}$`
	OwnerPattern   = `^[a-z0-9][a-z0-9._-]{0,63}$`
	reservedEnvPre = "ERRAND_"
)

var (
	queueRE  = pattern(QueuePattern)
	groupRE  = pattern(GroupPattern)
	envRE    = pattern(EnvPattern)
	hashRE   = pattern(HashPattern)
	workerRE = pattern(WorkerPattern)
	pollRE   = pattern(PollPattern)
	jobRE    = pattern(JobPattern)
	keyRE    = pattern(KeyPattern)
	wtokenRE = pattern(WTokenPattern)
	ownerRE  = pattern(OwnerPattern)
)

// A lazyRE is a pattern that is compiled when it is first used: for a program
// that starts to do one thing, compiling all of them is a good part of that.
type lazyRE func() *regexp.Regexp

func pattern(expr string) lazyRE {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

func (re lazyRE) MatchString(s string) bool { return re().MatchString(s) }

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
		return invalid("queue", "queue is lower-case letters, digits and hyphens, 1 to 40 of them")
	case s.Group != "" && !groupRE.MatchString(s.Group):
		return invalid("group", "group is 1 to %d printable ASCII characters without spaces", MaxGroupBytes)
	}
	if err := between("maxAttempts", s.MaxAttempts, 1, MaxAttemptsLimit); err != nil {
		return err
	}
	if err := between("timeout", s.TimeoutSeconds, 1, MaxTimeoutSeconds); err != nil {
		return err
	}
	return between("lease", s.LeaseSeconds, MinLeaseSeconds, MaxLeaseSeconds)
}

func validateCommands(commands []Command) error {
	if len(commands) == 0 || len(commands) > MaxCommands {
		return invalid("commands", "commands must hold 1 to %d commands, not %d", MaxCommands, len(commands))
	}
	for i, c := range commands {
		if err := c.validate(fmt.Sprintf("commands[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func (c Command) validate(field string) error {
	if c.Argv == nil {
		return validateWord(field, c.Shell, false)
	}
	if len(c.Argv) == 0 || len(c.Argv) > MaxArgs {
		return invalid(field+".argv", "argv must hold 1 to %d words, not %d", MaxArgs, len(c.Argv))
	}
	for i, a := range c.Argv {
		if err := validateWord(fmt.Sprintf("%s.argv[%d]", field, i), a, i > 0); err != nil {
			return err
		}
	}
	return nil
}

func validateWord(field, s string, mayBeEmpty bool) error {
	switch {
	case !mayBeEmpty && strings.TrimSpace(s) == "":
		return invalid(field, "%s is empty", field)
	case len(s) > MaxCommandBytes:
		return invalid(field, "%s is %d bytes long; the limit is %d: put it into a script in the folder", field, len(s), MaxCommandBytes)
	case strings.ContainsRune(s, 0):
		return invalid(field, "%s holds a NUL byte", field)
	case !utf8.ValidString(s):
		return invalid(field, "%s is not UTF-8", field)
	}
	return nil
}

func validateEnv(env map[string]string) error {
	if len(env) > MaxEnv {
		return invalid("env", "env holds %d variables; the limit is %d", len(env), MaxEnv)
	}
	for name, value := range env {
		field := "env." + name
		switch {
		case !envRE.MatchString(name):
			return invalid("env", "env name %q must match %s", name, EnvPattern)
		case strings.HasPrefix(name, reservedEnvPre):
			return invalid(field, "names that begin with %s are set by Errand", reservedEnvPre)
		}
		if len(value) > MaxEnvValueBytes {
			return invalid(field, "the value is %d bytes long; the limit is %d", len(value), MaxEnvValueBytes)
		}
		if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
			return invalid(field, "the value must be UTF-8 without NUL bytes")
		}
	}
	return nil
}

func (s *Source) validate() error {
	if !hashRE.MatchString(s.SHA256) {
		return invalid("source.sha256", "source.sha256 must be 64 lower-case hexadecimal digits")
	}
	return validateText("source.filename", s.Filename, 255)
}

// validateText checks a text that people read: UTF-8 without control characters.
func validateText(field, s string, maxRunes int) error {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return invalid(field, "%s must be UTF-8 without control characters", field)
	}
	if n := utf8.RuneCountInString(s); n > maxRunes {
		return invalid(field, "%s is %d characters long; the limit is %d", field, n, maxRunes)
	}
	return nil
}

func between(field string, v, lo, hi int) error { //nolint:unparam // a limit has two ends
	if v < lo || v > hi {
		return invalid(field, "%s must be from %d to %d, not %d", field, lo, hi, v)
	}
	return nil
}
