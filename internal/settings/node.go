package settings

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An Error is a fault of a file, with its place.
type Error struct {
	File         string
	Line, Column int // from 1; 0: not known
	Message      string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// maxFileBytes bounds the files that are read.
const maxFileBytes = 1 << 20

// A reader reads the nodes of one file.
type reader struct{ file string }

func (r reader) errorf(n *yaml.Node, format string, args ...any) error {
	return &Error{r.file, n.Line, n.Column, fmt.Sprintf(format, args...)}
}

// document reads the one document of a file; nil if it is empty.
func (r reader) document(in io.Reader) (*yaml.Node, error) {
	b, err := io.ReadAll(io.LimitReader(in, maxFileBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", r.file, err)
	case len(b) > maxFileBytes:
		return nil, &Error{File: r.file, Message: fmt.Sprintf("the file is larger than %d bytes", maxFileBytes)}
	}
	dec := yaml.NewDecoder(strings.NewReader(string(b)))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, r.syntaxError(err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, &Error{File: r.file, Message: "the file must have one YAML document"}
	}
	return doc.Content[0], nil
}

// syntaxError gives a message of the YAML parser, "yaml: line 3: …", the form of an Error.
func (r reader) syntaxError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, message, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			if strings.HasPrefix(message, "found character that cannot start any token") {
				message += "; YAML is indented with spaces, not tabs"
			}
			return &Error{r.file, line, 1, message}
		}
	}
	return &Error{File: r.file, Message: text}
}

// fields reads a mapping: what is the mapping's name in messages, of the reader for each
// of its keys.
func (r reader) fields(n *yaml.Node, what string, of map[string]func(*yaml.Node) error) error {
	return r.entries(n, what, func(key *yaml.Node, value *yaml.Node) error {
		read, ok := of[key.Value]
		if !ok {
			return r.unknownField(key, what, of)
		}
		return read(value)
	})
}

// entries calls read for each entry of a mapping.
func (r reader) entries(n *yaml.Node, what string, read func(key, value *yaml.Node) error) error {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		return r.errorf(n, "%s must be a mapping, like \"name: value\"", what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return r.errorf(key, "a key of %s must be text", what)
		}
		if seen[key.Value] {
			return r.errorf(key, "%q is there twice in %s", key.Value, what)
		}
		seen[key.Value] = true
		if err := read(key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) unknownField(key *yaml.Node, what string, of map[string]func(*yaml.Node) error) error {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	suggestion := ""
	if name := meantField(key.Value, names); name != "" {
		suggestion = fmt.Sprintf(" (did you mean %s?)", name)
	}
	return r.errorf(key, "%s has no field %q%s; its fields: %s", what, key.Value, suggestion, strings.Join(names, ", "))
}

// otherNames are what similar files of other tools call a field of ours.
var otherNames = map[string]string{
	"cmd": "commands", "cmds": "commands", "run": "commands", "script": "commands", "steps": "commands",
	"dependson": "after", "deps": "after", "needs": "after", "requirements": "requires", "labels": "requires", "runson": "requires", "tags": "requires",
	"dir": "folder", "workingdirectory": "folder", "environment": "env", "desc": "description", "retry": "retries", "paths": "artifacts",
	"restorekeys": "prefixes",
}

// meantField is the one of the names that the unknown name most probably stands for; empty if
// there is none.
func meantField(unknown string, names []string) string {
	plain := func(s string) string { return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s)) }
	u := plain(unknown)
	for _, name := range names {
		if n := plain(name); otherNames[u] == name || isTypo(u, n) {
			return name
		}
	}
	return ""
}

// resolve follows an alias to its anchor.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// text reads a scalar as it is written.
func (r reader) text(n *yaml.Node, what string) (string, error) {
	at := resolve(n)
	if at.Kind != yaml.ScalarNode || at.Tag == "!!null" {
		return "", r.errorf(n, "%s must be text", what)
	}
	return at.Value, nil
}

// texts reads a list of scalars, or one alone.
func (r reader) texts(n *yaml.Node, what string) ([]string, error) {
	at := resolve(n)
	if at.Kind != yaml.SequenceNode {
		one, err := r.text(n, what)
		return []string{one}, err
	}
	all := make([]string, len(at.Content))
	for i, item := range at.Content {
		var err error
		if all[i], err = r.text(item, fmt.Sprintf("%s[%d]", what, i)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// isTypo reports whether a is b but for one character that is missing, is too many or is wrong.
func isTypo(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	start := 0
	for start < len(a) && a[start] == b[start] {
		start++
	}
	rest := b[min(start+1, len(b)):]
	return a[start:] == rest || len(a) == len(b) && a[min(start+1, len(a)):] == rest
}
