package errand

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Source is the folder in which a job's commands run: uploads of the same owner.
type Source struct {
	SHA256   string `json:"sha256"`             // lower-case hex, of the ZIP or of the manifest's root
	Filename string `json:"filename,omitempty"` // as the uploader named it; for people only
	Size     int64  `json:"size,omitempty"`     // bytes of all uploads; the server's to say
	Format   string `json:"format,omitempty"`   // default: FormatZIP
	// Packs are the hashes of the other packs that a manifest needs. A list of jobs
	// leaves them out.
	Packs []string `json:"packs,omitempty"`
	// UnpackedBytes is the size of all files, as the sender of a manifest says.
	UnpackedBytes int64 `json:"unpackedBytes,omitempty"`
}

// DiskBytes is about how much of a disk the folder takes when it arrives: the uploads, and
// the files, if the sender said how large they are.
func (s *Source) DiskBytes() int64 {
	if s.UnpackedBytes > math.MaxInt64-s.Size {
		return math.MaxInt64
	}
	return s.Size + s.UnpackedBytes
}

// Formats of a Source.
const (
	FormatZIP      = "zip"
	FormatManifest = "manifest" // see internal/manifest
)

// Spec is a job as its creator described it. It never changes.
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
	Worker          string            `json:"worker,omitempty"`   // ID of the only worker that may run it
	Requires        map[string]string `json:"requires,omitempty"` // labels of the worker: see Requirements
	MaxAttempts     int               `json:"maxAttempts"`
	RetryOnExit     *RetryOnExit      `json:"retryOnExit,omitempty"`
	TimeoutSeconds  int               `json:"timeout"` // for all commands together
	LeaseSeconds    int               `json:"lease"`
	ContinueOnError bool              `json:"continueOnError,omitempty"`
	Terminal        *Terminal         `json:"terminal,omitempty"` // nil: stdout and stderr are pipes
	Artifacts       []Artifact        `json:"artifacts,omitempty"`
	Cache           []Cache           `json:"cache,omitempty"`
	Workspace       *Workspace        `json:"workspace,omitempty"`   // nil: the folder is new for each job
	Limits          *Limits           `json:"limits,omitempty"`      // nil: those of the worker
	After           []Dependency      `json:"after,omitempty"`       // the job waits for these
	NotBefore       time.Time         `json:"notBefore,omitzero"`    // and until then
	Schedule        string            `json:"schedule,omitempty"`    // name of the owner's schedule that created it
	ScheduledAt     time.Time         `json:"scheduledAt,omitzero"`  // the time of the schedule's run; zero if a person started it
	TraceParent     string            `json:"traceParent,omitempty"` // of the request that created it: W3C's header
	CreatedAt       time.Time         `json:"createdAt"`
}

// Terminal asks for a pseudo-terminal: commands write stdout and stderr to it, as one
// stream, and may use colours and progress bars. It is not their controlling terminal,
// and they have no input.
type Terminal struct {
	Columns int `json:"columns,omitempty"` // default: DefaultColumns
	Rows    int `json:"rows,omitempty"`    // default: DefaultRows
	// Required says that only a worker with FeatureTerminal may run the job. Otherwise
	// one without it, on an old Windows, runs the commands without a terminal.
	Required bool `json:"required,omitempty"`
}

// Features returns the features that a worker must have to run the job.
func (s *Spec) Features() (all []string) {
	if s.Terminal != nil && s.Terminal.Required {
		all = append(all, FeatureTerminal)
	}
	if s.Source != nil && s.Source.Format == FormatManifest {
		all = append(all, FeatureManifest)
	}
	if len(s.Artifacts) > 0 {
		all = append(all, FeatureArtifacts)
	}
	if len(s.Cache) > 0 {
		all = append(all, FeatureCache)
	}
	if s.Workspace != nil {
		all = append(all, FeatureWorkspace)
	}
	if s.Limits != nil && *s.Limits != (Limits{}) {
		all = append(all, FeatureLimits)
	}
	return all
}

// MessageGroupID is the SQS message group of the job's ticket: its group, or the
// job's own, so that a job without a group waits for no other.
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
	if len(s.After) > 0 {
		s.After = slices.Clone(s.After)
		for i := range s.After {
			s.After[i].On = cmp.Or(s.After[i].On, OnSuccess)
		}
	}
	if s.Limits != nil && *s.Limits == (Limits{}) {
		s.Limits = nil
	}
	if s.Terminal != nil {
		t := *s.Terminal
		t.Columns, t.Rows = cmp.Or(t.Columns, DefaultColumns), cmp.Or(t.Rows, DefaultRows)
		s.Terminal = &t
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
	if err := validateArtifacts(s.Artifacts); err != nil {
		return err
	}
	if err := validateCaches(s.Cache); err != nil {
		return err
	}
	if err := s.validateWorkspace(); err != nil {
		return err
	}
	return s.validateRun()
}

