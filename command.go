package errand

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

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
		words[i] = quoteWord(a)
	}
	return strings.Join(words, " ")
}

// quoteWord quotes a for a POSIX shell, if it needs to be.
func quoteWord(a string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=+,@%", r)
	}
	if a != "" && strings.IndexFunc(a, func(r rune) bool { return !plain(r) }) < 0 {
		return a
	}
	return "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
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
		return InvalidField(field+".argv", "argv must hold 1 to %d words, not %d", MaxArgs, len(c.Argv))
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