// validateRun validates where, how often and how long the job may run.
func (s *Spec) validateRun() error {
	switch {
	case !queueRE.MatchString(s.Queue):
		return InvalidField("queue", "queue must be 1 to 40 lower-case letters, digits and hyphens")
	case s.Group != "" && !groupRE.MatchString(s.Group):
		return InvalidField("group", "group must be 1 to %d printable ASCII characters without spaces", MaxGroupBytes)
	}
	if err := s.validateWhen(); err != nil {
		return err
	}
	if err := validateText("worker", s.Worker, MaxNameRunes); err != nil {
		return err
	}
	if err := validateRequires(s.Requires); err != nil {
		return err
	}
	if t := s.Terminal; t != nil {
		if err := CheckRange("terminal.columns", t.Columns, 1, MaxTerminalSize); err != nil {
			return err
		}
		if err := CheckRange("terminal.rows", t.Rows, 1, MaxTerminalSize); err != nil {
			return err
		}
	}
	if s.Limits != nil {
		if err := s.Limits.Validate(); err != nil {
			return err
		}
	}
	if err := CheckRange("maxAttempts", s.MaxAttempts, 1, MaxAttemptsLimit); err != nil {
		return err
	}
	if err := s.RetryOnExit.validate(); err != nil {
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
		case strings.HasPrefix(name, ReservedEnvPrefix) && name != EnvGitCommit && name != EnvGitBranch && name != EnvGitDirty:
			return InvalidField(field, "%s: names that begin with %s are reserved, except %s, %s and %s", field, ReservedEnvPrefix, EnvGitCommit, EnvGitBranch, EnvGitDirty)
		}
		if len(value) > MaxEnvValueBytes {
			return InvalidField(field, "the value of %s is %d bytes long; the limit is %d", field, len(value), MaxEnvValueBytes)
		}
		if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
			return InvalidField(field, "the value of %s must be UTF-8 without NUL bytes", field)
		}
	}
	return nil
}

func (s *Source) validate() error {
	if !hashRE.MatchString(s.SHA256) {
		return InvalidField("source.sha256", "source.sha256 must be 64 lower-case hexadecimal digits")
	}
	switch {
	case s.Format != "" && s.Format != FormatZIP && s.Format != FormatManifest:
		return InvalidField("source.format", "source.format must be %s or %s, not %q", FormatZIP, FormatManifest, s.Format)
	case len(s.Packs) > 0 && s.Format != FormatManifest:
		return InvalidField("source.packs", "only a source of the format %s has packs", FormatManifest)
	case len(s.Packs) > MaxPacks:
		return InvalidField("source.packs", "source.packs has %d entries; the limit is %d: make larger packs", len(s.Packs), MaxPacks)
	case s.UnpackedBytes < 0:
		return InvalidField("source.unpackedBytes", "source.unpackedBytes must not be negative")
	}
	for i, p := range s.Packs {
		if !hashRE.MatchString(p) {
			return InvalidField(fmt.Sprintf("source.packs[%d]", i), "a pack must be named by 64 lower-case hexadecimal digits")
		}
	}
	return validateText("source.filename", s.Filename, MaxFilenameRunes)
}

// A Command is one step of a job: a string for the shell, or a program and its
// arguments, run with no shell. In JSON a string, or {"argv": […]}.
type Command struct {
	Shell string   // the text given to the shell; empty if Argv is set
	Argv  []string // the program and its arguments; nil if Shell is set
}

// MarshalJSON writes the string or the object form.
func (c Command) MarshalJSON() ([]byte, error) {
	if c.Argv != nil {
		return json.Marshal(argvForm{c.Argv})
	}
	return json.Marshal(c.Shell)
}

type argvForm struct {
	Argv []string `json:"argv"`
}

// UnmarshalJSON reads the string or the object form, and nothing else.
func (c *Command) UnmarshalJSON(b []byte) error {
	*c = Command{}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &c.Shell)
	}
	var o argvForm
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil || o.Argv == nil {
		return errors.New(`a command is a string, or {"argv": ["program", "argument"]}`)
	}
	c.Argv = o.Argv
	return nil
}

// String is the command as a person would read it: argv quoted where needed.
func (c Command) String() string {
	if c.Argv == nil {
		return c.Shell
	}
	words := make([]string, len(c.Argv))
	for i, a := range c.Argv {
		words[i] = QuoteWord(a)
	}
	return strings.Join(words, " ")
}

// QuoteWord quotes a word for a POSIX shell, if necessary.
func QuoteWord(s string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=+,@%"
	if s != "" && strings.Trim(s, safe) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func validateCommands(commands []Command) error {
	if len(commands) == 0 || len(commands) > MaxCommands {
		return InvalidField("commands", "commands must hold 1 to %d commands, not %d", MaxCommands, len(commands))
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
		return InvalidField(field+".argv", "%s.argv must hold 1 to %d words, not %d", field, MaxArgs, len(c.Argv))
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
		return InvalidField(field, "%s is empty", field)
	case len(s) > MaxCommandBytes:
		return InvalidField(field, "%s is %d bytes long; the limit is %d: put it into a script in the folder", field, len(s), MaxCommandBytes)
	case strings.ContainsRune(s, 0):
		return InvalidField(field, "%s holds a NUL byte", field)
	case !utf8.ValidString(s):
		return InvalidField(field, "%s is not UTF-8", field)
	}
	return nil
}
